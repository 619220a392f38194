//! A small real application behind the gate: it shows a form to compose a message and keeps what is
//! sent.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};

/// Runs until it is dropped.
pub struct MailPage {
    pub address: SocketAddr,
    sent: Arc<Mutex<Vec<String>>>,
    handle: ServerHandle,
}

const PAGE: &str = r##"<!doctype html><html lang="en"><title>Mail</title><link rel="icon" href="data:,">
<body><h1 id="compose">Compose</h1><form method="post" action="/mail/send">
<label>To <input name="to"></label> <label>Text <textarea name="text"></textarea></label> <button>Send</button></form></body></html>"##;

/// A form with everything that could get lost: a long text, 200 fields, odd names, a password, a file.
fn large(encoding: &str) -> String {
    let long: String =
        (0..900).map(|n| format!("Line {n} of a long letter, with & and <b>, ü and \u{1f600}.\n")).collect();
    let fields: String =
        (0..200).map(|n| format!("<input name=\"field-{n}\" value=\"value &quot;{n}&quot;\">")).collect();
    let long = long.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r##"<!doctype html><html lang="en"><title>Mail</title><link rel="icon" href="data:,"><meta charset="utf-8">
<body><h1 id="compose">Compose</h1><form method="post" action="/mail/send?box=1&amp;x=%20y" enctype="{encoding}">
<textarea name="text">
{long}</textarea><input type="hidden" name="elements" value=""><input name="submit" value="x"><input name="enctype" value="y">
<input type="hidden" name="&quot;odd&quot; <name>" value="1">{fields}
<input type="file" id="file" name="file"><input type="file" name="none"><button name="action" value="send">Send</button></form></body></html>"##
    )
}

/// A page that includes the gate's script (at `/mail/strict` it does not), under a strict policy; one of its forms posts to another application.
const BARRED: &str = r##"<!doctype html><html lang="en"><title>Mail</title><link rel="icon" href="data:,">
<script src="/.forewarn/forewarn.js" defer></script>
<body><h1 id="compose">Compose</h1><form method="post" action="/mail/send"><textarea name="text"></textarea>
<input type="password" name="password" autocomplete="new-password"><button>Send</button></form>
<form method="post" action="/directory/save"><input name="number"><button>Save</button></form></body></html>"##;

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

async fn show(request: HttpRequest) -> HttpResponse {
    let page = match request.path() {
        "/mail/large" => large("application/x-www-form-urlencoded"),
        "/mail/files" => large("multipart/form-data"),
        "/mail/barred" | "/mail/strict" => {
            let include = "<script src=\"/.forewarn/forewarn.js\" defer></script>\n";
            let page = if request.path() == "/mail/strict" { BARRED.replace(include, "") } else { BARRED.to_owned() };
            let policy = "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src data:";
            let answer = HttpResponse::Ok()
                .insert_header(("content-security-policy", policy))
                .content_type("text/html; charset=utf-8")
                .body(page);
            return answer;
        }
        _ => PAGE.to_owned(),
    };
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

async fn take(request: HttpRequest, sent: web::Data<Mutex<Vec<String>>>, body: String) -> HttpResponse {
    // A boundary is made anew for each request.
    let kind = request.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    let (kind, boundary) = kind.split_once("; boundary=").unwrap_or((&kind, "\n"));
    sent.lock().unwrap().push(format!("{} {kind}\n{}", request.uri(), body.replace(boundary, "BOUNDARY")));
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(SENT)
}
