//! A body that comes by HTTP/2, framed as HTTP/1.1 frames it.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, header};

use crate::http1::write;

/// See the module.
pub(in crate::gate) struct Incoming {
    stream: RecvStream,
    /// It has no length.
    chunked: bool,
}

impl Incoming {
    /// Behind these fields. `None`: there is no body.
    pub(in crate::gate) fn new(stream: RecvStream, fields: &HeaderMap) -> Option<Self> {
        let chunked = !fields.contains_key(header::CONTENT_LENGTH);
        (!stream.is_end_stream()).then_some(Self { stream, chunked })
    }

    /// Whether it comes in chunks.
    pub(in crate::gate) fn is_chunked(&self) -> bool {
        self.chunked
    }

    /// More of it; `None` when it is over.
    pub(in crate::gate) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, h2::Error>> {
        if let Some(data) = ready!(self.stream.poll_data(cx)) {
            let data = data?;
            // The reader asks when it has room.
            self.stream.flow_control().release_capacity(data.len())?;
            if data.is_empty() || !self.chunked {
                return Poll::Ready(Ok(Some(data)));
            }
            let mut chunk = Vec::with_capacity(data.len() + 20);
            write::chunk_line(&mut chunk, data.len() as u64);
            chunk.extend_from_slice(&data);
            chunk.extend_from_slice(b"\r\n");
            return Poll::Ready(Ok(Some(chunk.into())));
        }
        let trailers = ready!(self.stream.poll_trailers(cx))?;
        if !std::mem::take(&mut self.chunked) {
            return Poll::Ready(Ok(None));
        }
        let mut end = b"0\r\n".to_vec();
        for (name, value) in trailers.iter().flatten() {
            write::field(&mut end, name.as_str(), value.as_bytes());
        }
        end.extend_from_slice(b"\r\n");
        Poll::Ready(Ok(Some(end.into())))
    }
}
