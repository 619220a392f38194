//! The form as it is shown: empty, filled in, or again with what is wrong. Nothing typed is lost.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
};

use super::{known, look::no_such, moved};
use crate::{
    actors::desk::SubmitError,
    availability::{Author, FieldError, Kind, Record},
    control::console::{
        form::{About, Fields, Problem, of_fields},
        guard::Visit,
        view::{CancelPage, Choice, EntryView, FormPage, Moved},
    },
};

/// How many templates an empty form offers.
const OFFERED: usize = 8;

/// What a form is shown with.
#[derive(Default)]
pub(crate) struct Page {
    /// 200 unless something is wrong.
    pub status: StatusCode,
    /// What to fix.
    pub problems: Vec<Problem>,
    /// Something to know first.
    pub notice: Option<String>,
    /// What the plan or closing has become meanwhile.
    pub moved: Option<Moved>,
}

impl Page {
    pub(super) fn notice(status: StatusCode, notice: &str) -> Self {
        Self { status, notice: Some(notice.to_owned()), ..Self::default() }
    }

    pub(super) fn problem(status: StatusCode, text: String) -> Self {
        Self { status, problems: vec![Problem { anchor: "problems", text }], ..Self::default() }
    }
}

/// The author of what the pages submit.
pub(crate) fn author(visit: &Visit<'_>) -> Author {
    Author::operator(&visit.session.operator)
}

/// The form again after signing in, as it was when the session had ended.
pub(crate) async fn given_back(visit: &Visit<'_>, fields: Fields) -> HttpResponse {
    let notice = "You are signed in again. Your entries are below; they were not sent.";
    ask(visit, fields, Page::notice(StatusCode::OK, notice)).await
}

/// Where it is, if a form that comes late was sent before.
pub(super) async fn sent_already(visit: &Visit<'_>, fields: &Fields) -> Option<HttpResponse> {
    let id = fields.id.parse().ok()?;
    visit.state.desk.entry(id).await?;
    Some(visit.see_other(&format!("/notify/{id}")))
}

/// The form again, with what the node has against it.
pub(super) async fn refused(visit: &Visit<'_>, fields: Fields, error: SubmitError) -> HttpResponse {
    match error {
        SubmitError::Invalid(errors) => {
            let about_the_plan = |error: &FieldError| matches!(error.field.as_str(), "cancels" | "replaces");
            if errors.iter().any(about_the_plan)
                && let Some(moved) = plan_moved(visit, &fields).await
            {
                return moved;
            }
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            ask(visit, fields, Page { status, problems: of_fields(errors), ..Page::default() }).await
        }
        SubmitError::Conflict(id) => {
            let text = format!("The id belongs to another notification, {id}.");
            ask(visit, fields, Page::problem(StatusCode::CONFLICT, text)).await
        }
        SubmitError::Bound(bound) => {
            ask(visit, fields, Page::problem(StatusCode::TOO_MANY_REQUESTS, format!("{bound}."))).await
        }
        SubmitError::Unavailable { reason, retry_after } => {
            let text = format!("The node cannot take it now: {reason}. Try again in {retry_after} s.");
            let page = Page::problem(StatusCode::SERVICE_UNAVAILABLE, text);
            retry_later(ask(visit, fields, page).await, retry_after)
        }
    }
}

/// The form again, about what the plan has become since the form was opened. Nothing typed is lost.
async fn plan_moved(visit: &Visit<'_>, fields: &Fields) -> Option<HttpResponse> {
    if let Some(sent) = sent_already(visit, fields).await {
        return Some(sent);
    }
    let cancels = !fields.cancels.is_empty();
    let plan = if cancels { &fields.cancels } else { &fields.replaces };
    let (moved, now) = moved::of_plan(visit, plan.parse().ok()?).await?;
    let id = now.map_or_else(String::new, |entry| entry.notification.id.to_string());
    if cancels && id.is_empty() {
        let links = [(&*format!("/notify/{}", moved.id), &*moved.headline), ("/", "To the board")];
        let title = "This plan has changed";
        return Some(visit.message(StatusCode::CONFLICT, "notify", title, moved.text, &links));
    }
    let fields = match cancels {
        true => Fields { cancels: id, ..fields.clone() },
        false => Fields { replaces: id, ..fields.clone() },
    };
    let moved = if cancels { moved.without_next() } else { moved };
    let page = Page { status: StatusCode::CONFLICT, moved: Some(moved), ..Page::default() };
    Some(Box::pin(ask(visit, fields, page)).await)
}

pub(super) fn retry_later(mut answer: HttpResponse, seconds: u64) -> HttpResponse {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// The form with these fields; for a cancel, the page that asks once more.
pub(crate) async fn ask(visit: &Visit<'_>, mut fields: Fields, page: Page) -> HttpResponse {
    let Page { status, problems, notice, moved } = page;
    let (known, titles) = known(visit).await;
    let chrome = visit.chrome("notify");
    if fields.cancels.is_empty() {
        let chrome = if fields.about() == About::Notification { chrome } else { visit.chrome("plans") };
        let mut form = FormPage::new(chrome, fields, &known, &visit.state.reasons.load(), &visit.face);
        if form.notifies() && form.is_new() && form.fields.targets.is_empty() {
            form.starts = templates(visit).await;
        }
        return visit.html(status, &FormPage { problems, notice, moved, ..form });
    }
    let plan = match fields.cancels.parse() {
        Ok(id) => visit.state.desk.entry(id).await,
        Err(_) => None, // no id, no plan
    };
    let Some(plan) = plan else { return no_such(visit) };
    // After a 503 it is not known whether it was kept: the same time makes the same notification.
    if status != StatusCode::SERVICE_UNAVAILABLE {
        fields.timestamp = visit.face.now.to_string();
    }
    let plan = EntryView::new(&plan, &titles, &visit.face);
    visit.html(status, &CancelPage { chrome, fields, plan, problems, notice, moved })
}

/// The first templates by their titles, for an empty form.
async fn templates(visit: &Visit<'_>) -> Vec<Choice> {
    let records = visit.state.desk.records(Kind::Template).await.unwrap_or_default();
    let choice = |record: &Arc<Record>| Choice {
        value: format!("/notify?template={}", record.id),
        label: record.value.as_ref().and_then(|value| value["title"].as_str()).unwrap_or_default().to_owned(),
        chosen: false,
    };
    let mut choices: Vec<Choice> = records.iter().map(choice).collect();
    choices.sort_by_key(|choice| choice.label.to_lowercase());
    choices.truncate(OFFERED);
    choices
}
