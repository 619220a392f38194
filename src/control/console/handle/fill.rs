//! `GET /notify`: the initial content of a form.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use uuid::Uuid;

use super::{
    Answer,
    ask::{Page, ask},
    either,
    look::no_such,
    moved,
    notify::preview,
    registry,
};
use crate::{
    availability::{Entry, Notification},
    clock,
    control::console::{
        ConsoleState,
        form::{self, Fields},
        guard::{Visit, enter},
        words,
    },
};

/// `GET /notify`
pub(crate) async fn notify_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show(&state, &request).await)
}

async fn show(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    visit.must_act()?;
    let query = form::read_pairs(request.query_string());
    let asked = ["cancel", "replace", "begin", "update", "reopen", "template"].into_iter().find_map(|what| {
        let id = form::first(&query, what);
        (!id.is_empty()).then_some((what, id))
    });
    let (mut fields, page) = match asked {
        None => {
            let targets = query.iter().filter(|(name, _)| name == "target").take(100);
            let fields = Fields {
                targets: targets.map(|(_, target)| target.clone()).collect(),
                status: form::first(&query, "status").to_owned(),
                ..Fields::default()
            };
            (fields, Page::default())
        }
        Some(("template", id)) => (registry::from_template(&visit, id).await?, Page::default()),
        Some((what, id)) => {
            let found = match id.parse::<Uuid>() {
                Ok(id) => visit.state.desk.entry(id).await,
                Err(_) => None, // no id, no notification
            };
            let Some(entry) = found else { return Err(no_such(&visit)) };
            match what {
                "cancel" | "replace" | "begin" => plan(&visit, what, &entry).await?,
                "update" => update(&visit, &entry).await?,
                _ => (form::like(&entry.notification, "available"), Page::default()),
            }
        }
    };
    fields.id = clock::new_id().to_string();
    if asked.is_some_and(|(what, _)| what == "begin") && page.moved.is_none() {
        let notice = "The plan begins at once when you confirm, and lasts as long as it was planned.";
        return Ok(preview(&visit, fields, visit.face.now, Some(notice.to_owned()), StatusCode::OK).await);
    }
    Ok(ask(&visit, fields, page).await)
}

/// A form that changes or cancels a plan, or the plan that has taken its place.
async fn plan(visit: &Visit<'_>, what: &str, entry: &Entry) -> Result<(Fields, Page), HttpResponse> {
    let fill = |entry: &Entry| match what {
        "begin" => form::begun(&entry.notification, &visit.face),
        "cancel" => Fields { cancels: entry.notification.id.to_string(), ..Fields::default() },
        _ => form::replacing(&entry.notification, &visit.face),
    };
    let page = |entry: &Entry| Page { notice: cannot_carry(&entry.notification), ..Page::default() };
    let n = &entry.notification;
    match moved::of_plan(visit, n.id).await {
        Some((moved, Some(now))) => Ok((fill(&now), Page { moved: Some(moved.without_next()), ..page(&now) })),
        Some((moved, None)) => {
            let links = [(&*format!("/notify/{}", moved.id), &*moved.headline), ("/", "To the board")];
            Err(visit.message(StatusCode::CONFLICT, "notify", "This plan has changed", moved.text, &links))
        }
        None if n.since() <= visit.face.now => {
            let text = "This plan has begun. Update it, or mark what it closes as available.";
            let links = [
                (&*format!("/notify?update={}", n.id), "Update"),
                (&*format!("/notify?reopen={}", n.id), "Mark as available"),
                ("/", "To the board"),
            ];
            Err(visit.message(StatusCode::CONFLICT, "notify", "This plan has begun", text, &links))
        }
        None => Ok((fill(entry), page(entry))),
    }
}

/// What the form leaves out, for this version cannot repeat it.
fn cannot_carry(n: &Notification) -> Option<String> {
    let names = form::left_out(n);
    let list = words::list(&names, "and");
    (!names.is_empty()).then(|| {
        format!(
            "This was made by a newer version of Forewarn. Fields that this node does not know are left out: {list}."
        )
    })
}

/// A form that updates a closing: it begins with everything that stands.
async fn update(visit: &Visit<'_>, entry: &Entry) -> Result<(Fields, Page), HttpResponse> {
    let n = &entry.notification;
    let targets = moved::standing(&visit.state.desk.board().await, n.id);
    if targets.is_empty() {
        let Some((moved, _)) = moved::of_closing(visit, entry).await else { return Err(no_such(visit)) };
        let links = [(&*format!("/notify/{}", moved.id), &*moved.headline), ("/", "To the board")];
        return Err(visit.message(StatusCode::CONFLICT, "notify", "This has changed", moved.text, &links));
    }
    let fields = form::updating(n, &targets, &visit.face);
    let mut notices: Vec<String> = cannot_carry(n).into_iter().collect();
    if n.reporter.is_some() {
        notices.push(format!(
            "This was reported by {}. Your update is an operator’s statement: it stays until an operator marks it as available, or until it ends by itself.",
            words::author(n)
        ));
    }
    if n.expected_back_at.is_some_and(|back| back <= visit.face.now) {
        notices
            .push("The expected return has passed. Enter a new one, or leave it empty if it is not known.".to_owned());
    }
    let notice = (!notices.is_empty()).then(|| notices.join(" "));
    Ok((fields, Page { notice, ..Page::default() }))
}
