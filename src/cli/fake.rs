//! A real server on a port of its own that answers as a test tells it, and remembers what it was
//! asked.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use serde_json::Value;

use super::args::Access;
use super::show::Screen;
use crate::config::{HttpUrl, Secret, addresses};

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /path?query`.
    pub line: String,
    /// `Authorization`, empty without.
    pub authorization: String,
    /// The JSON body; null without.
    pub body: Value,
}

type Script = Arc<dyn Fn(&Asked) -> (u16, Value) + Send + Sync>;

/// A running server.
pub struct Fake {
    pub address: HttpUrl,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    handle: ServerHandle,
}

impl Fake {
    /// Answers with a status and a body: a string goes out as text (server-sent events, when it
    /// begins like them), anything else as JSON.
    pub fn start(script: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Fake {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, memory): (Script, _) = (Arc::new(script), asked.clone());
        let server = HttpServer::new(move || {
            let (script, memory) = (script.clone(), memory.clone());
            App::new().default_service(web::to(move |request: HttpRequest, body: Bytes| {
                let header = request.headers().get("authorization");
                let asked = Asked {
                    line: format!("{} {}", request.method(), request.uri()),
                    authorization: header.map_or("", |v| v.to_str().unwrap()).to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                memory.lock().unwrap().push(asked.clone());
                let (status, body) = script(&asked);
                let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
                let response = match body {
                    Value::Null => response.finish(),
                    Value::String(text) => response.body(text),
                    body => response.json(body),
                };
                std::future::ready(response)
            }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Fake { address: addresses::http_url(&address).unwrap(), asked, handle }
    }

    /// How the command line reaches it.
    pub fn access(&self) -> Access {
        Access { url: self.address.clone(), token: Some(Secret::new("fw_test")) }
    }

    /// The request lines so far.
    pub fn lines(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.line.clone()).collect()
    }

    /// Ends it, so that its port refuses connections.
    pub async fn stop(self) -> HttpUrl {
        self.handle.stop(false).await;
        self.address
    }
}

/// Plain output, at 16:00 on 23 November 2026.
pub fn screen() -> Screen {
    Screen { terminal: false, colour: false, now: Some("2026-11-23T16:00:00Z".parse().unwrap()) }
}
