//! The law of the short cut: a connection writes exactly what the App would have answered.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    io,
    task::{Context, Poll},
};

use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _, boxed, map_config};
use actix_web::{
    App,
    dev::AppConfig,
    http::Method,
    test::{TestRequest, read_body},
    web,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::{Socket, Worker, serve};
use crate::gate::{entrance::Arrival, fixtures, reserved, service};

impl Socket for DuplexStream {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// An answer, without what belongs to its connection.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    fields: BTreeSet<String>,
    length: usize,
    body: Vec<u8>,
}

const OF_THE_CONNECTION: [&str; 3] = ["date", "content-length", "connection"];

/// What the App says.
async fn app(gate: &service::Present, method: &str, path: &str, sent: &[(&'static str, &str)]) -> Seen {
    let app = App::new().app_data(gate.clone()).configure(|config| reserved::configure(config, |_| {}));
    let app = map_config(app.into_factory(), |()| AppConfig::default()).new_service(()).await.unwrap();
    let mut request = TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
    request = request.insert_header(("host", "farm.example"));
    for field in sent {
        request = request.append_header(*field);
    }
    let response = app.call(request.to_request()).await.unwrap();
    let status = response.status().as_u16();
    let fields =
        response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let body = read_body(response).await.to_vec();
    Seen { status, fields, length: body.len(), body }
}

/// What a connection says.
async fn connection(worker: &std::rc::Rc<Worker>, method: &str, path: &str, sent: &[(&'static str, &str)]) -> Seen {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let sent: String = sent.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: farm.example\r\n{sent}Connection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    serve(server, Arrival::default(), worker.clone()).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let length = head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    let own = |line: &&str| !OF_THE_CONNECTION.contains(&line.split(": ").next().unwrap());
    Seen { status, fields: lines.filter(own).map(str::to_owned).collect(), length, body: answer[end + 4..].to_vec() }
}

#[actix_web::test]
async fn the_short_cut_says_what_the_app_says() {
    let gate = web::Data::new(arc_swap::ArcSwap::from_pointee(fixtures::gate(&[])));
    let own = App::new().app_data(gate.clone()).configure(|config| reserved::configure(config, |_| {}));
    let own = map_config(own.into_factory(), |()| AppConfig::default()).new_service(()).await.unwrap();
    let worker = Worker::start(gate.clone(), boxed::service(own));
    let paths = [
        "/mail",
        "/mail/a%20b?q=%zz",
        "//mail/./x",
        "/mail/%C3%A9%22",
        "/nobody",
        "/nobody/%zz",
        "/mail%00",
        "/mail/../nobody",
        "/phone",
        "/.forewarn/availability/mail",
        "/.forewarn/nothing",
    ];
    let origin = ("origin", "https://other.example");
    let requests: [&[(&'static str, &str)]; 11] = [
        &[],
        &[("accept", "*/*")],
        &[("accept", "text/html")],
        &[("accept", "text/plain")],
        &[("accept", "application/problem+json, text/html;q=0.1")],
        &[("accept", "text/html"), origin],
        &[origin],
        &[("accept", "text/event-stream"), origin],
        &[("content-type", "application/grpc-web+proto"), origin],
        &[origin, ("access-control-request-method", "PUT"), ("access-control-request-headers", "x-a")],
        &[("origin", "https://a.example/no-origin")],
    ];
    for path in paths {
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"] {
            for sent in requests {
                // An answer may depend on the second: the connection's lies between two of the App's.
                let before = app(&gate, method, path, sent).await;
                let mut short = connection(&worker, method, path, sent).await;
                let after = app(&gate, method, path, sent).await;
                if method == "HEAD" {
                    assert!(short.body.is_empty(), "{path}");
                    short.body = if short.fields == after.fields { after.body.clone() } else { before.body.clone() };
                }
                assert!(short == after || short == before, "{method} {path} {sent:?}\n{short:?}\n{after:?}");
            }
        }
    }
}
