//! The phone directory: a search in a small table (the "database" `directory-db`).

use std::{convert::Infallible, time::Duration};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::page::{escape, page, shortened};

/// Name, department, number (from the ranges that are kept for fiction).
const PEOPLE: [(&str, &str, &str); 14] = [
    ("Amélie Laurent", "Accounting", "+33 1 99 00 12 07"),
    ("Ben Okafor", "Night shift", "+44 20 7946 0113"),
    ("Chiara Rossi", "Design", "+44 20 7946 0127"),
    ("Daniel Weiß", "Storage", "+49 30 23125 004"),
    ("Elif Demir", "Support", "+49 30 23125 118"),
    ("Farid Haddad", "Network", "+33 1 99 00 45 31"),
    ("Grace Kim", "Accounting", "+1 202 555 0104"),
    ("Hugo Lindqvist", "Purchasing", "+46 8 465 004 12"),
    ("Ines Moreira", "Personnel", "+44 20 7946 0185"),
    ("Jonas Berg", "Storage", "+46 8 465 004 77"),
    ("Kavya Nair", "Support", "+1 202 555 0168"),
    ("Liam Murphy", "Gatehouse", "+44 20 7946 0199"),
    ("Mina Sato", "Design", "+1 202 555 0131"),
    ("Noor de Vries", "Management", "+1 202 555 0177"),
];

/// Between two calls.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows each call; a closing comes through the same stream, which is opened again by itself.
const SCRIPT: &str = "
const told = document.getElementById('calls'), source = new EventSource('/phone/calls');
source.onmessage = (event) => { told.textContent = event.data; };
source.addEventListener('forewarn-unavailable', (event) => { told.textContent = JSON.parse(event.data).detail; });
";

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.route("/phone", web::get().to(search)).route("/phone/calls", web::get().to(calls));
}

/// Who is on the phone, a new one every few seconds (server-sent events).
async fn calls() -> HttpResponse {
    let calls = stream::iter(PEOPLE.iter().cycle()).then(|(name, ..)| async move {
        let event = Bytes::from(format!("data: {name} is on the phone\n\n"));
        actix_web::rt::time::sleep(PAUSE).await;
        Ok::<_, Infallible>(event)
    });
    HttpResponse::Ok().content_type("text/event-stream").insert_header((CACHE_CONTROL, "no-store")).streaming(calls)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    name: String,
}

async fn search(query: web::Query<Query>) -> HttpResponse {
    let name = shortened(&query.name, 100);
    let wanted = name.to_lowercase();
    let found = PEOPLE.iter().filter(|(name, department, _)| {
        name.to_lowercase().contains(&wanted) || department.to_lowercase().contains(&wanted)
    });
    let rows: String = found
        .map(|(name, department, number)| {
            format!("<tr><td>{name}<td>{department}<td><a href='tel:{number}'>{number}</a>")
        })
        .collect();
    let result = match rows.is_empty() {
        true => "<p role=status>No entry with that name.</p>".to_owned(),
        false => format!("<table><tr><th>Name<th>Department<th>Number{rows}</table>"),
    };
    let form = format!(
        "<form action=/phone><label>Name or department \
         <input name=name type=search maxlength=100 value=\"{}\"></label>\
         <button>Search</button></form><h2>Numbers</h2>",
        escape(&name)
    );
    let calls = format!("<p id=calls role=status></p><script>{SCRIPT}</script>");
    page("Phone directory", &(form + &result + &calls))
}
