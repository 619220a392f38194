//! Other formats than JSON in which a notification may be submitted (docs/contract.md#the-api): XML and SOAP, and
//! the alerts of Alertmanager.
//!
//! Each becomes the JSON of a submission, so that there is one set of rules and one set of messages. A
//! submission is answered in its own format, refusals included.

pub(crate) mod alertmanager;
pub(crate) mod soap;
pub(crate) mod tree;
pub(crate) mod xml;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::{StatusCode, header},
    web,
};
use serde_json::Value;

use self::{
    soap::{Fault, FaultCode, Version},
    xml::NotASubmission,
};
use super::{audit, body, errors::Failure, strict};
use crate::actors::desk::Submitted;

/// How a submission is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
    /// `text/xml` or `application/soap+xml`.
    Soap(Version),
}

/// Why a submission in a certain format was not taken: a failure of any format, or a fault of its envelope.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What would be refused in JSON as well.
    Failure(Failure),
    /// Something that only SOAP has.
    Fault(Fault),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Format {
    /// The format that the `Content-Type` names.
    ///
    /// # Errors
    /// 415 for any other type, another charset than UTF-8, or a coded body.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        body::check_coding(request)?;
        let media = body::media_type(request).ok_or_else(|| {
            Failure::UnsupportedType(
                "the body must have the Content-Type application/json, application/xml, text/xml (SOAP 1.1) or \
                 application/soap+xml (SOAP 1.2), in UTF-8"
                    .to_owned(),
            )
        });
        match media?.as_str() {
            "application/json" => Ok(Self::Json),
            "application/xml" => Ok(Self::Xml),
            "text/xml" => Ok(Self::Soap(Version::V1_1)),
            "application/soap+xml" => Ok(Self::Soap(Version::V1_2)),
            other => Err(Failure::UnsupportedType(format!(
                "a notification cannot be read from {other}; use application/json, application/xml or SOAP"
            ))),
        }
    }

    /// Reads the body as the JSON of a submission.
    ///
    /// # Errors
    /// Whatever is wrong with its size, its time, its syntax or its envelope.
    pub(crate) async fn read(self, request: &HttpRequest, payload: web::Payload) -> Result<Value, Refusal> {
        let bytes = body::bytes(request, payload).await?;
        let submission = match self {
            Self::Json => return strict::read(&bytes).map_err(|error| Failure::Malformed(error).into()),
            Self::Xml => tree::read(&bytes).map_err(NotASubmission::from).and_then(|root| xml::submission(&root)),
            Self::Soap(version) => {
                if version == Version::V1_1 && !request.headers().contains_key("soapaction") {
                    let reason = "SOAP 1.1 needs the header field SOAPAction; it may be empty (\"\").";
                    return Err(Refusal::Fault(Fault::sender(reason)));
                }
                match tree::read(&bytes) {
                    Err(error) => Err(NotASubmission::from(error)),
                    Ok(root) => xml::submission(soap::open(&root, version).map_err(Refusal::Fault)?),
                }
            }
        };
        submission.map_err(|error| match error {
            NotASubmission::Malformed(text) => Failure::Malformed(text).into(),
            NotASubmission::Wrong(errors) => Failure::Wrong(errors).into(),
        })
    }

    /// Answers a submission that was taken. SOAP has 200 for every success.
    pub(crate) fn answer(self, submitted: &Submitted, status: StatusCode) -> HttpResponse {
        let location = (header::LOCATION, format!("/api/v1/notifications/{}", submitted.id));
        match self {
            Self::Json => HttpResponse::build(status).insert_header(location).json(submitted),
            Self::Xml => HttpResponse::build(status)
                .insert_header(location)
                .content_type("application/xml; charset=utf-8")
                .body(xml::submitted(submitted)),
            Self::Soap(version) => HttpResponse::Ok()
                .insert_header(location)
                .content_type(version.content_type())
                .body(soap::envelope(version, &xml::submitted(submitted))),
        }
    }

    /// Answers a submission that was not taken: the problem in JSON or XML, or a SOAP fault that carries it.
    pub(crate) fn refuse(self, refusal: Refusal) -> HttpResponse {
        match (self, refusal) {
            (Self::Soap(version), Refusal::Fault(fault)) => fault_response(version, &fault),
            (_, Refusal::Fault(fault)) => Failure::Malformed(fault.reason).error_response(),
            (Self::Json, Refusal::Failure(failure)) => failure.error_response(),
            (Self::Xml, Refusal::Failure(failure)) => {
                let problem = xml::problem(&failure.to_json());
                with_body(failure.error_response(), "application/problem+xml; charset=utf-8", problem)
            }
            (Self::Soap(version), Refusal::Failure(failure)) => {
                let response = failure.error_response();
                let code = if response.status().is_server_error() { FaultCode::Receiver } else { FaultCode::Sender };
                let detail = Some(xml::problem(&failure.to_json()));
                let fault = Fault { code, reason: failure.to_string(), detail };
                let mut told = fault_response(version, &fault);
                for name in [header::RETRY_AFTER, header::CACHE_CONTROL] {
                    if let Some(value) = response.headers().get(&name) {
                        told.headers_mut().insert(name, value.clone());
                    }
                }
                told
            }
        }
    }
}

/// The description of the service in SOAP's terms, where a request asks for it: `?wsdl`, or its schema, `?xsd`.
pub(crate) fn description(request: &HttpRequest) -> Option<HttpResponse> {
    let text = match request.query_string() {
        "wsdl" => {
            let front = audit::front(request);
            let scheme = if front.secure { "https" } else { "http" };
            soap::wsdl(&format!("{scheme}://{}{}", front.host.unwrap_or_default(), request.path()))
        }
        "xsd" => soap::SCHEMA.to_owned(),
        _ => return None,
    };
    Some(HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(text))
}

fn fault_response(version: Version, fault: &Fault) -> HttpResponse {
    let status = StatusCode::from_u16(fault.status(version)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type(version.content_type()).body(fault.envelope(version))
}

/// The same status and header fields with another body.
fn with_body(response: HttpResponse, content_type: &'static str, body: String) -> HttpResponse {
    let mut response = response.set_body(actix_web::body::BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
