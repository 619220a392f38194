//! The applications behind the nodes: small but real; each listens on its own port and keeps its data in
//! memory.
//!
//! They know nothing of Forewarn but the address of its script, as applications should.

mod chat;
mod mail;
mod page;
mod phone;
mod socket;
mod start;

pub(crate) use start::Places;

use std::io;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::http::header::LOCATION;
use actix_web::{App, HttpResponse, HttpServer, web};

/// The largest form, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// Starts mail, phone, chat and the first page on these listeners, in this order (that of `plan::APPLICATIONS`).
///
/// # Errors
///
/// What the system says.
pub(crate) fn start(listeners: Vec<TcpListener>, places: &Places) -> io::Result<Vec<ServerHandle>> {
    let configures: [fn(&mut web::ServiceConfig); 4] =
        [mail::configure, phone::configure, chat::configure, start::configure];
    let mut handles = Vec::new();
    // made here, once, so that every connection sees the same mails and the same talk
    let (mails, talk) = (mail::state(), chat::state());
    for (listener, configure) in listeners.into_iter().zip(configures) {
        let (mails, talk, places) = (mails.clone(), talk.clone(), web::Data::new(places.clone()));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::FormConfig::default().limit(MAX_FORM))
                .app_data(mails.clone())
                .app_data(talk.clone())
                .app_data(places.clone())
                .configure(configure)
        });
        let server = server.workers(1).shutdown_timeout(1).disable_signals().listen(listener)?.run();
        handles.push(server.handle());
        actix_web::rt::spawn(server);
    }
    Ok(handles)
}

/// "See there", after a form.
fn see(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

#[cfg(test)]
mod tests;
