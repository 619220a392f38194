//! Bodies through a pipe, in pieces of every size.

use super::*;
use crate::http1::{body::MAX_LINE, framing::Body};

/// What comes out of a body that arrives in pieces of `step` bytes, and what lies behind it.
fn through(text: &[u8], body: Body, coding: Coding, step: usize) -> Result<(Vec<u8>, Vec<u8>), BodyError> {
    let (mut pipe, mut decoder, mut out) = (Pipe::default(), Decoder::keeping(body, |name| name == "X-T"), Vec::new());
    let mut rest = Vec::new();
    for piece in text.chunks(step) {
        if decoder.is_over() {
            rest.extend_from_slice(piece);
            continue;
        }
        assert_eq!(pipe.feed(piece, 64 * 1024), piece.len());
        pipe.pass(&mut decoder, coding)?;
        out.extend_from_slice(pipe.ready());
        pipe.written(pipe.ready().len());
    }
    if !decoder.is_over() {
        pipe.end(&mut decoder, coding)?;
        out.extend_from_slice(pipe.ready());
        pipe.written(pipe.ready().len());
    }
    rest.splice(0..0, pipe.raw().to_vec());
    Ok((out, rest))
}

const CHUNKED: &[u8] =
    b"5;a=b;c=\"d;e\"\r\nhello\r\n0006\r\n world\r\nA \t;x\r\n0123456789\r\n000;last\r\nX-T: 1\r\nHost: x\r\n\r\nGET ";

#[test]
fn chunks_are_rewritten_in_one_way() {
    for step in [1, 2, 3, 5, 7, 11, 200] {
        let to = |coding| through(CHUNKED, Body::Chunked, coding, step);
        let canonical = b"5\r\nhello\r\n6\r\n world\r\na\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n".to_vec();
        assert_eq!(to(Coding::Chunked), Ok((canonical, b"GET ".to_vec())), "{step}");
        assert_eq!(to(Coding::Plain), Ok((b"hello world0123456789".to_vec(), b"GET ".to_vec())));
        assert_eq!(to(Coding::Dropped), Ok((Vec::new(), b"GET ".to_vec())));
    }
}

#[test]
fn what_is_done_with_is_overwritten_and_the_rest_is_not() {
    let (mut pipe, mut decoder) = (Pipe::default(), Decoder::new(Body::Length(6)));
    pipe.feed(b"secretGET /", 4096);
    assert!(pipe.pass(&mut decoder, Coding::Plain).is_ok());
    pipe.written(4);
    pipe.wipe(|unused| unused.fill(0));
    assert_eq!((pipe.ready(), pipe.raw()), (&b"et"[..], &b"GET /"[..]));
    assert!(!pipe.buffer.windows(4).any(|four| four == b"secr"));
    pipe.written(2);
    pipe.consume(5);
    pipe.wipe(|unused| unused.fill(0));
    assert!(pipe.buffer.iter().all(|byte| *byte == 0));
}

#[test]
fn lengths_and_closes() {
    for step in [1, 3, 100] {
        let to = |body, coding| through(b"hello world", body, coding, step);
        assert_eq!(to(Body::Length(5), Coding::Plain), Ok((b"hello".to_vec(), b" world".to_vec())));
        assert_eq!(to(Body::Length(12), Coding::Plain), Err(BodyError::Cut));
        assert_eq!(to(Body::ToClose, Coding::Plain), Ok((b"hello world".to_vec(), Vec::new())));
    }
    let (out, _) = through(b"hello world", Body::ToClose, Coding::Chunked, 6).unwrap_or_default();
    assert_eq!(out, b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
    assert_eq!(through(b"", Body::ToClose, Coding::Chunked, 6), Ok((b"0\r\n\r\n".to_vec(), Vec::new())));
}

#[test]
fn bad_chunks() {
    for (bad, error) in [
        ("g\r\n", BodyError::Size),
        ("-5\r\n", BodyError::Size),
        ("0x5\r\nhello", BodyError::Size),
        (" 5\r\n", BodyError::Size),
        ("\r\n", BodyError::Size),
        ("FFFFFFFFFFFFFFFF\r\n", BodyError::Size),
        ("10000000000000005\r\n", BodyError::Size),
        ("5\nhello", BodyError::Line),
        ("5;a\nhello", BodyError::Line),
        ("5;a\rhello", BodyError::Line),
        ("5 5\r\nhello", BodyError::Size),
        ("5\r\nhello0\r\n", BodyError::End),
        ("5\r\nhello\n0\r\n", BodyError::End),
        ("5\r\nhello\r\n", BodyError::Cut),
        ("50\r\nhello\r\n", BodyError::Cut),
        ("0\r\nno field\r\n\r\n", BodyError::Trailer),
        ("0\r\n : x\r\n\r\n", BodyError::Trailer),
    ] {
        for step in [1, 100] {
            let got = through(bad.as_bytes(), Body::Chunked, Coding::Chunked, step);
            assert_eq!(got, Err(error), "{bad:?} {step}");
        }
    }
    for endless in [
        format!("5;{}", "a".repeat(MAX_LINE)),
        "1;abcdefgh\r\nx\r\n".repeat(3_000),
        format!("0\r\n{}", "X: 1\r\n".repeat(3_000)),
    ] {
        assert_eq!(through(endless.as_bytes(), Body::Chunked, Coding::Plain, 64), Err(BodyError::Extra));
    }
}

#[test]
fn without_a_buffer_it_is_empty() {
    let mut pipe = Pipe::default();
    pipe.lend(vec![0; 4096]);
    pipe.feed(b"x", 4096);
    assert!(pipe.take_buffer().is_none(), "something is in it");
    pipe.consume(1);
    assert_eq!(pipe.take_buffer().map(|buffer| buffer.len()), Some(4096));
    assert!(pipe.ready().is_empty() && pipe.raw().is_empty() && !pipe.has_buffer());
    pipe.consume(1);
    pipe.written(1);
    assert_eq!(pipe.pass(&mut Decoder::new(Body::Length(1)), Coding::Plain), Ok(0));
    assert_eq!(pipe.pass_all(), 0);
}

#[test]
fn a_full_buffer_takes_no_more() {
    let mut pipe = Pipe::default();
    assert_eq!(pipe.feed(&[b'x'; 100_000], 64 * 1024), 64 * 1024 - LEAD - TAIL);
    assert!(!pipe.has_space(64 * 1024) && pipe.space(64 * 1024).is_empty());
    pipe.consume(10_000);
    assert!(pipe.has_space(64 * 1024));
    assert_eq!(pipe.feed(&[b'y'; 100_000], 64 * 1024), 10_000);
    assert_eq!(pipe.raw().len(), 64 * 1024 - LEAD - TAIL);
}
