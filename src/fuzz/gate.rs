//! What strangers send to the gate: heads and bodies of HTTP/1.1, the PROXY protocol, cookies, forms.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use zeroize::Zeroizing;

use super::{outcome, run, text};
use crate::{
    answer::form::{Encoding, Form, NotKept},
    availability::{Criteria, HeaderSource, RequestFacts},
    gate::proxy_protocol,
    http1::{
        body::Decoder,
        framing::{self, Body},
        head::{self, MAX_ANSWER_FIELDS, MAX_FIELDS, Slots},
        unframe::{Part, Unframer},
    },
    vocabulary::{Secret, Visitors},
};

const HTTP: &[&str] = &[
    "GET ",
    "POST ",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "Host: h\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 4, 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Connection: close, x\r\n",
    "\r\n\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: websocket\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 101 x\r\n",
    "\r\n 5",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "5;a=\"b\"\r\nhello\r\n",
    "X: \0\r\n",
    "http://h/",
    "*",
    "//a/../b%2f",
    "\n",
    "\r",
];

/// What a body turned out to be.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    data: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    /// Where it ends, if it has.
    end: Option<usize>,
    is_broken: bool,
}

/// Reads a body in pieces of this size.
fn body(bytes: &[u8], framing: Body, piece: usize) -> Read {
    let (mut unframer, mut data, mut from, mut to) = (Unframer::new(framing), Vec::new(), 0, 0);
    let (end, is_broken) = loop {
        match unframer.next(&bytes[from..to]) {
            Ok((used, Part::Data(some))) => {
                data.extend_from_slice(some);
                from += used;
            }
            Ok((used, Part::End)) => break (Some(from + used), false),
            Ok((_, Part::More)) if to == bytes.len() => break (None, false),
            Ok((used, Part::More)) => {
                from += used;
                to = (to + piece).min(bytes.len());
            }
            Err(_) => break (None, true),
        }
    };
    Read { data, trailers: unframer.trailers, end, is_broken }
}

#[cfg_attr(test, test)]
pub(super) fn http1() {
    run("http1", HTTP, |bytes| {
        let (mut slots, mut answer_slots) = (Slots::<MAX_FIELDS>::default(), Slots::<MAX_ANSWER_FIELDS>::default());
        let read = head::request(bytes, &mut slots, "/.forewarn/x");
        let came = match &read {
            Ok(Some(head)) => {
                assert!(head.len <= bytes.len() && head.fields.len() <= MAX_FIELDS);
                // what is behind a head changes nothing about it, and less is no head
                let mut again = Slots::<MAX_FIELDS>::default();
                let alone = head::request(&bytes[..head.len], &mut again, "/.forewarn/x").unwrap().unwrap();
                assert_eq!((alone.method, alone.target, alone.len), (head.method, head.target, head.len));
                let mut less = Slots::<MAX_FIELDS>::default();
                assert!(!matches!(head::request(&bytes[..head.len - 1], &mut less, "/.forewarn/x"), Ok(Some(_))));
                let meaning = framing::request(head);
                if let Ok(meaning) = &meaning {
                    let rest = &bytes[head.len..];
                    let (whole, slow) = (body(rest, meaning.body, rest.len().max(1)), body(rest, meaning.body, 1));
                    // one that is broken may show more of its data where it comes slowly
                    assert!(
                        whole.is_broken == slow.is_broken && (whole.is_broken || whole == slow),
                        "{whole:?} {slow:?}"
                    );
                    assert!(!Decoder::new(meaning.body).is_over() || whole.data.is_empty());
                }
                format!("{:?}", meaning.map(|meaning| meaning.body))
            }
            other => format!("{other:?}"),
        };
        let answer = match head::answer(bytes, &mut answer_slots) {
            Ok(Some(head)) => format!("{:?}", framing::answer(&head, false).map(|meaning| meaning.body)),
            other => format!("{other:?}"),
        };
        outcome(&(came + &answer))
    });
}

