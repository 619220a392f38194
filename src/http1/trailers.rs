//! Which fields may stand behind a body (RFC 9110, section 6.5.1).
//!
//! What must stay true: a trailer that is passed on cannot change how a message is framed, routed, authenticated,
//! cached or read, even at a recipient that takes it for a header and reads `_` as `-`.

/// Fields that mean nothing, or harm, behind a body.
const HEADERS: [&str; 25] = [
    "age",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
];

/// Beginnings of families of such fields.
const FAMILIES: [&str; 6] = ["accept", "access-control-", "content-", "http2-", "if-", "proxy-"];

/// Whether a field of this name may be a trailer.
pub fn may_trail(name: &str) -> bool {
    let begins = |start: &str| {
        name.len() >= start.len()
            && name.bytes().zip(start.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b) || (a == b'_' && b == b'-'))
    };
    let is = |other: &&str| name.len() == other.len() && begins(other);
    is(&"content-digest") || !(HEADERS.iter().any(is) || FAMILIES.iter().any(|family| begins(family)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_reader_acts_on() {
        for name in ["X-T", "Server-Timing", "grpc-status", "ETag", "Content-Digest", "Content_Digest", "hosts", "x_y"]
        {
            assert!(may_trail(name), "{name}");
        }
        for name in ["Content-Length", "content_length", "HOST", "Transfer_Encoding", "If-Match", "Set-Cookie"] {
            assert!(!may_trail(name), "{name}");
        }
    }
}
