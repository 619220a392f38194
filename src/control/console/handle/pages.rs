//! What users see, and links for testers (docs/contract.md#own-pages, docs/contract.md#testers-pass).
#![allow(clippy::result_large_err)] // the refusal is the answer itself, once per request

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue},
    },
    web,
};

use super::{Answer, either};
use crate::{
    actors::shared::Slot,
    answer::{Denial, Occasion, Shape, sample},
    availability::{Moment, Target},
    clock,
    control::{
        audit,
        console::{
            ConsoleState, form,
            guard::{Visit, enter, enter_to_change, read_form},
            view::PagesPage,
        },
    },
    text::Language,
};

/// A body with a name, a number and a token.
const SMALL: usize = 4 << 10;
/// The longest life of a pass, in hours.
const LONGEST: u64 = 30 * 24;
/// The page's own looks, and no scripts: it does not come back by itself, and sends nothing.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; base-uri 'none'; form-action 'none'";

/// `GET /pages`
pub(crate) async fn pages(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show(&state, &request))
}

fn show(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    Ok(visit.html(StatusCode::OK, &PagesPage::new(visit.chrome("pages"), state.desk.shared())))
}

/// `GET /pages/{application}`
pub(crate) async fn page(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    either(show_page(&state, &request, &name))
}

fn show_page(state: &ConsoleState, request: &HttpRequest, name: &str) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let shared = state.desk.shared();
    let query = form::read_pairs(request.query_string());
    let wanted = form::first(&query, "language");
    let texts = shared.texts.load();
    let language = texts.wanted([wanted.as_bytes()]);
    let clock = shared.clock();
    let found = slot(state, name).and_then(|slot| sample(&slot.snapshot.load(), clock));
    let Some(denial) = found else { return Err(no_such(&visit)) };
    Ok(as_users_see_it(&denial, language, clock, "'none'"))
}

/// The page of a denial without its scripts and the link to try again: it does not come back by itself, and sends nothing. `frames`: who may have
/// it in a frame.
pub(super) fn as_users_see_it(denial: &Denial, language: &Arc<Language>, clock: Moment, frames: &str) -> HttpResponse {
    let occasion =
        Occasion { shape: Shape::Html, instance: "/", reading: true, clock, language, works: &[], chance: 0 };
    let mut answer = HttpResponse::Ok();
    for (name, value) in denial.headers(&occasion) {
        if let Ok(value) = HeaderValue::from_maybe_shared(value) {
            answer.insert_header((HeaderName::from_static(name), value));
        }
    }
    let page = String::from_utf8_lossy(&denial.body(&occasion)).into_owned();
    let page = ["script", "noscript", "a href=\"\""].into_iter().fold(page, |page, element| without(element, &page));
    answer.insert_header((CONTENT_SECURITY_POLICY, format!("{POLICY}; frame-ancestors {frames}"))).body(page)
}

/// The page without elements of this kind, which have no others of the kind inside.
fn without(element: &str, page: &str) -> String {
    let name = element.split(' ').next().unwrap_or(element);
    let (open, close) = (format!("<{element}"), format!("</{name}>"));
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, from)) = rest.split_once(&open) {
        kept.push_str(before);
        rest = from.split_once(&close).map_or("", |(_, behind)| behind);
    }
    kept + rest
}

pub(super) fn slot(state: &ConsoleState, name: &str) -> Option<Arc<Slot>> {
    state.desk.shared().slots().iter().find(|slot| slot.app.name().as_str() == name).cloned()
}

fn no_such(visit: &Visit<'_>) -> HttpResponse {
    let text = "This node has no application of this name.";
    visit.message(StatusCode::NOT_FOUND, "pages", "No such application", text, &[("/pages", "To the pages")])
}

/// `POST /pages/pass`
pub(crate) async fn pass(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(make_pass(&state, &request, body).await)
}

async fn make_pass(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, SMALL).await?;
    let visit = enter_to_change(state, request, &pairs, "/pages", clock::now())?;
    visit.must_act()?;
    let Some(slot) = slot(state, form::first(&pairs, "application")) else { return Err(no_such(&visit)) };
    let name = slot.app.name();
    let hours: Option<u64> = form::first(&pairs, "hours").parse().ok().filter(|hours| (1..=LONGEST).contains(hours));
    let shared = state.desk.shared();
    let mut page = PagesPage::new(visit.chrome("pages"), shared);
    let beyond = visit.session.rights.beyond(vec![Target::Application(name.clone())]);
    let problem = match (beyond, hours, &shared.visitors.pass) {
        (Some(beyond), ..) => Some(format!("{} {beyond}.", visit.session.operator)),
        (None, None, _) => Some(format!("A pass lasts 1 to {LONGEST} hours.")),
        (None, _, None) => Some("A pass is signed with farm.secret or farm.pass_key; set one of them.".to_owned()),
        (None, Some(hours), Some(key)) => {
            let until = clock::now().after(Duration::from_secs(hours * 3_600)).whole_second();
            let token = key.sign([name.as_str()], until.millis() / 1_000);
            let (by, from) = (&visit.session.operator, audit::address(request));
            log::info!(applications = name.as_str(), by, from, expires_at:% = until; "pass_made");
            page.link = Some(format!("/.forewarn/pass?t={token}"));
            (page.passed, page.until) = (slot.app.title.clone(), Some(visit.face.show(until)));
            None
        }
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page.problem = problem;
    Ok(visit.html(status, &page))
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn scripts_go_and_all_else_stays() {
        let page = "<p>a</p><script type=\"x\">if (1 < 2) {}</script><p>b</p><script>c</script><p>d</p>";
        assert_eq!(without("script", page), "<p>a</p><p>b</p><p>d</p>");
        assert_eq!(without("noscript", page), page);
    }
}
