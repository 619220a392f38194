//! An application with hyper and tower that listens to a node: no store, no member of the farm. An axum `Router` takes
//! the same layer by `Router::layer`.
//!
//! ```text
//! forewarn serve --config forewarn.toml &
//! cargo run --example tower -- forewarn.toml http://127.0.0.1:8080
//! curl -i http://127.0.0.1:9000/mail
//! ```

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use bytes::Bytes;
use forewarn::embed::{Config, Door, Layer, Listener};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower_layer::Layer as _;
use tower_service::Service;

/// What the application does: here, it says so.
#[derive(Clone)]
struct Application;

impl Service<Request<Incoming>> for Application {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let tester = if request.headers().contains_key("forewarn-pass") { " for a tester" } else { "" };
        let said = format!("performed {}{tester}", request.uri().path());
        ready(Ok(Response::new(Full::new(said.into()))))
    }
}

/// Serves the application. What is closed is answered by the layer, and so is everything below `/.forewarn/`.
pub async fn serve(listener: TcpListener, door: Door) -> io::Result<()> {
    let service = Layer::new(door).layer(Application);
    loop {
        let (stream, client) = listener.accept().await?;
        let service = service.clone();
        let answer = service_fn(move |mut request: Request<Incoming>| {
            // The layer finds the client's address here.
            request.extensions_mut().insert(client);
            service.clone().call(request)
        });
        // With upgrades, so that a WebSocket is told why it is closed.
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection.with_upgrades());
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(node)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tower FILE NODE, such as forewarn.toml http://127.0.0.1:8080".into());
    };
    // What the node says is known now; it is followed from here on.
    let node = Listener::start(Config::load(file)?, &node)?;
    Ok(serve(TcpListener::bind("127.0.0.1:9000").await?, node.door()).await?)
}
