//! Mail: a form to compose, and what was sent. The effort that users should not waste.

use std::sync::{Mutex, PoisonError};

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::page::{escape, page, shortened};

/// The mails that are kept; older ones go.
const KEPT: usize = 100;

/// A mail, as the form sends it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Mail {
    to: String,
    subject: String,
    text: String,
}

/// What was sent, the oldest first.
pub(super) type Mails = web::Data<Mutex<Vec<Mail>>>;

pub(super) fn state() -> Mails {
    web::Data::new(Mutex::new(Vec::new()))
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/mail", web::get().to(compose))
        .route("/mail/send", web::post().to(send))
        .route("/mail/send", web::get().to(|| async { super::see("/mail") }));
}

async fn compose(mails: Mails) -> HttpResponse {
    let body = format!("{FORM}{}", sent(&mails));
    page("Mail", &body)
}

async fn send(mails: Mails, form: web::Form<Mail>) -> HttpResponse {
    let mail = Mail {
        to: shortened(&form.to, 200),
        subject: shortened(&form.subject, 200),
        text: shortened(&form.text, 10_000),
    };
    let to = escape(&mail.to);
    {
        let mut mails = mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push(mail);
        let surplus = mails.len().saturating_sub(KEPT);
        mails.drain(..surplus);
    }
    let body = format!(
        "<p role=status><strong>Sent</strong> to {to}.</p>\
         <p><a href=/mail>Write another one</a></p>{}",
        sent(&mails)
    );
    page("Mail", &body)
}

/// The list of sent mails, the newest first.
fn sent(mails: &Mails) -> String {
    let mails = mails.lock().unwrap_or_else(PoisonError::into_inner);
    let items = mails.iter().rev().map(|mail| {
        let (to, subject, text) = (&mail.to, &mail.subject, &mail.text);
        let (to, subject, text) = (escape(to), escape(subject), escape(text));
        format!("<li><strong>{subject}</strong> <small>to {to}</small><pre>{text}</pre></li>")
    });
    let items: String = items.collect();
    match items.is_empty() {
        true => "<h2>Sent</h2><p>Nothing yet.</p>".to_owned(),
        false => format!("<h2>Sent</h2><ul>{items}</ul>"),
    }
}

const FORM: &str = "<form method=post action=/mail/send>\
    <label>To <input name=to type=email required maxlength=200 autocomplete=email></label>\
    <label>Subject <input name=subject required maxlength=200></label>\
    <label>Text <textarea name=text rows=8 required maxlength=10000></textarea></label>\
    <button>Send</button></form>";
