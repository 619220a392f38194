//! One exchange: a forwarded request and its answers.
//!
//! The machine tracks the state of both directions; the owner of the sockets reports what has arrived, and asks
//! what to write and how the exchange ends. The machine decides which interim answers are passed on, how an
//! answer is framed for its client, when bytes become a tunnel, and whether each of the two connections may be
//! used again.
//!
//! What must stay true: each connection is used again only if both its directions ended where their framing says;
//! `100` reaches a client only if it asked; an answer is final once; what follows a final answer is never passed
//! on as if it belonged to it.

use super::{
    body::{BodyError, Decoder},
    framing::{AnswerMeaning, Body, FramingError, RequestMeaning},
    head::RequestHead,
    pipe::{Coding, Pipe},
};

/// Why an upstream's answer cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Its end or its host cannot be told.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// 101 without a request for it, or without saying to what.
    #[error("it switched protocols without being asked")]
    Unasked,
}

/// What to do with an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Leave it out.
    Ignored,
    /// Pass it on; another one follows.
    Interim,
    /// Pass it on, framed like this.
    Final(Framed),
    /// Pass it on; what follows is a tunnel.
    Switched,
}

/// What a final answer's head says about its body and its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed {
    /// `Content-Length`
    pub length: Option<u64>,
    /// `Transfer-Encoding: chunked`
    pub chunked: bool,
    /// `Connection: close`
    pub close: bool,
    /// `Connection: keep-alive`, which HTTP/1.0 needs to hear.
    pub keep_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Awaited,
    Streaming,
    Tunnel,
    Complete,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// HTTP/1.1, not 1.0.
    modern: bool,
    asked_head: bool,
    upgrades: bool,
    expects: bool,
    keeps: bool,
    upload: Decoder,
    upload_coding: Coding,
    stage: Stage,
    download: Decoder,
    download_coding: Coding,
    upstream_keeps: bool,
    /// By their names, the trailers that are passed on.
    trailers: fn(&str) -> bool,
}

impl Exchange {
    /// For a request whose head was read. `trailers` says by their names which trailers are passed on.
    pub fn new(head: &RequestHead<'_, '_>, meaning: &RequestMeaning<'_>, trailers: fn(&str) -> bool) -> Self {
        Self {
            modern: head.minor > 0,
            asked_head: head.method == "HEAD",
            upgrades: meaning.upgrade.is_some(),
            expects: meaning.expects,
            keeps: meaning.keeps,
            upload: Decoder::keeping(meaning.body, meaning.options.trailers(trailers)),
            upload_coding: if meaning.body == Body::Chunked { Coding::Chunked } else { Coding::Plain },
            stage: Stage::Awaited,
            download: Decoder::new(Body::None),
            download_coding: Coding::Plain,
            upstream_keeps: false,
            trailers,
        }
    }

    /// Makes what has arrived of the request's body ready; in a tunnel, everything. Returns how many bytes went
    /// through.
    ///
    /// # Errors
    /// When it is no body. Nothing more may be read from the client.
    pub fn upload(&mut self, pipe: &mut Pipe) -> Result<u64, BodyError> {
        if !self.upload.is_over() {
            return self.upload_body(pipe);
        }
        Ok(if self.is_tunnel() { pipe.pass_all() as u64 } else { 0 })
    }

    fn upload_body(&mut self, pipe: &mut Pipe) -> Result<u64, BodyError> {
        let moved = pipe.pass(&mut self.upload, self.upload_coding)?;
        self.expects &= moved == 0;
        Ok(moved)
    }

    /// From now on the request's body is read and thrown away.
    pub fn drop_upload(&mut self) {
        self.upload_coding = Coding::Dropped;
    }

    /// Whether the last byte of the request's body has been found.
    pub fn is_upload_over(&self) -> bool {
        self.upload.is_over()
    }

    /// Whether the client waits for `100` before it sends its body.
    pub fn is_expecting(&self) -> bool {
        self.expects
    }

    /// Whether no final answer has come.
    pub fn is_awaited(&self) -> bool {
        self.stage == Stage::Awaited
    }

