//! Alertmanager's alerts: `POST /api/v1/alerts`.
//!
//! Must stay true: 200 is answered only after every statement is on stable storage; what can succeed later is a 503,
//! because the sender tries again on 5xx only. A repeat of the whole body is safe.

use std::sync::atomic::Ordering;

use actix_web::{HttpRequest, HttpResponse, web};
use arc_swap::ArcSwap;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::{desk, params};
use crate::{
    actors::desk::{Desk, SubmitError},
    availability::{Author, FieldError, Submission, Target},
    clock,
    control::{
        audit,
        auth::Caller,
        body,
        described::{Problems, Telling},
        errors::{Failure, MOST_ERRORS},
        formats::alertmanager::{self, Alert, Alerting, Alerts, News, Webhook},
    },
};

/// Longest body, in bytes: 1,000 alerts with long annotations.
const MOST: usize = 4 * 1024 * 1024;
/// How many statements are submitted at a time: few enough to be applied at once, so that the bounds of the ledger
/// count each of them.
const AT_ONCE: usize = 16;
/// When to send again what a bound of the ledger refuses, in seconds.
const RETRY_AFTER: u64 = 60;

/// What became of the alerts.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlertsTaken)]
pub(crate) struct Answer {
    /// They have closed something, or updated or renewed a closing.
    closed: u64,
    /// They have opened what they had closed.
    opened: u64,
    /// They were known already.
    repeated: u64,
    /// They are about nothing that the farm knows, and are ignored.
    unmatched: u64,
    /// Left out by the sender.
    truncated: u64,
    /// Labels that were passed over, at most 100.
    #[schema(value_type = Problems)]
    problems: Vec<FieldError>,
}

/// Submit alerts of Alertmanager
///
/// The webhook of Alertmanager, version 4. The labels `forewarn_target` and `forewarn_reason`, or the rules
/// `[[alert]]` of the node, define what an alert is about. A firing alert closes it, as the reporter
/// alert/FINGERPRINT; a resolved one opens it. A repeat is no news. Answered after everything is on stable storage.
#[utoipa::path(
    post, path = "/api/v1/alerts", operation_id = "submitAlerts", tag = "notifications",
    request_body(content = Webhook, description = "At most 4 MiB and 1,000 alerts."),
    responses(
        (status = 200, body = Answer, description = "All of it is on stable storage."),
        Telling
    )
)]
pub(crate) async fn submit(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let caller = Caller::of(&request)?;
    caller.must_act()?;
    let alerting = request.app_data::<web::Data<ArcSwap<Alerting>>>().ok_or_else(Failure::not_ready)?;
    let alerting = alerting.load_full();
    let body = body::json_within(&request, payload, MOST).await?;
    let mut alerts = alertmanager::read(body, &alerting).map_err(Failure::Wrong)?;
    let desk = desk(&request)?;
    ignore_unknown(&mut alerts, &desk.known_targets().await);
    caller.must_cover(alerts.told.iter().map(|alert| alert.target.clone()).collect())?;
    let answer = tell(&request, desk, alerts).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Leaves out alerts about targets that no member of the farm has.
fn ignore_unknown(alerts: &mut Alerts, known: &[(Target, String)]) {
    let Alerts { told, unmatched, problems, .. } = alerts;
    told.retain(|alert| {
        let is_known = known.iter().any(|(target, _)| *target == alert.target);
        if !is_known {
            *unmatched += 1;
            let problem = format!("{}: no member of the farm has it in its configuration", alert.target);
            problems.push(FieldError::new(format!("alerts[{}]", alert.at), problem));
        }
        is_known
    });
}

/// Submits what is news.
async fn tell(request: &HttpRequest, desk: &Desk, alerts: Alerts) -> Result<Answer, Failure> {
    let Alerts { told, unmatched, truncated, mut problems } = alerts;
    let asked = told.iter().map(|alert| (alert.target.clone(), format!("alert/{}", alert.fingerprint)));
    let standing = desk.standing(asked.collect()).await;
    let standing =
        standing.ok_or(Failure::Unavailable { reason: "the node is going down".to_owned(), retry_after: 5 })?;
    let (rules, now) = (desk.shared().rules(), clock::now());
    let mut answer = Answer { unmatched: unmatched as u64, truncated, ..Answer::default() };
    let mut news = Vec::new();
    for (alert, last) in told.into_iter().zip(standing) {
        let last = last.as_ref().map(|entry| &entry.notification);
        match alert.news(last, (rules.max_clock_skew, rules.lapse), now) {
            News::None => answer.repeated += 1,
            News::Closes(value) | News::Opens(value) => news.push((alert, value)),
        }
    }
    // What is in the ledger already may not be on the disk yet.
    if answer.repeated > 0 {
        desk.settle().await?;
    }
    let mut results = stream::iter(news)
        .map(|(alert, value)| async move {
            let author = Author::alert(&alert.fingerprint);
            let submitted = match Submission::parse(&value) {
                Ok(submission) => desk.hand_in(submission, author.clone()).await,
                Err(errors) => Err(SubmitError::Invalid(errors)),
            };
            (alert, author, submitted)
        })
        .buffer_unordered(AT_ONCE);
    let mut failure = None;
    while let Some((alert, author, submitted)) = results.next().await {
        match submitted {
            Ok(submitted) => {
                audit::submitted(request, &author, &submitted);
                *(if alert.is_firing { &mut answer.closed } else { &mut answer.opened }) += 1;
            }
            Err(error) => failure = failure.or(not_taken(&alert, error, &mut problems)),
        }
    }
    for problem in problems.iter().take(MOST_ERRORS) {
        log::warn!(field = problem.field, problem = problem.problem; "alert_label_ignored");
    }
    problems.truncate(MOST_ERRORS);
    let counters = &desk.shared().counters.alerts;
    for (counter, by) in [
        (&counters.closed, answer.closed),
        (&counters.opened, answer.opened),
        (&counters.repeated, answer.repeated),
        (&counters.unmatched, answer.unmatched),
    ] {
        counter.fetch_add(by, Ordering::Relaxed);
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Answer { problems, ..answer }),
    }
}

/// Why an alert was not taken: a failure after which the sender is to try again, or a problem of this alert.
fn not_taken(alert: &Alert, error: SubmitError, problems: &mut Vec<FieldError>) -> Option<Failure> {
    match error {
        SubmitError::Bound(bound) => Some(Failure::Unavailable { reason: bound.to_string(), retry_after: RETRY_AFTER }),
        SubmitError::Invalid(errors) => {
            problems
                .extend(errors.into_iter().map(|e| FieldError::new(format!("alerts[{}]", alert.at), e.to_string())));
            None
        }
        other => Some(other.into()),
    }
}
