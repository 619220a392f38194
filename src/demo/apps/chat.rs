//! Chat: lines that everybody sees. Works without scripts; with them new lines appear by themselves.

use std::sync::{Mutex, PoisonError};

use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// How many lines are gone already.
    gone: usize,
    kept: Vec<Line>,
}

pub(super) type Talk = web::Data<Mutex<Lines>>;

pub(super) fn state() -> Talk {
    web::Data::new(Mutex::new(Lines::default()))
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/chat", web::get().to(show))
        .route("/chat", web::post().to(say))
        .route("/chat/lines", web::get().to(lines));
}

async fn show(talk: Talk) -> HttpResponse {
    let talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
    let items = talk.kept.iter().map(|line| {
        let (name, text) = (escape(&line.name), escape(&line.text));
        format!("<li><strong>{name}</strong> {text}</li>")
    });
    let items: String = items.collect();
    let next = talk.gone + talk.kept.len();
    page("Chat", &format!("<ol id=lines aria-live=polite data-next={next}>{items}</ol>{FORM}<script>{SCRIPT}</script>"))
}

async fn say(request: HttpRequest, talk: Talk, form: web::Form<Line>) -> HttpResponse {
    let line = Line { name: shortened(&form.name, 50), text: shortened(&form.text, 1_000) };
    if !line.text.is_empty() {
        let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Asks for new lines every second; an answer that is none shows the page that has come instead.
const SCRIPT: &str = "
const list = document.getElementById('lines'), form = document.getElementById('say');
let next = Number(list.dataset.next);
async function look() {
  const answer = await fetch('/chat/lines?after=' + next, {headers: {Accept: 'application/json'}});
  if (answer.status === 503) { location.reload(); return; }
  if (!answer.ok) return;
  const news = await answer.json();
  next = news.next;
  for (const line of news.lines) {
    const item = document.createElement('li'), name = document.createElement('strong');
    name.textContent = line.name;
    item.append(name, ' ' + line.text);
    list.append(item);
  }
}
setInterval(() => look().catch(() => {}), 1000);
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch('/chat', {method: 'POST', body: new URLSearchParams(new FormData(form)), headers: {Accept: 'application/json'}});
    if (answer.ok) form.elements.text.value = '';
    await look();
  } catch {}
});
";