    /// Whether the final answer's body is on its way.
    pub fn is_streaming(&self) -> bool {
        self.stage == Stage::Streaming
    }

    /// Whether both directions are passed on unread.
    pub fn is_tunnel(&self) -> bool {
        self.stage == Stage::Tunnel
    }

    /// Whether the final answer has ended.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// Whether the client may send another request after this one.
    pub fn keeps_client(&self) -> bool {
        self.keeps && self.stage == Stage::Complete && self.upload.is_over()
    }

    /// The connection ends with this exchange, whatever the client wants.
    pub fn end_client(&mut self) {
        self.keeps = false;
    }

    /// Whether another request may be sent on the upstream's connection. `rest`: bytes that came behind the answer.
    pub fn keeps_upstream(&self, rest: &[u8]) -> bool {
        let whole = self.upload.is_over() && self.upload_coding != Coding::Dropped;
        self.upstream_keeps && self.stage == Stage::Complete && whole && rest.is_empty()
    }

    /// Whether the method was HEAD, so that answers have no body.
    pub fn asked_head(&self) -> bool {
        self.asked_head
    }

    /// The head of an answer has arrived, and means this ([`super::framing::answer`]).
    ///
    /// # Errors
    /// When it cannot be passed on.
    pub fn answer(&mut self, status: u16, meaning: &AnswerMeaning<'_>) -> Result<Reply, AnswerError> {
        match status {
            101 if self.upgrades && meaning.upgrade.is_some() => {
                self.stage = Stage::Tunnel;
                self.keeps = false;
                self.expects = false;
                return Ok(Reply::Switched);
            }
            101 => return Err(AnswerError::Unasked),
            100 if !std::mem::take(&mut self.expects) => return Ok(Reply::Ignored),
            100..=199 if self.modern => return Ok(Reply::Interim),
            100..=199 => return Ok(Reply::Ignored),
            _ => {}
        }
        self.expects = false;
        self.upstream_keeps = meaning.keeps;
        self.download = Decoder::keeping(meaning.body, meaning.options.trailers(self.trailers));
        let unknown = matches!(meaning.body, Body::Chunked | Body::ToClose);
        let chunked = unknown && self.modern;
        self.keeps &= !unknown || chunked;
        self.download_coding = if chunked { Coding::Chunked } else { Coding::Plain };
        self.stage = if self.download.is_over() { Stage::Complete } else { Stage::Streaming };
        // Where there is no body, the length is that of another answer; 204 has none at all.
        let length = meaning.length.filter(|_| status != 204);
        Ok(Reply::Final(Framed { length, chunked, close: !self.keeps, keep_alive: self.keeps && !self.modern }))
    }

    /// Makes what has arrived of the answer's body ready; in a tunnel, everything.
    ///
    /// # Errors
    /// When it is no body. The client's connection must end where it stands.
    pub fn download(&mut self, pipe: &mut Pipe) -> Result<u64, BodyError> {
        match self.stage {
            Stage::Awaited | Stage::Complete => Ok(0),
            Stage::Tunnel => Ok(pipe.pass_all() as u64),
            Stage::Streaming => {
                let moved = pipe.pass(&mut self.download, self.download_coding)?;
                if self.download.is_over() {
                    self.stage = Stage::Complete;
                }
                Ok(moved)
            }
        }
    }

    /// The client understands chunks.
    pub fn is_modern(&self) -> bool {
        self.modern
    }

    /// The body of the answer is changed on its way: it comes out without framing, and the part that changes it frames it anew.
    pub fn change_download(&mut self) {
        self.download_coding = Coding::Plain;
    }

