//! Who asks, as far as it decides how a denial is told (docs/contract.md#denials-for-programs).
//!
//! What must stay true: of what a client sent only origins, methods, names of fields, media types of gRPC and
//! tokens are repeated, each checked and bounded; credentials are never allowed together with a page, which may
//! repeat what somebody typed.

use bytes::Bytes;

use super::{
    fields::Fields,
    negotiate::{Shape, wants_events},
};
use crate::{
    answer::{Denial, Occasion, Told},
    vocabulary::{Cors, origin},
};

/// What a script may read of a denial.
const EXPOSED: &[u8] = b"Retry-After, Forewarn-Application, Forewarn-Reason, Forewarn-Notification";
/// The same, of one that stands for an answer of gRPC-Web.
const EXPOSED_GRPC: &[u8] = b"Retry-After, Forewarn-Application, Forewarn-Reason, Forewarn-Notification, \
                              grpc-status, grpc-message, grpc-retry-pushback-ms";
/// The most bytes of field names that a preflight is allowed.
const MOST_NAMES: usize = 4_096;
const GRPC: &[u8] = b"application/grpc";

/// See the module.
#[derive(Debug)]
pub(super) struct Audience<'a> {
    kind: Kind<'a>,
    /// `gate.cors` is not off, and the request names an origin.
    asks: bool,
    /// That origin, if it may read.
    origin: Option<&'a str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    /// Reads a 503.
    Plain,
    /// A browser asks whether a request with this method and these fields may come.
    Preflight(&'a str, Option<&'a str>),
    /// The request's media type.
    Grpc(&'a str),
    EventSource,
}

impl<'a> Audience<'a> {
    /// By the head of a request.
    pub(super) fn of<F: Fields>(method: &str, fields: &'a F, cors: &Cors) -> Self {
        let mut lines = fields.lines("origin");
        let asks = *cors != Cors::Off;
        let (sent, more) = (lines.next().filter(|_| asks), lines.next());
        let sent = sent.map(|value| std::str::from_utf8(value).unwrap_or_default());
        let known = |text: &&str| more.is_none() && (*text == "null" || origin(text).is_ok()) && cors.admits(text);
        let (asks, origin) = (sent.is_some(), sent.filter(known));
        let kind = if method == "OPTIONS" && origin.is_some() {
            preflight(fields).map_or(Kind::Plain, |(method, names)| Kind::Preflight(method, names))
        } else if let Some(kind) = grpc(fields).filter(|_| method == "POST") {
            Kind::Grpc(kind)
        } else if matches!(method, "GET" | "HEAD") && wants_events(fields.lines("accept")) {
            Kind::EventSource
        } else {
            Kind::Plain
        };
        Self { kind, asks, origin }
    }

    /// The answer, if it is none of the usual ones.
    pub(super) fn told(&self, denial: &Denial, occasion: &Occasion<'_>) -> Option<Told> {
        let copied = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let mut told = match self.kind {
            Kind::Plain => return None,
            Kind::Grpc(kind) => denial.grpc(copied(kind), occasion),
            Kind::EventSource => denial.events(occasion),
            Kind::Preflight(method, names) => {
                let mut told = denial.preflight();
                told.fields.push(("access-control-allow-methods", copied(method)));
                told.fields.extend(names.map(|names| ("access-control-allow-headers", copied(names))));
                told
            }
        };
        self.fields(Shape::Json, |name, value| told.fields.push((name, Bytes::copy_from_slice(value))));
        Some(told)
    }

    /// What a denial of this shape says to the browser about the origin.
    pub(super) fn fields(&self, shape: Shape, mut add: impl FnMut(&'static str, &[u8])) {
        if self.asks {
            add("vary", b"Origin");
        }
        let Some(origin) = self.origin else { return };
        add("access-control-allow-origin", origin.as_bytes());
        match self.kind {
            Kind::Preflight(..) => {}
            Kind::Grpc(_) => add("access-control-expose-headers", EXPOSED_GRPC),
            Kind::Plain | Kind::EventSource => add("access-control-expose-headers", EXPOSED),
        }
        // Every page that is loaded from nowhere has the origin "null": it gets no credentials.
        if shape != Shape::Html && origin != "null" {
            add("access-control-allow-credentials", b"true");
        }
    }
}

/// The method of the request that a preflight announces; none, if it is no preflight.
pub(super) fn announced<'a>(method: &str, fields: &'a impl Fields) -> Option<&'a str> {
    if method != "OPTIONS" || fields.lines("origin").next().is_none() {
        return None;
    }
    preflight(fields).map(|(method, _)| method)
}

