//! The path that an upstream gets if its application has `strip_prefix`.
//!
//! What must stay true: the rest is forwarded as it was sent, byte for byte; and read in every way, it
//! is the same place below the prefix that was decided on. A path for which that cannot be had is
//! refused.

use super::path::Path;

/// `raw` without the route's prefix (in strict form, without a slash at its end): what follows in
/// `raw`, which is empty or begins with a slash. Nothing, where the prefix cannot be taken off without
/// changing what the rest means.
pub(super) fn strip<'a>(raw: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() {
        return Some(raw);
    }
    let whole = Path::parse(raw.as_bytes()).ok()?;
    let slashes = raw.bytes().enumerate().skip(1).filter(|&(_, b)| b == b'/').map(|(at, _)| at);
    let mut ends = slashes.chain([raw.len()]);
    let end = ends.find(|&end| {
        let head = Path::parse(&raw.as_bytes()[..end]);
        head.is_ok_and(|head| head.strict().trim_end_matches('/') == prefix)
    })?;
    let rest = &raw[end..];
    let read = Path::parse(rest.as_bytes()).ok()?;
    let below = whole.strict().strip_prefix(prefix)?;
    (below == read.strict() || (below.is_empty() && read.strict() == "/")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_stays_as_it_was_sent() {
        for (raw, prefix, rest) in [
            ("/mail/x", "/mail", Some("/x")),
            ("/mail", "/mail", Some("")),
            ("/mail/", "/mail", Some("/")),
            ("/mail//x/./%2f", "/mail", Some("//x/./%2f")),
            ("//mail/%7euser", "/mail", Some("/%7euser")),
            ("/%6dail/x", "/mail", Some("/x")),
            ("/mail;v=1/x", "/mail", Some("/x")),
            ("/./mail/x", "/mail", Some("/x")),
            ("/shop/cart/1", "/shop/cart", Some("/1")),
            ("/mail/a/../b", "/mail", Some("/a/../b")),
            ("/x/y", "", Some("/x/y")),
            // the rest would be read as something else than what was decided on
            ("/mail/../mail/x", "/mail", None),
            ("/shop%2Fcart/x", "/shop", None),
            ("/mailbox", "/mail", None),
        ] {
            assert_eq!(strip(raw, prefix), rest, "{raw} {prefix}");
        }
    }
}
