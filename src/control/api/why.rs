//! Why an application is open or closed for one request: `GET /api/v1/availability/{application}/why`.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoParams;

use super::{availability::no_application, desk, params::Params, segment};
use crate::{
    availability::{HeaderSource, Name, RequestFacts},
    control::{described::ReadingOne, errors::Failure},
};

/// Longest path or query that is asked about, in characters.
const LONGEST: usize = 4_000;

/// The request that is asked about.
#[derive(Debug, Default)]
struct Asked {
    method: String,
    path: String,
    query: String,
    headers: Headers,
    client: Option<IpAddr>,
    /// This node, unless told.
    node: Option<Name>,
    /// Its sender was served before a last entry.
    inside: bool,
}

/// Header fields, in the order in which they were given.
#[derive(Debug, Default)]
struct Headers(Vec<(String, String)>);

impl HeaderSource for Headers {
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8])) {
        self.0.each(name, take);
    }
}

/// The request that is asked about, as parameters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read() reads them one by one; only their form is read")]
struct Question {
    /// The request's method.
    #[param(nullable = false, default = "GET", min_length = 1, max_length = 32)]
    method: Option<String>,
    /// Its normalized path, without the query.
    #[param(nullable = false, default = "/", max_length = 4_000, pattern = "^/[^?#]*$")]
    path: Option<String>,
    /// What follows the question mark.
    #[param(nullable = false, max_length = 4_000)]
    query: Option<String>,
    /// `NAME:VALUE`; may be repeated.
    #[param(nullable = false, style = Form, explode)]
    header: Option<Vec<String>>,
    /// The client's IP address.
    #[param(nullable = false)]
    client: Option<String>,
    /// The node that decides; this one unless told.
    #[param(nullable = false)]
    node: Option<Name>,
    /// Whether its sender was served before the last entry of a plan.
    #[param(nullable = false, default = false)]
    inside: Option<bool>,
}

/// Why an application is open or closed for one request
#[utoipa::path(
    get, path = "/api/v1/availability/{application}/why", operation_id = "why", tag = "availability",
    params(("application" = Name, Path, description = "Its name."), Question),
    responses(
        (status = 200, description = "Every word considered, and why it counted or not.", body = crate::actors::desk::Why),
        ReadingOne
    )
)]
pub(crate) async fn why(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let asked = read(&request)?;
    let desk = desk(&request)?;
    let node = match &asked.node {
        Some(node) => node.to_string(),
        None => desk.shared().node.to_string(),
    };
    let facts = RequestFacts {
        method: &asked.method,
        path: &asked.path,
        also: [None; 2],
        query: &asked.query,
        headers: &asked.headers,
        client: asked.client,
        node: &node,
        inside: asked.inside,
    };
    let name = segment(&request, "application");
    let why = desk.why(&name, &facts).await.ok_or_else(|| no_application(&name))?;
    Ok(HttpResponse::Ok().json(why))
}

fn token(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Reads what is asked about: `method` (default GET), `path` (default /), `query`, `header=NAME:VALUE`
/// (repeatable), `client`, `node`.
fn read(request: &HttpRequest) -> Result<Asked, Failure> {
    let mut params = Params::of(request)?;
    let method = params.short("method", 32).unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
    if !token(&method) {
        params.wrong("method", "is not an HTTP method");
    }
    let path = params.short("path", LONGEST).unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') {
        params.wrong("path", "does not begin with \"/\"");
    } else if path.contains(['?', '#']) {
        params.wrong("path", "has a \"?\" or \"#\"; give the query as query=…");
    }
    let query = params.text("query").unwrap_or_default();
    if query.chars().count() > LONGEST {
        params.wrong("query", format!("is longer than {LONGEST} characters"));
    }
    let mut headers = Vec::new();
    for field in params.all("header") {
        match field.split_once(':') {
            Some((name, value)) if token(name.trim()) => {
                headers.push((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => params.wrong("header", "is not NAME:VALUE"),
        }
    }
    let client = params.parsed("client", "is not an IP address");
    let node = params.parsed("node", "is not the name of a node");
    let inside = params.parsed("inside", "is not true or false").unwrap_or_default();
    params.finish()?;
    Ok(Asked { method, path, query, headers: Headers(headers), client, node, inside })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    fn asked(query: &str) -> Result<Asked, Failure> {
        read(&TestRequest::with_uri(&format!("/?{query}")).to_http_request())
    }

    #[test]
    fn the_request_is_read() {
        let all = asked("method=post&path=/mail/%C3%A4&query=a%3Db%26c&header=X-A:+1&header=x-a:2&client=::1&node=b")
            .unwrap();
        assert_eq!((all.method.as_str(), all.path.as_str(), all.query.as_str()), ("POST", "/mail/ä", "a=b&c"));
        let mut values = Vec::new();
        all.headers.each("x-a", &mut |value| values.push(value));
        assert_eq!(values, [b"1", b"2"]);
        assert_eq!((all.client, all.node), (Some("::1".parse().unwrap()), Some("b".parse().unwrap())));
        let nothing = asked("").unwrap();
        assert_eq!((nothing.method.as_str(), nothing.path.as_str()), ("GET", "/"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let query = "method=a%20b&path=mail&header=novalue&header=%20:x&client=me&node=a/b&nod=a";
        let Err(Failure::Wrong(errors)) = asked(query) else { panic!() };
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["method", "path", "header", "header", "client", "node", "nod"]);
        assert!(matches!(asked("path=/a%3Fb"), Err(Failure::Wrong(_))));
    }
}
