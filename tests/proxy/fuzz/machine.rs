//! A stream read as a connection of the gate reads it, with an upstream that takes everything and answers at once.

use forewarn::{
    gate::{forward::heads, forwarded::Forwarding},
    http1::{
        framing,
        head::{self, AnswerHead, Search, Slots, Target},
        machine::Exchange,
        pipe::Pipe,
    },
};

/// The largest buffer, as at the gate.
const BUFFER: usize = 64 * 1024;

/// A request that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
    /// What its upstream gets.
    pub forwarded: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More could come.
    Open,
    /// Something in it is no request.
    Refused,
    /// Nothing more is taken.
    Closed,
}

/// What was read.
pub struct Outcome {
    pub requests: Vec<Request>,
    pub end: End,
}

struct Reader {
    pipe: Pipe,
    search: Search,
    current: Option<(Request, Exchange)>,
    requests: Vec<Request>,
}

/// Reads a stream that arrives in pieces of these sizes; the rest in one.
pub fn read(stream: &[u8], splits: &[usize]) -> Outcome {
    let mut reader = Reader { pipe: Pipe::default(), search: Search::default(), current: None, requests: Vec::new() };
    let mut rest = stream;
    let mut splits = splits.iter();
    let mut end = End::Open;
    while !rest.is_empty() && end == End::Open {
        let n = splits.next().map_or(rest.len(), |n| (*n).clamp(1, rest.len()));
        let fed = reader.pipe.feed(&rest[..n], BUFFER);
        rest = &rest[fed..];
        end = reader.turn(false);
        // As at the gate, an empty pipe has no buffer.
        reader.pipe.take_buffer();
    }
    if end == End::Open {
        end = reader.turn(true);
    }
    Outcome { requests: reader.requests, end }
}

impl Reader {
    /// Takes what is there. `last`: it is tried even if there is no sign that it is worthwhile.
    fn turn(&mut self, last: bool) -> End {
        loop {
            if let Some((request, exchange)) = &mut self.current {
                if exchange.upload(&mut self.pipe).is_err() {
                    return End::Refused;
                }
                request.forwarded.extend_from_slice(self.pipe.ready());
                self.pipe.written(self.pipe.ready().len());
                if !exchange.is_upload_over() {
                    return End::Open;
                }
                let keeps = answered(exchange);
                let Some((mut request, _)) = self.current.take() else { return End::Open };
                request.body = body_of(&request.forwarded);
                self.requests.push(request);
                if !keeps {
                    return End::Closed;
                }
            }
            let raw = self.pipe.raw();
            if raw.is_empty() || !(self.search.is_worthwhile(raw) || last) {
                return End::Open;
            }
            let mut slots = Slots::default();
            let head = match head::request(raw, &mut slots, "/.forewarn/check/") {
                Ok(Some(head)) => head,
                Ok(None) => return End::Open,
                Err(_) => return End::Refused,
            };
            let (Ok(meaning), Ok(target)) = (framing::request(&head), Target::parse(head.target)) else {
                return End::Refused;
            };
            let host = match target.authority {
                None => meaning.host,
                Some(authority) => match head::host(authority.as_bytes()) {
                    Some(host) => host,
                    None => return End::Refused,
                },
            };
            let mut forwarded = Vec::new();
            let forwarding = Forwarding {
                peer: None,
                trusted: false,
                host,
                secure: false,
                http2: false,
                ids: None,
                rules: None,
                keeps_host: true,
            };
            heads::request(&mut forwarded, &head, &meaning, &target, &forwarding);
            if host.is_empty() {
                forwarded.extend_from_slice(b"host: upstream\r\n");
            }
            forwarded.extend_from_slice(b"\r\n");
            let request =
                Request { method: head.method.to_owned(), target: head.target.to_owned(), body: Vec::new(), forwarded };
            self.current = Some((request, Exchange::new(&head, &meaning, heads::trails)));
            let len = head.len;
            self.pipe.consume(len);
            self.search = Search::default();
        }
    }
}

/// Whether the connection goes on behind an answer without a body.
fn answered(exchange: &mut Exchange) -> bool {
    let fields = [head::Field { name: "Content-Length", value: b"0" }];
    let answer = AnswerHead { minor: 1, status: 200, reason: "OK", fields: &fields, len: 0 };
    let meaning = framing::answer(&answer, exchange.asked_head()).unwrap();
    exchange.answer(200, &meaning).unwrap();
    exchange.keeps_client()
}

/// The body of a request as it was forwarded, without its framing.
fn body_of(forwarded: &[u8]) -> Vec<u8> {
    let (requests, _) = super::reference::requests(forwarded, super::reference::Manner::Strict);
    requests.into_iter().next().map(|one| one.body).unwrap_or_default()
}
