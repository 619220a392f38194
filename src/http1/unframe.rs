//! A body's data and trailers without their framing, for a side that frames otherwise.
//!
//! What must stay true: the end of a body is where [`Decoder`] finds it; what is taken is taken once.

use super::{
    body::{BodyError, Decoder, Piece},
    framing::Body,
};

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'b> {
    /// Of the body itself.
    Data(&'b [u8]),
    /// The body is over; its trailers are [`Unframer::trailers`].
    End,
    /// More bytes are needed.
    More,
}

/// See the module.
#[derive(Debug)]
pub struct Unframer {
    decoder: Decoder,
    /// Names and values, in their order.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Unframer {
    /// At the first byte of a body.
    pub fn new(body: Body) -> Self {
        Self { decoder: Decoder::keeping(body, |_| true), trailers: Vec::new() }
    }

    /// The next part of these bytes, and how many of them are done with.
    ///
    /// # Errors
    /// When they are no body.
    pub fn next<'b>(&mut self, input: &'b [u8]) -> Result<(usize, Part<'b>), BodyError> {
        let mut at = 0;
        loop {
            match self.decoder.next(&input[at..])? {
                Piece::Over => return Ok((at, Part::End)),
                Piece::More => return Ok((at, Part::More)),
                Piece::Data(n) => return Ok((at + n, Part::Data(&input[at..at + n]))),
                Piece::Line { len, .. } => at += len,
                Piece::DataEnd | Piece::Last => at += 2,
                Piece::Trailer { len, .. } => {
                    let line = input[at..at + len].trim_ascii_end();
                    if let Some(colon) = line.iter().position(|&byte| byte == b':') {
                        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
                        self.trailers.push((name, line[colon + 1..].trim_ascii().to_vec()));
                    }
                    at += len;
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn data_and_trailers_however_they_are_split() {
        let text = b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-T: 1 \r\ngrpc-status:0\r\n\r\nrest";
        for step in 1..text.len() {
            let (mut unframer, mut data, mut from, mut to) = (Unframer::new(Body::Chunked), Vec::new(), 0, 0);
            loop {
                let (n, part) = unframer.next(&text[from..to]).unwrap();
                match part {
                    Part::Data(piece) => data.extend_from_slice(piece),
                    Part::End => break,
                    Part::More => to = (to + step).min(text.len()),
                }
                from += n;
            }
            assert_eq!(data, b"hello!");
            let trailers: Vec<_> = unframer.trailers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
            assert_eq!(trailers, [("x-t", &b"1"[..]), ("grpc-status", b"0")]);
        }
        assert!(Unframer::new(Body::Chunked).next(b"x\r\n").is_err());
        assert_eq!(Unframer::new(Body::Length(0)).next(b"").unwrap(), (0, Part::End));
    }
}
