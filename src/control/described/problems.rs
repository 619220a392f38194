//! Errors in the description: one response for each kind of problem, and the sets of them that addresses
//! have in common.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, schema::Type},
};

use crate::control::errors::{KINDS, Kind, MOST_ERRORS, PROBLEM_JSON};

/// RFC 9457.
#[derive(ToSchema)]
#[allow(dead_code, reason = "errors.rs writes it member by member; only its form is read")]
pub(crate) struct Problem {
    /// Where this kind of problem is explained.
    #[schema(format = "uri-reference")]
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// Every field or parameter that is wrong, with status 422.
    #[schema(nullable = false, max_items = 100)]
    errors: Option<Vec<WrongField>>,
}

/// Fields that are wrong.
#[derive(ToSchema)]
#[allow(dead_code, reason = "as above")]
pub(crate) struct Problems(Vec<WrongField>);

/// One field or parameter that is wrong.
#[derive(ToSchema)]
#[allow(dead_code, reason = "as above")]
struct WrongField {
    /// Such as `targets[0]` or `criteria.paths[1]`; empty for the body as a whole.
    field: String,
    problem: String,
}

const _: () = assert!(MOST_ERRORS == 100, "errors has another bound in the description");

/// The name of a kind's response: `not-found` is `NotFound`.
fn name(kind: &Kind) -> String {
    let words = kind.name.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

/// A response for each kind of problem.
pub(in crate::control) fn all() -> impl Iterator<Item = (String, Response)> {
    KINDS.iter().map(|kind| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new().description(kind.meaning).content(PROBLEM_JSON, content);
        let field = |r#type: Type| HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(r#type))).build();
        let response = match kind.status {
            401 => response.header("WWW-Authenticate", field(Type::String)),
            503 => response.header("Retry-After", field(Type::Integer)),
            _ => response,
        };
        (name(kind), response.build())
    })
}

fn refer(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let kinds = KINDS.iter().filter(|kind| statuses.contains(&kind.status));
    kinds.map(|kind| (kind.status.to_string(), RefOr::Ref(Ref::from_response_name(name(kind))))).collect()
}

/// What reading a list can be answered with.
pub(crate) enum Reading {}
/// What reading one thing can be answered with.
pub(crate) enum ReadingOne {}
/// What a change can be answered with.
pub(crate) enum Acting {}
/// What handing in a notification can be answered with, which is answered in the form that it came in.
pub(crate) enum Submitting {}
/// What handing in alerts can be answered with.
pub(crate) enum Telling {}
/// What asking what a notification would do can be answered with.
pub(crate) enum Trying {}
/// What removing a node can be answered with.
pub(crate) enum Forgetting {}

impl IntoResponses for Reading {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 414, 422, 503])
    }
}

impl IntoResponses for ReadingOne {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 404, 414, 422, 503])
    }
}

impl IntoResponses for Acting {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 403, 408, 409, 413, 414, 415, 422, 429, 503])
    }
}

impl IntoResponses for Submitting {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let text = || ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
        let mut responses = Acting::responses();
        let kinds = KINDS.iter().filter(|kind| responses.contains_key(&kind.status.to_string()));
        let kinds: BTreeMap<u16, String> = kinds.map(|kind| (kind.status, name(kind))).collect();
        for (name, mut response) in all() {
            let Some((status, _)) = kinds.iter().find(|(_, known)| **known == name) else { continue };
            response.content.insert("application/problem+xml".to_owned(), text().into());
            if *status == 400 {
                response.content.insert("application/soap+xml".to_owned(), text().into());
            }
            responses.insert(status.to_string(), response.into());
        }
        let fault = ResponseBuilder::new()
            .description("A SOAP fault: of every error in SOAP 1.1, of the node's own in SOAP 1.2.");
        let fault = fault.content("text/xml", text()).content("application/soap+xml", text());
        responses.insert("500".to_owned(), fault.build().into());
        responses
    }
}

impl IntoResponses for Telling {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 403, 408, 413, 414, 415, 422, 503])
    }
}

impl IntoResponses for Trying {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 404, 408, 413, 414, 415, 422, 429, 503])
    }
}

impl IntoResponses for Forgetting {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refer(&[400, 401, 403, 404, 409, 414, 422, 503])
    }
}
