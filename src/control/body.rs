//! The API's bodies: JSON of a bounded size, in a bounded time (docs/contract.md#errors). How they are
//! read is the business of [`crate::body`].

use std::time::Duration;

use actix_web::{HttpRequest, http::header, web};
use serde_json::Value;

use super::{errors::Failure, strict};
use crate::body::{self, Bounds, Fault};

/// Longest body that is looked at, in bytes.
pub const MOST: usize = 64 * 1024;
/// How long a body may take, those of the pages' forms included.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body of `application/json`.
///
/// # Errors
/// 415 for another type or a coded body, 413 above [`MOST`], 408 when it takes more than 10 s, 400
/// with line and column where it is no JSON or names a member twice.
pub async fn json(request: &HttpRequest, payload: web::Payload) -> Result<Value, Failure> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if !content_type.is_some_and(is_json) {
        return Err(Failure::UnsupportedType(
            "the body must have the Content-Type application/json (in UTF-8)".to_owned(),
        ));
    }
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::UnsupportedType("the body must not have a Content-Encoding".to_owned()));
    }
    let bytes = body::read(request, payload, Bounds { most: MOST, patience: PATIENCE }, |_| {}).await?;
    strict::read(&bytes).map_err(Failure::Malformed)
}

/// `application/json`, without a charset or with UTF-8.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
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
    fn only_json_in_utf_8_is_json() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/json", "application/xml", "application/json; charset=latin1", "application/jsonp"] {
            assert!(!is_json(bad), "{bad}");
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
