//! Forwarded heads: which fields end at this hop, and which are written anew.
//!
//! What must stay true: hop-by-hop fields (RFC 9110, section 7.6.1), and those that Connection names, are never
//! forwarded, in either direction; several lines of one name stay separate and in order (Set-Cookie); the code
//! that frames the next message writes length and coding, so that two framings can never contradict each other.

use crate::{
    gate::{
        decide::Notices,
        fields::Lines,
        forwarded::{Claim, Forwarding, claim},
    },
    http1::{
        framing::{AnswerMeaning, Body, Known, RequestMeaning},
        head::{AnswerHead, RequestHead, Target},
        machine::{Framed, Reply},
        trailers::may_trail,
        write,
    },
    vocabulary::HeaderRules,
};

/// The longest name that can claim something; longer ones claim nothing.
const MAX_CLAIM: usize = 64;

/// Writes a request's head as the upstream gets it, without the empty line at its end, and without Host where
/// the request has none.
pub fn request(
    out: &mut Vec<u8>,
    head: &RequestHead<'_, '_>,
    meaning: &RequestMeaning<'_>,
    target: &Target<'_>,
    forwarding: &Forwarding<'_>,
) {
    let slash = if target.path.is_empty() { "/" } else { "" };
    write::request_line(out, head.method, &[slash, target.origin]);
    if !forwarding.host.is_empty() && forwarding.keeps_host {
        write::field(out, "host", forwarding.host.as_bytes());
    }
    for field in head.fields {
        if Known::of(field.name) == Known::Other
            && !meaning.options.name(field.name)
            && travels(field.name, forwarding.trusted)
            && forwarding.ids.is_none_or(|ids| !ids.replaces(field.name))
            && forwarding.rules.is_none_or(|rules| !rules.drops(field.name))
        {
            write::field(out, field.name, field.value);
        }
    }
    match meaning.body {
        Body::None | Body::ToClose => {}
        Body::Length(length) => write::length(out, length),
        Body::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if meaning.expects {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    match (meaning.upgrade.is_some(), meaning.trailers) {
        (true, true) => out.extend_from_slice(b"connection: upgrade, te\r\nte: trailers\r\n"),
        (true, false) => out.extend_from_slice(b"connection: upgrade\r\n"),
        (false, true) => out.extend_from_slice(b"connection: te\r\nte: trailers\r\n"),
        (false, false) => {}
    }
    if let Some(protocol) = meaning.upgrade {
        write::field(out, "upgrade", protocol);
    }
    out.extend_from_slice(if forwarding.http2 { b"via: 2.0 forewarn\r\n" } else { via(head.minor) });
    forwarding.write(&Lines(head.fields), out);
    forwarding.ids.iter().for_each(|ids| ids.write(out));
    let added = forwarding.rules.into_iter().flat_map(HeaderRules::added);
    added.for_each(|(name, value)| write::field(out, name, value.as_bytes()));
}

/// Tells browsers to come by `https` only (RFC 6797).
pub(in crate::gate) const HSTS: &str = "strict-transport-security";

/// What an answer gets beside its own fields.
pub(in crate::gate) struct Beside<'a> {
    /// What is told of the application.
    pub(in crate::gate) notices: &'a Notices,
    /// Fields that it gets or loses.
    pub(in crate::gate) rules: &'a HeaderRules,
    /// For answers that have none.
    pub(in crate::gate) date: &'a [u8],
    /// For answers that have none.
    pub(in crate::gate) hsts: Option<&'a [u8]>,
}

/// Writes an answer's head as the client gets it.
pub(in crate::gate) fn answer(
    out: &mut Vec<u8>,
    head: &AnswerHead<'_, '_>,
    meaning: &AnswerMeaning<'_>,
    reply: &Reply,
    Beside { notices, rules, date, mut hsts }: Beside<'_>,
) {
    write::status_line(out, head.status, head.reason);
    let mut dated = head.status < 200;
    for field in head.fields {
        if Known::of(field.name) == Known::Other && !meaning.options.name(field.name) {
            dated |= field.name.eq_ignore_ascii_case("date");
            hsts = hsts.filter(|_| !field.name.eq_ignore_ascii_case(HSTS));
            if !rules.drops(field.name) {
                write::field(out, field.name, field.value);
            }
        }
    }
    match reply {
        Reply::Ignored | Reply::Interim => {}
        Reply::Switched => {
            out.extend_from_slice(b"connection: upgrade\r\n");
            write::field(out, "upgrade", meaning.upgrade.unwrap_or_default());
        }
        Reply::Final(framed) => write_framing(out, framed),
    }
    if head.status >= 200 {
        out.extend_from_slice(via(head.minor));
        notices.each(|name, value| write::field(out, name, value));
        rules.added().for_each(|(name, value)| write::field(out, name, value.as_bytes()));
        hsts.into_iter().for_each(|hsts| write::field(out, HSTS, hsts));
    }
    if !dated {
        write::field(out, "date", date);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_framing(out: &mut Vec<u8>, framed: &Framed) {
    if let Some(length) = framed.length {
        write::length(out, length);
    }
    if framed.chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if framed.close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    if framed.keep_alive {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
}

/// `Via` names the protocol that the message arrived in.
fn via(minor: u8) -> &'static [u8] {
    if minor == 0 { b"via: 1.0 forewarn\r\n" } else { b"via: 1.1 forewarn\r\n" }
}

/// Whether a field behind a body is passed on, in either direction.
pub fn trails(name: &str) -> bool {
    may_trail(name) && travels(name, false)
}

/// Whether a field of a request may go to the upstream, in any case of its letters.
fn travels(name: &str, trusted: bool) -> bool {
    let first = name.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
    if !matches!(first, b'f' | b'x' | b'p') && !name.as_bytes().contains(&b'_') {
        return true;
    }
    let mut small = [0; MAX_CLAIM];
    let Some(small) = small.get_mut(..name.len()) else {
        return !name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("x-forwarded-")) || trusted;
    };
    small.copy_from_slice(name.as_bytes());
    small.make_ascii_lowercase();
    match claim(std::str::from_utf8(small).unwrap_or_default()) {
        Claim::None => true,
        Claim::IfTrusted => trusted,
        Claim::Rebuilt | Claim::Forged => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http1::{
        framing,
        head::{self, Slots},
    };

    fn passed_on(text: &str, trusted: bool) -> String {
        let mut slots = Slots::default();
        let head = head::request(text.as_bytes(), &mut slots, "/long/").unwrap().unwrap();
        let meaning = framing::request(&head).unwrap();
        let target = Target::parse(head.target).unwrap();
        let forwarding = Forwarding {
            peer: None,
            trusted,
            host: meaning.host,
            secure: false,
            http2: false,
            ids: None,
            rules: None,
            keeps_host: true,
        };
        let mut out = Vec::new();
        request(&mut out, &head, &meaning, &target, &forwarding);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_ends_here_and_what_travels() {
        let text = "GET /a/../b?%zz HTTP/1.1\r\nHost: h:1\r\nConnection: close, X-Hop\r\nConnection: te, X-Forwarded-For\r\n\
                    X-Hop: 1\r\nTE: trailers\r\nTrailer: x\r\nX-Stays: 1\r\nx-STAYS: 2\r\nKeep-Alive: 5\r\nProxy: x\r\n\
                    User_Id: 7\r\nContent_Length: 5\r\nX-Real-IP: 6.6.6.6\r\nForewarn-Reason: x\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(
            passed_on(text, false),
            "GET /a/../b?%zz HTTP/1.1\r\nhost: h:1\r\nX-Stays: 1\r\nx-STAYS: 2\r\nUser_Id: 7\r\nconnection: te\r\nte: trailers\r\n\
             via: 1.1 forewarn\r\n\
             x-forwarded-for: unknown\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:1\r\n\
             forwarded: for=unknown;host=\"h:1\";proto=http\r\n"
        );
        assert!(passed_on(text, true).contains("\r\nX-Real-IP: 6.6.6.6\r\n"));
        let long = format!("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-{}: 1\r\n\r\n", "a".repeat(100));
        assert!(!passed_on(&long, false).contains("aaa") && passed_on(&long, true).contains("aaa"));
    }

    #[test]
    fn answers_keep_their_cookies_and_not_their_hops() {
        let text = "HTTP/1.0 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: x-hop\r\nX-Hop: 1\r\n\
                    Keep-Alive: timeout=5\r\nContent-Length: 5\r\nX-Gone: 1\r\nX-Set: 0\r\nVia: 1.1 other\r\n\r\n";
        let mut slots = Slots::default();
        let head = head::answer(text.as_bytes(), &mut slots).unwrap().unwrap();
        let meaning = framing::answer(&head, false).unwrap();
        let framed = Framed { length: Some(5), chunked: false, close: true, keep_alive: false };
        let mut out = Vec::new();
        answer(
            &mut out,
            &head,
            &meaning,
            &Reply::Final(framed),
            Beside {
                notices: &Notices { advisory: Some("slow".into()), next: Some("soon".into()), ..Notices::default() },
                rules: &HeaderRules::new(vec![("x-set".to_owned(), "1".to_owned())], vec!["x-gone".to_owned()]),
                date: b"now",
                hsts: Some(b"max-age=1"),
            },
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nVia: 1.1 other\r\ncontent-length: 5\r\n\
             connection: close\r\nvia: 1.0 forewarn\r\nforewarn-advisory: slow\r\nforewarn-next: soon\r\nx-set: 1\r\nstrict-transport-security: max-age=1\r\ndate: now\r\n\r\n"
        );
    }
}