    /// The upstream has ended its connection; all that came before has been through [`Self::download`].
    ///
    /// # Errors
    /// When the answer is not over with it.
    pub fn download_ended(&mut self, pipe: &mut Pipe) -> Result<(), BodyError> {
        self.upstream_keeps = false;
        match self.stage {
            Stage::Awaited => Err(BodyError::Cut),
            Stage::Complete | Stage::Tunnel => Ok(()),
            Stage::Streaming => {
                pipe.end(&mut self.download, self.download_coding)?;
                self.stage = Stage::Complete;
                Ok(())
            }
        }
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

    fn exchange(text: &str) -> Exchange {
        let mut slots = Slots::default();
        let head = head::request(text.as_bytes(), &mut slots, "/long/").unwrap().unwrap();
        Exchange::new(&head, &framing::request(&head).unwrap(), |name| name == "X-T")
    }

    fn tell(exchange: &mut Exchange, text: &str) -> Result<Reply, AnswerError> {
        let text = format!("HTTP/1.1 {text}\r\n\r\n");
        let mut slots = Slots::default();
        let head = head::answer(text.as_bytes(), &mut slots).unwrap().unwrap();
        exchange.answer(head.status, &framing::answer(&head, exchange.asked_head()).unwrap())
    }

    const PLAIN: Framed = Framed { length: None, chunked: false, close: false, keep_alive: false };

    #[test]
    fn hundred_reaches_only_who_waits_for_it() {
        let mut asks = exchange("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert!(asks.is_expecting());
        assert_eq!(tell(&mut asks, "100 Continue"), Ok(Reply::Interim));
        assert_eq!(tell(&mut asks, "100 Continue"), Ok(Reply::Ignored), "once");
        let mut impatient = exchange("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        let mut pipe = Pipe::default();
        pipe.feed(b"he", 4096);
        impatient.upload(&mut pipe).unwrap();
        assert_eq!(tell(&mut impatient, "100 Continue"), Ok(Reply::Ignored), "it has not waited");
        let mut old = exchange("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(tell(&mut old, "103 Early Hints"), Ok(Reply::Ignored));
        let mut new = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(tell(&mut new, "103 Early Hints"), Ok(Reply::Interim));
    }

    #[test]
    fn answers_are_framed_for_their_client() {
        let get = |text| tell(&mut exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), text);
        assert_eq!(get("200 OK\r\nContent-Length: 5"), Ok(Reply::Final(Framed { length: Some(5), ..PLAIN })));
        assert_eq!(get("200 OK"), Ok(Reply::Final(Framed { chunked: true, ..PLAIN })));
        assert_eq!(get("204 X\r\nContent-Length: 0"), Ok(Reply::Final(PLAIN)));
        assert_eq!(get("304 X\r\nContent-Length: 5"), Ok(Reply::Final(Framed { length: Some(5), ..PLAIN })));
        let old = |text| tell(&mut exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), text);
        assert_eq!(old("200 OK"), Ok(Reply::Final(Framed { close: true, ..PLAIN })));
        assert_eq!(
            old("200 X\r\nContent-Length: 1"),
            Ok(Reply::Final(Framed { length: Some(1), keep_alive: true, ..PLAIN }))
        );
    }

    #[test]
    fn only_what_is_whole_is_used_again() {
        let mut pipe = Pipe::default();
        let mut whole = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        tell(&mut whole, "200 OK\r\nContent-Length: 2").unwrap();
        pipe.feed(b"hiX", 4096);
        whole.download(&mut pipe).unwrap();
        assert!(whole.is_complete() && whole.keeps_client());
        assert!(!whole.keeps_upstream(pipe.raw()), "it has said too much");
        assert!(whole.keeps_upstream(b""));

        let mut early = exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
        tell(&mut early, "200 OK\r\nContent-Length: 0").unwrap();
        assert!(early.is_complete() && !early.keeps_client() && !early.keeps_upstream(b""));

        let mut cut = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        tell(&mut cut, "200 OK\r\nContent-Length: 2").unwrap();
        assert_eq!(cut.download_ended(&mut Pipe::default()), Err(BodyError::Cut));
    }

    #[test]
    fn tunnels_are_asked_for() {
        let switch = "101 X\r\nConnection: upgrade\r\nUpgrade: foo";
        assert_eq!(tell(&mut exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), switch), Err(AnswerError::Unasked));
        let mut asks = exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
        assert_eq!(tell(&mut asks, switch), Ok(Reply::Switched));
        let mut pipe = Pipe::default();
        pipe.feed(b"\0GET /", 4096);
        assert_eq!(asks.upload(&mut pipe), Ok(6));
        assert_eq!(pipe.ready(), b"\0GET /");
        assert!(!asks.keeps_client());
    }
}
