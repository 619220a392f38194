//! Clients that speak HTTP/2 frame by frame: what RFC 9113 asks of a server, and what a client may not make it do.

mod abuse;
mod conformance;
mod spec;

use super::*;

const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// A header block without compression.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            // Lengths from 127 on continue in groups of seven bits.
            match u8::try_from(text.len()) {
                Ok(length) if length < 127 => out.push(length),
                _ => {
                    out.push(127);
                    let mut left = text.len() - 127;
                    while left >= 128 {
                        out.push(u8::try_from(left % 128).unwrap() | 128);
                        left /= 128;
                    }
                    out.push(u8::try_from(left).unwrap());
                }
            }
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/mail/x")];
const POST: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/open")];

/// A request without a body.
fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&GET))
}

/// A request whose body is still to come.
fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&POST))
}

/// One frame of the gate's.
#[derive(Debug)]
pub struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error of RST_STREAM or GOAWAY.
    fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl Stage {
    /// A client that has sent the preface, these settings and these frames.
    pub async fn http2(&self, settings: &[u8], frames: &[u8]) -> Wire {
        let mut client = self.client().await;
        let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, settings)[..], frames].concat();
        client.stream.write_all(&begin).await.unwrap();
        client
    }
}

impl Wire {
    /// The next frame; `None`: the connection has ended.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = self.seen.get(..9) {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if self.seen.len() >= 9 + length {
                    let rest = self.seen.split_off(9 + length);
                    let seen = std::mem::replace(&mut self.seen, rest);
                    let stream = u32::from_be_bytes(seen[5..9].try_into().unwrap());
                    return Some(Frame { kind: seen[3], flags: seen[4], stream, payload: seen[9..].to_vec() });
                }
            }
            if self.stream.read_buf(&mut self.seen).await.map_or(true, |n| n == 0) {
                return None;
            }
        }
    }

    /// The next frame of one of these kinds that is no acknowledgement of settings.
    pub async fn frame_of(&mut self, kinds: &[u8]) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if kinds.contains(&frame.kind) {
                return Some(frame);
            }
        }
    }
}