fn preflight(fields: &impl Fields) -> Option<(&str, Option<&str>)> {
    let method = std::str::from_utf8(fields.lines("access-control-request-method").next()?).ok()?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let names = fields.lines("access-control-request-headers").next();
    let list = |names: &&str| names.len() <= MOST_NAMES && names.bytes().all(|b| token(b) || matches!(b, b',' | b' '));
    let names = names.and_then(|names| std::str::from_utf8(names).ok()).filter(list);
    (!method.is_empty() && method.len() <= 64 && method.bytes().all(token)).then_some((method, names))
}

/// The media type of a gRPC request, without parameters.
fn grpc(fields: &impl Fields) -> Option<&str> {
    let kind = fields.lines("content-type").next()?;
    let kind = kind.split(|&b| b == b';').next().unwrap_or(kind).trim_ascii();
    let rest = kind.get(..GRPC.len()).filter(|start| start.eq_ignore_ascii_case(GRPC)).map(|_| &kind[GRPC.len()..])?;
    let suffix = |&b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let known = matches!(rest.first(), None | Some(b'+' | b'-')) && rest.len() <= 40 && rest.iter().all(suffix);
    std::str::from_utf8(kind).ok().filter(|_| known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn said(audience: &Audience<'_>, shape: Shape) -> Vec<(&'static str, String)> {
        let mut said = Vec::new();
        audience.fields(shape, |name, value| said.push((name, String::from_utf8(value.to_vec()).unwrap())));
        said
    }

    #[test]
    fn an_origin_that_may_read_is_repeated() {
        let map = map(&[("origin", "https://a.example")]);
        let any = Audience::of("GET", &map, &Cors::Any);
        let names = |shape| said(&any, shape).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(said(&any, Shape::Json)[1], ("access-control-allow-origin", "https://a.example".to_owned()));
        assert!(names(Shape::Json).contains(&"access-control-allow-credentials"));
        assert!(!names(Shape::Html).contains(&"access-control-allow-credentials"));
        let other = Cors::Origins(vec!["https://b.example".to_owned()]);
        assert_eq!(said(&Audience::of("GET", &map, &other), Shape::Json), [("vary", "Origin".to_owned())]);
        assert!(said(&Audience::of("GET", &map, &Cors::Off), Shape::Json).is_empty());
    }

    #[test]
    fn odd_origins_are_not_repeated() {
        for odd in ["https://a.example/x", "https://a.example, https://b.example", "", "*", "null, null"] {
            let map = map(&[("origin", odd)]);
            assert_eq!(said(&Audience::of("GET", &map, &Cors::Any), Shape::Json).len(), 1, "{odd}");
        }
        let twice = map(&[("origin", "https://a.example"), ("origin", "https://a.example")]);
        assert_eq!(said(&Audience::of("GET", &twice, &Cors::Any), Shape::Json).len(), 1);
        let null = map(&[("origin", "null")]);
        let said = said(&Audience::of("GET", &null, &Cors::Any), Shape::Json);
        assert!(said.iter().all(|(name, _)| *name != "access-control-allow-credentials") && said.len() == 3);
    }

    #[test]
    fn kinds_of_clients() {
        let kind = |method, fields: &[(&'static str, &str)]| {
            let map = map(fields);
            format!("{:?}", Audience::of(method, &map, &Cors::Any).kind)
        };
        let origin = ("origin", "https://a.example");
        let (asked, names) = ("access-control-request-method", "access-control-request-headers");
        assert_eq!(kind("OPTIONS", &[origin]), "Plain");
        assert_eq!(kind("OPTIONS", &[(asked, "PUT")]), "Plain");
        assert_eq!(kind("OPTIONS", &[origin, (asked, "PUT")]), "Preflight(\"PUT\", None)");
        assert_eq!(kind("OPTIONS", &[origin, (asked, "PUT"), (names, "x-a,y")]), "Preflight(\"PUT\", Some(\"x-a,y\"))");
        assert_eq!(kind("OPTIONS", &[origin, (asked, "PUT"), (names, "x: y")]), "Preflight(\"PUT\", None)");
        assert_eq!(kind("OPTIONS", &[origin, (asked, "P UT")]), "Plain");
        let typed = |value| kind("POST", &[("content-type", value)]);
        assert_eq!(typed("application/grpc"), "Grpc(\"application/grpc\")");
        assert_eq!(typed("Application/gRPC-Web+proto; q=1"), "Grpc(\"Application/gRPC-Web+proto\")");
        assert_eq!(typed("application/grpcx"), "Plain");
        assert_eq!(typed("application/json"), "Plain");
        assert_eq!(kind("GET", &[("accept", "text/event-stream")]), "EventSource");
        assert_eq!(kind("HEAD", &[("accept", "text/event-stream")]), "EventSource");
        assert_eq!(kind("POST", &[("accept", "text/event-stream")]), "Plain");
        assert_eq!(kind("GET", &[("accept", "*/*")]), "Plain");
    }
}
