//! Streams that are nearly requests: pieces that mean something, put together by chance and then damaged.

use proptest::{collection::vec, prelude::*, sample::select};

/// Sizes of the pieces in which a stream arrives.
pub fn splits() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1; 4_000]), vec(1_usize..8, 0..200), vec(1_usize..400, 0..20),]
}

/// A stream of a few requests, most of them good.
pub fn streams() -> impl Strategy<Value = Vec<u8>> {
    (vec(request(), 1..4), vec(damage(), 0..3)).prop_map(|(requests, damages)| {
        let mut stream = requests.concat();
        damages.into_iter().for_each(|damage| damage.apply(&mut stream));
        stream
    })
}

/// A change somewhere in a stream.
#[derive(Debug, Clone)]
struct Damage {
    at: proptest::sample::Index,
    cut: usize,
    put: Vec<u8>,
}

impl Damage {
    fn apply(&self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let from = self.at.index(stream.len());
        let to = (from + self.cut).min(stream.len());
        stream.splice(from..to, self.put.iter().copied());
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let put = prop_oneof![
        vec(any::<u8>(), 0..3),
        select(vec![
            &b"\r\n"[..],
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b":",
            b";",
            b"0",
            b"\0",
            b"\r\n\r\n",
            b"0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    (any::<proptest::sample::Index>(), 0_usize..4, put).prop_map(|(at, cut, put)| Damage { at, cut, put })
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let before = select(vec!["", "", "", "\r\n", "\n\r\n"]);
    let method = select(vec!["GET", "POST", "HEAD", "PUT", "M-SEARCH", "get"]);
    let target = select(vec![
        "/",
        "/a?b",
        "/a//b/../%2F",
        "/<x>",
        "http://h/x",
        "http://h",
        "HTTPS://h:1?x",
        "http://h#/x",
        "*",
        "h:80",
        "/%",
    ]);
    let version = select(vec!["1.1", "1.1", "1.1", "1.1", "1.0"]);
    let host = select(vec![
        "Host: h\r\n",
        "Host: h\r\n",
        "Host: h\r\n",
        "host:h:80\r\n",
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a b\r\n",
    ]);
    let end = select(vec!["\r\n", "\r\n", "\r\n", "\n"]);
    (before, method, target, version, host, vec(field(), 0..4), body(), end).prop_map(
        |(before, method, target, version, host, fields, (framing, body), end)| {
            let head = format!("{before}{method} {target} HTTP/{version}{end}{host}{}{framing}{end}", fields.concat());
            [head.as_bytes(), &*body].concat()
        },
    )
}

fn field() -> impl Strategy<Value = &'static str> {
    select(vec![
        "Accept: */*\r\n",
        "X-A: 1\r\n",
        "X-B:\t 2 \t\r\n",
        "X-C:\r\n",
        "Connection: keep-alive\r\n",
        "Connection: close\r\n",
        "Connection: X-A, upgrade\r\n",
        "Upgrade: foo\r\n",
        "Upgrade: h2c\r\n",
        "TE: trailers\r\n",
        "Expect: 100-continue\r\n",
        "Keep-Alive: timeout=5\r\n",
        "X-Forwarded-For: 1.2.3.4\r\n",
        "Content_Length: 5\r\n",
        "Proxy: x\r\n",
        "X-D: \u{e9}\u{ff}\r\n",
        "X-LF: 1\n",
        "Folded: 1\r\n 2\r\n",
        "Space : 1\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: identity\r\n",
    ])
}

/// How a body is framed, and itself.
fn body() -> impl Strategy<Value = (String, Vec<u8>)> {
    let data = || vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => Just((String::new(), Vec::new())),
        3 => data().prop_map(|data| (format!("Content-Length: {}\r\n", data.len()), data)),
        3 => (vec((data(), select(vec!["", "", ";a", " ;a=\"b\""]), any::<bool>()), 0..4), trailers())
            .prop_map(|(chunks, trailers)| ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&chunks, trailers))),
        1 => data().prop_map(|data| ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n".to_owned(), data)),
        1 => data().prop_map(|data| (format!("Content-Length: +{}\r\n", data.len()), data)),
    ]
}

fn trailers() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        "X-T: 1\r\n",
        "Content-Length: 9\r\nHost: x\r\nX-T: 1\r\n",
        "X_Forwarded_For: 1\r\nTransfer_Encoding: gzip\r\n",
        "no field\r\n",
    ])
}

fn chunked(chunks: &[(Vec<u8>, &str, bool)], trailers: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (data, extension, padded) in chunks.iter().filter(|(data, ..)| !data.is_empty()) {
        let zeros = if *padded { "00" } else { "" };
        out.extend_from_slice(format!("{zeros}{:X}{extension}\r\n", data.len()).as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    out
}
