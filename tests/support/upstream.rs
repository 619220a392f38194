//! A real application behind the gate, in a thread of the test: answers 200 and remembers what it
//! was asked.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};

/// One request as it reached the application.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// An upstream that runs until it is dropped.
///
/// `/…/cookies` answers with two `Set-Cookie`, `/…/fields?n=N` with N of them, `/…/hop` with hop-by-hop headers, `/…/echo` with the
/// request's body, `/…/slow?ms=N` after N milliseconds, `/…/hook` with the status of [`Upstream::answer`]; everything else says `performed PATH`.
pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// The status of answers at `/…/hook`.
    status: Arc<AtomicU16>,
    handle: ServerHandle,
}

impl Upstream {
    /// Listens on a free port of this address.
    pub fn start(address: IpAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(200));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn({
            let (seen, status) = (web::Data::from(Arc::clone(&seen)), web::Data::from(Arc::clone(&status)));
            move || {
                actix_web::rt::System::new().block_on(async move {
                    let server = HttpServer::new(move || {
                        App::new()
                            .app_data(seen.clone())
                            .app_data(status.clone())
                            .app_data(web::PayloadConfig::new(64 << 20))
                            .default_service(web::to(answer))
                    });
                    let server =
                        server.workers(1).disable_signals().shutdown_timeout(0).listen(listener).unwrap().run();
                    tell.send(server.handle()).unwrap();
                    server.await.ok();
                });
            }
        });
        Self { address, seen, status, handle: told.recv().unwrap() }
    }

    /// What it was asked, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// From now on it answers with this status at `/…/hook`.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Forgets what it was asked.
    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // the command is sent when the future is made; its end needs no waiting for
        drop(self.handle.stop(false));
    }
}

async fn answer(
    seen: web::Data<Mutex<Vec<Seen>>>,
    status: web::Data<AtomicU16>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let headers = request.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let one = Seen {
        method: request.method().to_string(),
        path: path.clone(),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    seen.lock().unwrap().push(one);
    match request.path().rsplit('/').next().unwrap_or_default() {
        "cookies" => HttpResponse::Ok()
            .append_header(("Set-Cookie", "one=1; Path=/"))
            .append_header(("Set-Cookie", "two=2; Path=/"))
            .body("cookies"),
        "fields" => {
            let count = request.query_string().strip_prefix("n=").and_then(|n| n.parse().ok()).unwrap_or(0);
            let mut response = HttpResponse::Ok();
            for number in 0..count {
                response.append_header(("Set-Cookie", format!("c{number}=1")));
            }
            response.finish()
        }
        "hop" => HttpResponse::Ok()
            .append_header(("Keep-Alive", "timeout=9"))
            .append_header(("Proxy-Authenticate", "Basic"))
            .append_header(("X-Kept", "yes"))
            .body("hop"),
        "hook" => {
            let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap();
            HttpResponse::build(status).finish()
        }
        "echo" => HttpResponse::Ok().body(body),
        "slow" => {
            let ms = request.query_string().strip_prefix("ms=").and_then(|ms| ms.parse().ok()).unwrap_or(500);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            HttpResponse::Ok().body("slow, but performed")
        }
        _ => HttpResponse::Ok().content_type("text/plain").body(format!("performed {path}")),
    }
}
