//! Where a request's body ends, and whether it wants a tunnel.
//!
//! What must stay true: the gate and the upstream agree on where a request ends; otherwise one
//! user's body becomes another's request. actix-http refuses the contradictions it knows
//! (Content-Length with Transfer-Encoding, several of either); here the rest is refused. It takes
//! everything after the head of any request with `Upgrade: websocket` for that request's bytes,
//! even if nothing else about it is a WebSocket, so this module sees it the same way.

use actix_web::HttpRequest;
use actix_web::http::{Method, Version, header};
use http::header as far;

use super::headers::has_token;

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// No body, no length announced.
    None,
    /// Content-Length; 0 is announced as such.
    Length(u64),
    /// Length unknown until the end.
    Chunked,
    /// A WebSocket handshake: what follows is for whoever is reached through the tunnel.
    Tunnel,
    /// Not a handshake, but actix-web reads what follows as if it were. It has no body; nothing
    /// that follows may be read as a request.
    Raw,
}

/// Why a request cannot be passed on; the client's fault (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// CONNECT asks for a forward proxy.
    #[error("CONNECT is not offered")]
    Connect,
    /// A WebSocket handshake that announces a body.
    #[error("a request with Upgrade: websocket cannot have a body")]
    UpgradeWithBody,
    /// Content-Length is no number.
    #[error("Content-Length is not a number")]
    Length,
}

impl Framing {
    pub(super) fn of(req: &HttpRequest) -> Result<Self, FramingError> {
        let headers = req.headers();
        if req.method() == Method::CONNECT {
            return Err(FramingError::Connect);
        }
        // actix-http lets no other transfer coding than chunked pass
        if headers.contains_key(header::TRANSFER_ENCODING) {
            return Ok(Self::Chunked);
        }
        let length = match headers.get(header::CONTENT_LENGTH) {
            None => None,
            Some(value) => {
                let number = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
                Some(number.ok_or(FramingError::Length)?)
            }
        };
        let websocket = headers
            .get_all(header::UPGRADE)
            .any(|value| value.to_str().is_ok_and(|text| text.trim().eq_ignore_ascii_case("websocket")));
        match (websocket, length) {
            (false, Some(n)) => Ok(Self::Length(n)),
            (false, None) => Ok(Self::None),
            (true, Some(1..)) => Err(FramingError::UpgradeWithBody),
            (true, _) => {
                let handshake = req.method() == Method::GET
                    && req.version() == Version::HTTP_11
                    && has_token(headers, header::CONNECTION, "upgrade");
                Ok(if handshake { Self::Tunnel } else { Self::Raw })
            }
        }
    }

    /// Adds the headers that say it to an upstream request. A length above 0 is hyper's to write.
    pub(super) fn write(self, req: &HttpRequest, out: &mut far::HeaderMap) {
        match self {
            Self::None | Self::Raw | Self::Length(1..) => {}
            Self::Length(0) => _ = out.insert(far::CONTENT_LENGTH, far::HeaderValue::from_static("0")),
            // said here, as hyper assumes that GET has no body
            Self::Chunked => {
                out.insert(far::TRANSFER_ENCODING, far::HeaderValue::from_static("chunked"));
            }
            Self::Tunnel => {
                out.insert(far::CONNECTION, far::HeaderValue::from_static("upgrade"));
                out.insert(far::UPGRADE, far::HeaderValue::from_static("websocket"));
            }
        }
        debug_assert!(self != Self::Tunnel || req.method() == Method::GET);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn of(method: Method, headers: &[(&'static str, &'static str)]) -> Result<Framing, FramingError> {
        let mut req = TestRequest::default().method(method);
        for header in headers {
            req = req.append_header(*header);
        }
        Framing::of(&req.to_http_request())
    }

    #[test]
    fn frames() {
        const WS: (&str, &str) = ("upgrade", "WebSocket");
        const UP: (&str, &str) = ("connection", "keep-alive, Upgrade");
        assert_eq!(of(Method::GET, &[]), Ok(Framing::None));
        assert_eq!(of(Method::POST, &[("content-length", "0")]), Ok(Framing::Length(0)));
        assert_eq!(of(Method::POST, &[("content-length", "7")]), Ok(Framing::Length(7)));
        assert_eq!(of(Method::GET, &[("transfer-encoding", "chunked"), WS, UP]), Ok(Framing::Chunked));
        assert_eq!(of(Method::GET, &[WS, UP]), Ok(Framing::Tunnel));
        assert_eq!(of(Method::GET, &[WS, UP, ("content-length", "0")]), Ok(Framing::Tunnel));
        assert_eq!(of(Method::GET, &[WS]), Ok(Framing::Raw));
        assert_eq!(of(Method::POST, &[WS, UP]), Ok(Framing::Raw));
        assert_eq!(of(Method::GET, &[("upgrade", "h2c"), UP]), Ok(Framing::None));
        assert_eq!(of(Method::GET, &[WS, UP, ("content-length", "5")]), Err(FramingError::UpgradeWithBody));
        assert_eq!(of(Method::CONNECT, &[]), Err(FramingError::Connect));
    }
}
