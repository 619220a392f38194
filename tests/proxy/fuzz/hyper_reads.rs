//! The same stream as hyper's server reads it.

use std::{convert::Infallible, sync::Arc, sync::Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

/// A request that hyper has read with its whole body.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub body: Vec<u8>,
}

/// All requests of a stream.
pub fn requests(stream: &[u8]) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (client, server) = tokio::io::duplex(1 << 20);
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                if let Ok(body) = body.collect().await {
                    let body = body.to_bytes().to_vec();
                    seen.lock().unwrap().push(Seen { method: head.method.as_str().to_owned(), body });
                }
                Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::new())))
            }
        });
        let connection = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service);
        let (reading, mut writing) = tokio::io::split(client);
        let feed = async {
            writing.write_all(stream).await.ok();
            writing.shutdown().await.ok();
        };
        let drain = async {
            let mut reading = reading;
            tokio::io::copy(&mut reading, &mut tokio::io::sink()).await.ok();
        };
        let serve = async {
            connection.await.ok();
        };
        tokio::join!(feed, serve, drain);
        let seen = seen.lock().unwrap();
        seen.clone()
    })
}

/// Whether a target is none by hyper's book.
pub fn is_beyond(target: &str) -> bool {
    target.parse::<http::Uri>().is_err()
}
