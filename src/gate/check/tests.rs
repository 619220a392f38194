//! The answers to other proxies.
#![allow(clippy::unwrap_used)]

use actix_web::{
    App,
    body::to_bytes,
    dev::ServiceResponse,
    http::StatusCode,
    test::{self, TestRequest},
    web,
};
use serde_json::Value;

use super::{Asker, Described, Fault};
use crate::gate::{fixtures, reserved};

/// Asks the gate of the fixtures, where mail is down, for planned maintenance, and chat is not.
async fn ask(request: TestRequest) -> ServiceResponse {
    let app = App::new()
        .app_data(web::Data::new(arc_swap::ArcSwap::from_pointee(fixtures::gate(&[]))))
        .configure(|config| reserved::configure(config, |_| {}));
    test::call_service(&test::init_service(app).await, request.to_request()).await
}

fn forward(uri: &str) -> TestRequest {
    TestRequest::with_uri("/.forewarn/check/forward")
        .insert_header(("x-forwarded-method", "GET"))
        .insert_header(("x-forwarded-host", "farm.example"))
        .insert_header(("x-forwarded-uri", uri))
}

fn nginx(uri: &str) -> TestRequest {
    TestRequest::with_uri("/.forewarn/check/nginx").insert_header(("x-original-uri", uri))
}

fn header<'a>(response: &'a ServiceResponse, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn json(response: ServiceResponse) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
}

