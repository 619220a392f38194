//! A small real application behind the gate: it shows a form to compose a message and keeps what is
//! sent.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};

/// Runs until it is dropped.
pub struct MailPage {
    pub address: SocketAddr,
    sent: Arc<Mutex<Vec<String>>>,
    handle: ServerHandle,
}

const PAGE: &str = r##"<!doctype html><html lang="en"><title>Mail</title><link rel="icon" href="data:,">
<body><h1 id="compose">Compose</h1><form method="post" action="/mail/send">
<label>To <input name="to"></label> <label>Text <textarea name="text"></textarea></label> <button>Send</button></form></body></html>"##;

const SENT: &str = r##"<!doctype html><html lang="en"><title>Mail</title><link rel="icon" href="data:,">
<body><h1 id="sent-by-mail">Sent</h1></body></html>"##;

impl MailPage {
    pub fn start(address: IpAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = web::Data::from(Arc::clone(&sent));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = move || {
                    App::new()
                        .app_data(kept.clone())
                        .route("/mail/send", web::post().to(take))
                        .default_service(web::to(show))
                };
                let server = HttpServer::new(application)
                    .workers(1)
                    .disable_signals()
                    .shutdown_timeout(0)
                    .listen(listener)
                    .unwrap()
                    .run();
                tell.send(server.handle()).unwrap();
                server.await.ok();
            });
        });
        Self { address, sent, handle: told.recv().unwrap() }
    }

    /// The bodies of the forms that were sent, in order.
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

impl Drop for MailPage {
    fn drop(&mut self) {
        // The command is sent when the future is made.
        drop(self.handle.stop(false));
    }
}

async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

async fn take(sent: web::Data<Mutex<Vec<String>>>, body: String) -> HttpResponse {
    sent.lock().unwrap().push(body);
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(SENT)
}
