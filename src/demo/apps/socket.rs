//! The server's side of a WebSocket (RFC 6455), as much as a chat needs: it sends texts, and ends when the client
//! does.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    rt, web,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use sha1_smol::Sha1;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::answer::base64;

/// What a server adds to a client's key (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The first byte of a frame: a whole text, a ping.
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
/// A connection that is quiet for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(20);

/// Sends every text that is said from now on.
pub(super) fn open(
    request: &HttpRequest,
    mut payload: web::Payload,
    texts: broadcast::Receiver<String>,
) -> HttpResponse {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return HttpResponse::BadRequest().finish();
    };
    let mut hash = Sha1::from(key.as_bytes());
    hash.update(GUID);
    // Nothing that the client sends matters here, but for the frame that closes, and the end.
    let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
    rt::spawn(async move {
        while let Some(Ok(piece)) = payload.next().await {
            if piece.first().is_some_and(|first| first & 0x0f == 8) {
                break;
            }
        }
        drop(gone);
    });
    let frames = stream::unfold(texts, |mut texts| async move {
        let frame = match tokio::time::timeout(QUIET, texts.recv()).await {
            Ok(Ok(text)) => frame(TEXT, text.as_bytes()),
            // Some lines were missed: the page has them when it is loaded anew.
            Ok(Err(RecvError::Lagged(_))) | Err(_) => frame(PING, b""),
            Ok(Err(RecvError::Closed)) => return None,
        };
        Some((Ok::<_, Infallible>(frame), texts))
    });
    HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((header::SEC_WEBSOCKET_ACCEPT, base64(&hash.digest().bytes())))
        .streaming(frames.take_until(is_gone))
}

/// A frame without a mask, as servers send them (section 5.2).
fn frame(first: u8, text: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(text.len() + 10);
    frame.put_u8(first);
    match text.len() {
        length @ 0..126 => frame.put_u8(length as u8),
        length @ 126..65_536 => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(text);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_as_in_rfc_6455() {
        assert_eq!(frame(TEXT, b"Hello")[..], *b"\x81\x05Hello");
        assert_eq!(frame(TEXT, &[b'x'; 200])[..4], [0x81, 126, 0, 200]);
        assert_eq!(frame(TEXT, &vec![b'x'; 70_000])[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }
}
