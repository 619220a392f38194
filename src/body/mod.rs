//! Request bodies: the one door through which the control listener reads them, for the API, the pages
//! and the peers (docs/contract.md#errors, docs/contract.md#limits-of-connections).
//!
//! Must stay true: every body has a limit of size and a limit of time; a body that announces more than its
//! limit is refused before a byte of it is buffered; no answer waits for a body that the handler does not read
//! ([`answer_first`]).
//!
//! Must not know: the meaning of bodies, and who may send them.

mod rest;

use std::time::Duration;

use actix_web::{HttpRequest, error::PayloadError, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::time::timeout;

pub(crate) use self::rest::{LINGER, answer_first};

/// How much memory is set aside for a body before it arrives, in bytes; more is taken as it comes.
const AT_ONCE: usize = 64 * 1024;

/// What one body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most bytes.
    pub most: usize,
    /// Longest time from the first look at it to its last byte.
    pub patience: Duration,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It is longer than allowed. What had arrived is dropped.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the body did not arrive within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The client broke off, or its framing is wrong.
    #[error("the body breaks off: {0}")]
    Broken(#[from] PayloadError),
}

/// Reads a whole body. `each` sees every piece as it arrives.
///
/// # Errors
/// See [`Fault`].
pub(crate) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    bounds: Bounds,
    mut each: impl FnMut(&[u8]),
) -> Result<Bytes, Fault> {
    let Bounds { most, patience } = bounds;
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or_default();
    if announced > most as u64 {
        return Err(Fault::TooLarge(most));
    }
    let all = async {
        let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(AT_ONCE).min(AT_ONCE));
        while let Some(piece) = payload.next().await {
            let piece = piece?;
            if body.len() + piece.len() > most {
                return Err(Fault::TooLarge(most));
            }
            each(&piece);
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    // That the time is over is all that the error says.
    timeout(patience, all).await.unwrap_or(Err(Fault::TooSlow(patience)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::pin::Pin;

    use actix_web::{FromRequest as _, dev, test::TestRequest};
    use futures_util::{Stream, stream};

    use super::*;

    async fn read_of(
        pieces: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
        announced: &str,
    ) -> (Result<Bytes, Fault>, usize) {
        let request = TestRequest::post().insert_header((header::CONTENT_LENGTH, announced)).to_http_request();
        let mut payload = dev::Payload::Stream { payload: Box::pin(pieces) as Pin<Box<dyn Stream<Item = _>>> };
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        let (bounds, mut seen) = (Bounds { most: 10, patience: Duration::from_millis(50) }, 0);
        let body = read(&request, payload, bounds, |piece| seen += piece.len()).await;
        (body, seen)
    }

    fn pieces(texts: &[&'static str]) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
        stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
    }

    #[actix_web::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        let (body, seen) = read_of(pieces(&["hello", "world"]), "10").await;
        assert_eq!((body.unwrap(), seen), (Bytes::from_static(b"helloworld"), 10));
        let (body, seen) = read_of(pieces(&["hello", "world", "!"]), "0").await;
        assert!(matches!(body, Err(Fault::TooLarge(10))) && seen == 10);
        let (body, seen) = read_of(pieces(&["hello"]), "11").await;
        assert!(matches!(body, Err(Fault::TooLarge(10))) && seen == 0, "refused before it is read");
    }

    #[actix_web::test]
    async fn a_body_that_does_not_come_ends_with_its_time() {
        let unfinished = pieces(&["hello"]).chain(stream::pending());
        assert!(matches!(read_of(unfinished, "10").await.0, Err(Fault::TooSlow(_))));
        let broken = pieces(&["hello"]).chain(stream::iter([Err(PayloadError::Incomplete(None))]));
        assert!(matches!(read_of(broken, "10").await.0, Err(Fault::Broken(_))));
    }
}
