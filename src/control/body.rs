//! The API's bodies: JSON of a bounded size, in a bounded time (docs/contract.md#errors). [`crate::body`] reads
//! them.

use std::time::Duration;

use actix_web::{HttpRequest, http::header, web};
use bytes::Bytes;
use serde_json::Value;

use super::{errors::Failure, strict};
use crate::body::{self, Bounds, Fault};

/// Longest body that is looked at, in bytes.
pub(crate) const MOST: usize = 64 * 1024;
/// How long a body may take, those of the pages' forms included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body of `application/json`.
///
/// # Errors
/// 415 for another type or a coded body, 413 above [`MOST`], 408 when it takes more than 10 s, 400
/// with line and column where it is no JSON or names a member twice.
pub(crate) async fn json(request: &HttpRequest, payload: web::Payload) -> Result<Value, Failure> {
    json_within(request, payload, MOST).await
}

/// The same with another limit of size, in bytes.
///
/// # Errors
/// See [`json`].
pub(crate) async fn json_within(request: &HttpRequest, payload: web::Payload, most: usize) -> Result<Value, Failure> {
    if media_type(request).as_deref() != Some("application/json") {
        return Err(Failure::UnsupportedType(
            "the body must have the Content-Type application/json (in UTF-8)".to_owned(),
        ));
    }
    check_coding(request)?;
    let bytes = body::read(request, payload, Bounds { most, patience: PATIENCE }, |_| {}).await?;
    strict::read(&bytes).map_err(Failure::Malformed)
}

/// Reads a body of any type.
///
/// # Errors
/// 413 above [`MOST`], 408 when it takes more than 10 s, 400 when it breaks off.
pub(crate) async fn bytes(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, Failure> {
    Ok(body::read(request, payload, Bounds { most: MOST, patience: PATIENCE }, |_| {}).await?)
}

/// Refuses a body with a `Content-Encoding`.
///
/// # Errors
/// 415.
pub(crate) fn check_coding(request: &HttpRequest) -> Result<(), Failure> {
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::UnsupportedType("the body must not have a Content-Encoding".to_owned()));
    }
    Ok(())
}

/// The media type in lower case; `None` without one, and with another charset than UTF-8.
pub(crate) fn media_type(request: &HttpRequest) -> Option<String> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    is_utf8.then_some(media)
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge(most) => Self::TooLarge(most),
            Fault::TooSlow(patience) => Self::TooSlow(patience.as_secs()),
            Fault::Broken(_) => Self::Malformed(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test as http;

    #[test]
    fn a_type_counts_in_utf_8_only() {
        let media = |content_type: &str| {
            media_type(&http::TestRequest::post().insert_header(("content-type", content_type)).to_http_request())
        };
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(media(good).as_deref(), Some("application/json"), "{good}");
        }
        for bad in ["", "text/json", "application/json; charset=latin1", "application/jsonp"] {
            assert_ne!(media(bad).as_deref(), Some("application/json"), "{bad}");
        }
    }

    #[actix_web::test]
    async fn a_body_is_bounded_and_its_faults_have_places() {
        async fn read_back(body: Vec<u8>) -> Result<Value, u16> {
            use actix_web::{FromRequest as _, ResponseError as _};
            let (request, mut payload) = http::TestRequest::post()
                .insert_header(("content-type", "application/json"))
                .set_payload(body)
                .to_http_parts();
            let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
            json(&request, payload).await.map_err(|e| {
                if let Failure::Malformed(text) = &e {
                    assert!(text.contains("line 2 column"), "{text}");
                }
                e.status_code().as_u16()
            })
        }
        assert_eq!(read_back(b"{\"a\": 1}".to_vec()).await, Ok(serde_json::json!({"a": 1})));
        assert_eq!(read_back(b"{\n\"a\" 1}".to_vec()).await, Err(400));
        assert_eq!(read_back(b"\n\xff".to_vec()).await, Err(400));
        assert_eq!(read_back([b"\n".as_slice(), &vec![b'['; 5_000]].concat()).await, Err(400));
        assert_eq!(read_back(vec![b' '; MOST + 1]).await, Err(413));
    }
}