#[cfg_attr(test, test)]
pub(super) fn proxy_protocol_() {
    let words = ["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", "127.0.0.1 ", "::1 ", "65535", "\r\n\r\n\0\r\nQUIT\n"];
    run("proxy_protocol", &words, |bytes| {
        let whole = proxy_protocol::read(bytes);
        if let Ok(Some(header)) = whole {
            assert!(header.len <= bytes.len());
            // what follows is the client's, and what is less is not enough
            assert_eq!(proxy_protocol::read(&bytes[..header.len]), whole);
            assert_eq!(proxy_protocol::read(&bytes[..header.len - 1]), Ok(None));
        }
        if let Some(source) = whole.ok().flatten().and_then(|header| header.source) {
            let here = match source {
                SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 80)),
                SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 80)),
            };
            let written = proxy_protocol::header(Some(source), Some(here));
            let read = proxy_protocol::read(&written).unwrap().unwrap();
            let canonical = |at: SocketAddr| (at.ip().to_canonical(), at.port());
            assert_eq!(read.source.map(canonical), Some(canonical(source)));
        }
        outcome(&format!("{whole:?}").replace(char::is_numeric, ""))
    });
}

/// The values of a cookie, by the book: the first 8 of the first 256.
fn cookies<'a>(line: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = line.split(';').take(256).filter_map(|pair| pair.trim_ascii().split_once('='));
    let values = pairs.filter(|(known, _)| known.trim_ascii() == name).map(|(_, value)| value.trim_ascii());
    let bare = |value: &'a str| value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    values.take(8).map(bare).collect()
}

/// A request with one field: `Cookie`.
struct Line<'l>(&'l str);

impl HeaderSource for Line<'_> {
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8])) {
        if name == "cookie" {
            take(self.0.as_bytes());
        }
    }
}

#[cfg_attr(test, test)]
pub(super) fn cookies_() {
    let criteria = |glob: &str| Criteria::parse(&serde_json::json!({"cookies": {"a": glob}})).unwrap().unwrap();
    let (all, some, none) = (criteria("*"), criteria("b*"), criteria("zzz"));
    let visitors = Visitors::new(Some(&Secret::new("0123456789abcdef")), None, [0; 32]);
    let good = visitors.inside.sign(["mail"], 1_800_000_000);
    run("cookies", &["a=", "b", "; ", "\"", "=", ";", "forewarn-inside=", "mail~", "~1800000000~", &good], |bytes| {
        let line = text(bytes).into_owned();
        let headers = Line(&line);
        let facts = RequestFacts {
            method: "GET",
            path: "/",
            also: [None; 2],
            query: "",
            headers: &headers,
            client: None,
            node: "a",
            inside: false,
        };
        let expected = cookies(&line, "a");
        assert_eq!(all.match_request(&facts), !expected.is_empty(), "{line:?}");
        assert_eq!(some.match_request(&facts), expected.iter().any(|value| value.starts_with('b')), "{line:?}");
        assert_eq!(none.match_request(&facts), expected.contains(&"zzz"), "{line:?}");
        // a signed token is the one that was signed, or it is none
        for token in line.split(['=', ';']).map(str::trim_ascii) {
            assert!(visitors.inside.read(token).is_none() || token.eq_ignore_ascii_case(&good), "{token:?}");
        }
        outcome(&format!("{} {}", expected.len().min(2) == 1, visitors.inside.read(&line).is_some()))
    });
}

#[cfg_attr(test, test)]
pub(super) fn forms() {
    let words = [
        "--x\r\n",
        "--x--\r\n",
        "Content-Disposition: form-data; name=\"a\"\r\n\r\n",
        "; filename=\"f\"",
        "\r\n",
        "a=b",
        "&",
        "%41",
        "%",
        "+",
        "password=1",
        "\0",
        "&#0;",
    ];
    let not_kept = NotKept::default();
    run("forms", &words, |bytes| {
        let encodings = [Encoding::Urlencoded, Encoding::of(b"multipart/form-data; boundary=x").unwrap()];
        let forms = encodings.iter().map(|encoding| Form::read(encoding, Zeroizing::new(bytes.to_vec()), &not_kept));
        let came: Vec<usize> = forms.map(|form| form.map_or(0, |form| form.most())).collect();
        // a page of a form is not much larger than the form
        assert!(came.iter().all(|most| *most <= 64 * 1024 + 400 * bytes.len()), "{came:?} for {}", bytes.len());
        outcome(&format!("{:?}", came.iter().map(|most| most.checked_ilog2()).collect::<Vec<_>>()))
    });
}
