//! Chat: lines that everybody sees. Works without scripts; with them new lines appear by themselves.

use std::sync::{Mutex, PoisonError};

use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::page::{escape, page, shortened};

/// The lines that are kept; older ones go.
const KEPT: usize = 200;

/// A line, as the form sends it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Line {
    name: String,
    text: String,
}

/// All that was said.
#[derive(Debug)]
pub(super) struct Lines {
    /// To all listeners.
    listeners: broadcast::Sender<String>,
    /// How many lines are gone already.
    gone: usize,
    kept: Vec<Line>,
}

pub(super) type Talk = web::Data<Mutex<Lines>>;

pub(super) fn state() -> Talk {
    web::Data::new(Mutex::new(Lines { listeners: broadcast::Sender::new(64), gone: 0, kept: Vec::new() }))
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/chat", web::get().to(show))
        .route("/chat", web::post().to(say))
        .route("/chat/lines", web::get().to(lines))
        .route("/chat/socket", web::get().to(socket));
}

async fn show(talk: Talk) -> HttpResponse {
    let talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
    let items = talk.kept.iter().map(|line| {
        let (name, text) = (escape(&line.name), escape(&line.text));
        format!("<li><strong>{name}</strong> {text}</li>")
    });
    let items: String = items.collect();
    let next = talk.gone + talk.kept.len();
    page(
        "Chat",
        &format!(
            "<ol id=lines aria-live=polite data-next={next}>{items}</ol>{FORM}<p id=told role=status></p><script>{SCRIPT}</script>"
        ),
    )
}

async fn say(request: HttpRequest, talk: Talk, form: web::Form<Line>) -> HttpResponse {
    let line = Line { name: shortened(&form.name, 50), text: shortened(&form.text, 1_000) };
    if !line.text.is_empty() {
        let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
        // There may be no listeners.
        talk.listeners.send(serde_json::json!(line).to_string()).ok();
        talk.kept.push(line);
        let surplus = talk.kept.len().saturating_sub(KEPT);
        talk.kept.drain(..surplus);
        talk.gone += surplus;
    }
    let accept = request.headers().get(ACCEPT);
    match accept.is_some_and(|accept| accept == "application/json") {
        true => HttpResponse::NoContent().finish(),
        false => super::see("/chat"),
    }
}

async fn socket(request: HttpRequest, payload: web::Payload, talk: Talk) -> HttpResponse {
    let texts = talk.lock().unwrap_or_else(PoisonError::into_inner).listeners.subscribe();
    super::socket::open(&request, payload, texts)
}

#[derive(Debug, Deserialize)]
struct After {
    #[serde(default)]
    after: usize,
}

/// The lines after so many, and how many there are then.
async fn lines(talk: Talk, query: web::Query<After>) -> HttpResponse {
    let talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
    let next = talk.gone + talk.kept.len();
    let skip = query.after.saturating_sub(talk.gone);
    // this process began anew, and counts from the beginning
    let skip = if query.after > next { 0 } else { skip };
    let lines: Vec<&Line> = talk.kept.iter().skip(skip).collect();
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({"lines": lines, "next": next}))
}

const FORM: &str = "<form id=say method=post action=/chat>\
    <label>Name <input name=name required maxlength=50 autocomplete=nickname></label>\
    <label>Line <input name=text required maxlength=1000 autocomplete=off></label>\
    <button>Say</button></form>";

/// New lines come through a WebSocket; one that is closed says why, and is opened again.
const SCRIPT: &str = "
const list = document.getElementById('lines'), form = document.getElementById('say'), told = document.getElementById('told');
let next = Number(list.dataset.next);
const add = (line) => {
  const item = document.createElement('li'), name = document.createElement('strong');
  name.textContent = line.name;
  item.append(name, ' ' + line.text);
  list.append(item);
};
async function catchUp() {
  const answer = await fetch('/chat/lines?after=' + next, {headers: {Accept: 'application/json'}});
  if (!answer.ok) return;
  const news = await answer.json();
  next = news.next;
  news.lines.forEach(add);
}
function listen() {
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/chat/socket');
  socket.onopen = () => { told.textContent = 'Connected by WebSocket.'; catchUp().catch(() => {}); };
  socket.onmessage = (event) => { next++; add(JSON.parse(event.data)); };
  socket.onclose = (event) => {
    told.textContent = event.reason ? 'The WebSocket was closed (' + event.code + '): ' + event.reason : 'No connection just now.';
    setTimeout(listen, 3000);
  };
}
listen();
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch('/chat', {method: 'POST', body: new URLSearchParams(new FormData(form)), headers: {Accept: 'application/json'}});
    if (answer.ok) form.elements.text.value = '';
    else told.textContent = 'Not said: ' + (await answer.json()).detail;
  } catch {}
});
";
