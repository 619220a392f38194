//! When the nodes are ready, by their `/readyz`.

use std::net::SocketAddrV4;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits, without a limit, until each of these control listeners reports that its node is ready.
pub(crate) async fn all(controls: Vec<SocketAddrV4>) {
    let each = controls.into_iter().map(async |control| {
        loop {
            // who is not there yet refuses at once
            if let Ok(Some(200)) = tokio::time::timeout(PATIENCE, status(control)).await {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    join_all(each).await;
}

/// The status of `GET /readyz`; a client for more than a status line would be too much here.
async fn status(control: SocketAddrV4) -> Option<u16> {
    let mut stream = TcpStream::connect(control).await.ok()?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {control}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.ok()?;
    let line = std::str::from_utf8(&line).ok()?;
    line.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use actix_web::{App, HttpResponse, HttpServer, web};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    #[actix_web::test]
    async fn ready_is_when_all_say_so() {
        let starting = Arc::new(AtomicU16::new(2));
        let count = starting.clone();
        let server = HttpServer::new(move || {
            let count = count.clone();
            App::new().route(
                "/readyz",
                web::get().to(move || {
                    let count = count.clone();
                    async move {
                        // 503 twice
                        let less = |left: u16| left.checked_sub(1);
                        let order = Ordering::SeqCst;
                        match count.fetch_update(order, order, less) {
                            Ok(_) => HttpResponse::ServiceUnavailable().finish(),
                            Err(_zero) => HttpResponse::Ok().finish(),
                        }
                    }
                }),
            )
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = server.addrs()[0] else {
            panic!("not IPv4");
        };
        actix_web::rt::spawn(server.run());
        all(vec![address, address]).await;
        assert_eq!(starting.load(Ordering::SeqCst), 0);
    }
}