#[actix_web::test]
async fn forward_gets_the_gates_own_denial() {
    for (accept, content_type) in [
        ("text/html", "text/html; charset=utf-8"),
        ("application/problem+json", "application/problem+json"),
        ("*/*", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
    ] {
        let response = ask(forward("/chat/../mail/inbox?folder=1").insert_header(("accept", accept))).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(header(&response, "forewarn-application"), "mail");
        assert_eq!(header(&response, "forewarn-reason"), "planned-maintenance");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert!(header(&response, "retry-after").parse::<u64>().unwrap() > 7000);
        if accept == "*/*" {
            assert_eq!(json(response).await["instance"], "/mail/inbox");
        }
    }
}

#[actix_web::test]
async fn each_gets_the_statuses_that_it_understands() {
    let envoy = |path: &str| {
        TestRequest::with_uri(&format!("/.forewarn/check/envoy{path}")).insert_header(("host", "farm.example"))
    };
    for (request, status) in [
        (forward("/chat"), 204),
        (forward("/nobody/knows"), 204),
        (forward("/mail"), 503),
        (forward("/mail%2f..%2fchat"), 400),
        (nginx("/chat/x?y"), 204),
        (nginx("/nobody/knows"), 204),
        (nginx("/mail"), 403),
        (nginx("https://farm.example/mail?x"), 403),
        (nginx("/mail%2f..%2fchat"), 403),
        (TestRequest::with_uri("/.forewarn/check/nginx"), 400),
        (TestRequest::with_uri("/.forewarn/check/nginx").insert_header(("x-forwarded-uri", "/mail")), 403),
        (envoy("/chat?x=1"), 200),
        (envoy("/nobody/knows"), 200),
        (envoy(""), 200),
        (envoy("/mail/x"), 403),
        (envoy("//mail"), 403),
        (envoy("/%6dail"), 403),
        (envoy("/chat/../mail"), 403),
        (envoy("/mail%2f..%2fchat"), 400),
        (TestRequest::with_uri("/.forewarn/check/envoys/mail"), 404),
        (TestRequest::with_uri("/.forewarn/check/other"), 404),
    ] {
        let response = ask(request).await;
        assert_eq!(response.status().as_u16(), status, "{:?}", response.request());
    }
    let denied = ask(nginx("/mail")).await;
    assert_eq!(header(&denied, "forewarn-application"), "mail");
    assert!(!header(&denied, "retry-after").is_empty());
    assert_eq!(json(ask(envoy("/mail/x").method(actix_web::http::Method::POST)).await).await["instance"], "/mail/x");
}

#[actix_web::test]
async fn an_upgrade_is_never_accepted() {
    for (uri, status) in [("/chat", 204), ("/mail", 503)] {
        let request = forward(uri).insert_header(("connection", "Upgrade")).insert_header(("upgrade", "websocket"));
        let response = ask(request).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(header(&response, "upgrade"), "");
    }
}

/// The fixtures' chat is down for clients in 203.0.113.0/24 and for PUT.
#[actix_web::test]
async fn criteria_see_the_described_request() {
    let from = |peer: &str| {
        forward("/chat").peer_addr(peer.parse().unwrap()).insert_header(("x-forwarded-for", "203.0.113.9"))
    };
    assert_eq!(ask(from("127.0.0.1:1")).await.status(), 503, "a trusted proxy says who asks");
    assert_eq!(ask(from("192.0.2.1:1")).await.status(), 204, "a stranger does not");
    let put = forward("/chat").insert_header(("x-forwarded-method", "PUT"));
    assert_eq!(ask(put).await.status(), 503);
    let put = nginx("/chat").insert_header(("x-original-method", "PUT")).insert_header(("x-forwarded-method", "GET"));
    assert_eq!(ask(put).await.status(), 403, "the asker's own headers come first");
}

#[test]
fn descriptions() {
    let by = |asker, headers: &[(&'static str, &'static str)]| {
        let request = headers
            .iter()
            .fold(TestRequest::with_uri("/.forewarn/check/x"), |request, header| request.append_header(*header));
        let request = request.insert_header(("host", "asked.example")).to_http_request();
        let described = Described::by(asker, request.head())?;
        described.checked().map(|d| format!("{} {} {} {}", d.method, d.host, d.path.literal(), d.query))
    };
    use Asker::{Forward, Nginx};
    assert_eq!(by(Forward, &[("x-forwarded-uri", "/a?b?c")]).as_deref(), Ok("GET asked.example /a b?c"));
    assert_eq!(by(Forward, &[("x-forwarded-uri", "/a"), ("x-forwarded-host", "h:81")]).as_deref(), Ok("GET h:81 /a "));
    assert_eq!(by(Forward, &[("x-original-uri", "/a")]), Err(Fault::NoPath), "not this asker's header");
    assert_eq!(by(Forward, &[("x-forwarded-uri", "")]), Err(Fault::NoPath));
    assert_eq!(by(Nginx, &[("x-original-url", "https://u@h.example?q")]).as_deref(), Ok("GET h.example / q"));
    assert_eq!(
        by(
            Nginx,
            &[("x-original-uri", "/a"), ("x-original-host", "h"), ("x-forwarded-uri", "/b"), ("x-forwarded-host", "i")]
        )
        .as_deref(),
        Ok("GET h /a ")
    );
    for headers in [
        [("x-original-uri", "/a"), ("x-original-uri", "/b")],
        [("x-original-uri", "/a"), ("x-original-url", "http://h/a")],
        [("x-original-url", "http://h/a"), ("x-original-host", "i")],
    ] {
        assert_eq!(by(Nginx, &headers), Err(Fault::Contradiction), "{headers:?}");
    }
    for (headers, expected) in [
        (&[("x-forwarded-host", "a, b"), ("x-forwarded-method", "PUT, GET")][..], "PUT a /a "),
        (&[("x-forwarded-host", " , a"), ("x-forwarded-host", "b")], "GET a /a "),
        (&[("x-forwarded-host", "")], "GET asked.example /a "),
    ] {
        let headers = [headers, &[("x-forwarded-uri", "/a")]].concat();
        assert_eq!(by(Forward, &headers).as_deref(), Ok(expected), "{headers:?}");
    }
    assert_eq!(
        by(Forward, &[("x-forwarded-uri", "/a"), ("x-forwarded-host", "a/b")]),
        Err(Fault::Host(crate::gate::route::HostError))
    );
    assert_eq!(by(Forward, &[("x-forwarded-uri", "/a"), ("x-forwarded-method", "G ET")]), Err(Fault::Method));
    assert!(matches!(by(Forward, &[("x-forwarded-uri", "a")]), Err(Fault::Path(_))));
}
