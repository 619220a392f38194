//! A real server on its own port that gives the answers of a test and records the requests.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use serde_json::Value;

use super::args::Access;
use super::show::Screen;
use crate::vocabulary::{HttpUrl, Secret};

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /path?query`.
    pub line: String,
    /// `Authorization`, empty without.
    pub authorization: String,
    /// The JSON body; null without.
    pub body: Value,
}

type Script = Arc<dyn Fn(&Asked) -> (u16, Value) + Send + Sync>;

/// A running server.
pub(crate) struct Fake {
    pub address: HttpUrl,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    handle: ServerHandle,
}

impl Fake {
    /// Answers with a status and a body: a string goes out as text (server-sent events, when it
    /// begins like them), anything else as JSON.
    pub(crate) fn start(script: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Fake {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, memory): (Script, _) = (Arc::new(script), asked.clone());
        let (tell, told) = std::sync::mpsc::channel();
        // on a thread of its own, so that tests may block
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (script, memory) = (script.clone(), memory.clone());
                    App::new().default_service(web::to(move |request: HttpRequest, body: Bytes| {
                        std::future::ready(answer(&script, &memory, &request, &body))
                    }))
                });
                let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Fake { address: HttpUrl::of_socket(address, false), asked, handle }
    }

    /// How the command line reaches it.
    pub(crate) fn access(&self) -> Access {
        Access { url: self.address.clone(), token: Some(Secret::new("fw_test")), ca: None }
    }

    /// The request lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.line.clone()).collect()
    }

    /// Ends it, so that its port refuses connections.
    pub(crate) fn stop(&self) -> HttpUrl {
        let system = actix_web::rt::System::new();
        system.block_on(self.handle.stop(false));
        self.address.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn answer(script: &Script, memory: &Mutex<Vec<Asked>>, request: &HttpRequest, body: &Bytes) -> HttpResponse {
    let header = request.headers().get("authorization");
    let asked = Asked {
        line: format!("{} {}", request.method(), request.uri()),
        authorization: header.map_or("", |v| v.to_str().unwrap()).to_owned(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    memory.lock().unwrap().push(asked.clone());
    let (status, body) = script(&asked);
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    match body {
        Value::Null => response.finish(),
        Value::String(text) => response.body(text),
        body => response.json(body),
    }
}

/// Plain output, at 16:00 on 23 November 2026.
pub(crate) fn screen() -> Screen {
    Screen { terminal: false, colour: false, now: Some("2026-11-23T16:00:00Z".parse().unwrap()), height: None }
}
