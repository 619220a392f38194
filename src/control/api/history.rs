//! What was said: `GET /api/v1/notifications` and `/{id}`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    desk,
    params::{self, Params},
    segment,
};
use crate::{
    actors::desk::{Delivery, HistoryError, HistoryQuery},
    availability::{Entry, Name, Notification},
    control::{
        described::{Before, Reading, ReadingOne},
        errors::Failure,
        formats,
    },
};

/// The filters of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "query() reads them one by one; only their form is read")]
struct Filters {
    /// Only those that name it, the system, or a resource that it uses.
    #[param(nullable = false)]
    application: Option<Name>,
    /// Only from this kind of notifier.
    #[param(nullable = false, inline)]
    source: Option<Kind>,
    /// Only by this operator.
    #[param(nullable = false, min_length = 1, max_length = 200)]
    operator: Option<String>,
    /// Only what is older: what `next` said, or a time.
    #[param(nullable = false, inline)]
    before: Option<Before>,
    /// How many.
    #[param(nullable = false, minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u16>,
}

/// What kind of notifier.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "as above")]
enum Kind {
    Operator,
    Monitor,
    Alert,
    Farm,
}

/// One page of the list.
#[derive(Serialize, ToSchema)]
struct Page<'a> {
    notifications: Vec<&'a Notification>,
    /// Goes into `before` to go on; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// One notification and how far it has come.
#[derive(ToSchema)]
#[allow(dead_code, reason = "with_delivery() writes it: the record may have any members")]
struct WithReceipt {
    #[serde(flatten)]
    record: Notification,
    #[serde(flatten)]
    receipt: Delivery,
}

/// The notifications, newest first
///
/// `?wsdl` and `?xsd` describe how they are submitted by SOAP and XML.
#[utoipa::path(
    get, path = "/api/v1/notifications", operation_id = "listNotifications", tag = "notifications", params(Filters),
    responses((status = 200, description = "One page.", body = Page), Reading)
)]
pub(crate) async fn list(request: HttpRequest) -> Result<HttpResponse, Failure> {
    if let Some(description) = formats::description(&request) {
        return Ok(description);
    }
    let query = query(&request)?;
    let page = desk(&request)?.history(query).await.map_err(refused)?;
    let notifications = page.entries.iter().map(|entry| &entry.notification).collect();
    Ok(HttpResponse::Ok().json(Page { notifications, next: page.next }))
}

/// One notification and how far it has come
#[utoipa::path(
    get, path = "/api/v1/notifications/{id}", operation_id = "getNotification", tag = "notifications",
    params(("id" = uuid::Uuid, Path, description = "Its id.")),
    responses((status = 200, description = "The record with its receipt.", body = WithReceipt), ReadingOne)
)]
pub(crate) async fn one(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let text = segment(&request, "id");
    let id = text.parse().or(Err(Failure::no_notification(&text)))?;
    let (entry, delivery) = desk(&request)?.notification(id).await.ok_or_else(|| Failure::no_notification(&text))?;
    Ok(HttpResponse::Ok().json(with_delivery(&entry, &delivery)))
}

/// Reads the filters.
///
/// # Errors
/// 422 that names what is wrong or unknown.
pub(crate) fn query(request: &HttpRequest) -> Result<HistoryQuery, Failure> {
    let mut params = Params::of(request)?;
    let application = params.parsed::<Name>("application", "is not the name of an application");
    let source = params.text("source");
    if source.as_ref().is_some_and(|source| !["operator", "monitor", "alert", "farm"].contains(&source.as_str())) {
        params.wrong("source", "is none of operator, monitor, alert and farm");
    }
    let operator = params.short("operator", 200);
    let before = params.short("before", 200);
    let limit = params.limit();
    params.finish()?;
    let application = application.map(|name| name.to_string());
    Ok(HistoryQuery { application, source, operator, before, limit, ..HistoryQuery::default() })
}

/// Maps a failure to 422 (the cursor) or 503 (the store).
fn refused(error: HistoryError) -> Failure {
    match error {
        HistoryError::Cursor => Failure::field("before", error.to_string()),
        HistoryError::Store(_) => Failure::Unavailable { reason: error.to_string(), retry_after: 5 },
    }
}

/// A notification's record. It is kept as an opening where it is degraded, and shown as it was submitted.
pub(crate) fn record(entry: &Entry) -> Value {
    // A record of plain values always serializes.
    let mut record = serde_json::to_value(&entry.notification).unwrap_or_default();
    if entry.notification.degraded
        && let Some(members) = record.as_object_mut()
    {
        members.remove("degraded");
        members.insert("status".to_owned(), "degraded".into());
    }
    record
}

/// The record, with its receipt; a member of a newer version by the same name gives way.
fn with_delivery(entry: &Entry, delivery: &Delivery) -> Value {
    let mut record = record(entry);
    record["delivery"] = json!(delivery.delivery);
    record["complete"] = json!(delivery.complete);
    record
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::actors::desk::ReadError;
    use actix_web::test::TestRequest;

    fn read(text: &str) -> Result<HistoryQuery, Vec<String>> {
        let request = TestRequest::with_uri(&format!("/?{text}")).to_http_request();
        query(&request).map_err(|e| match e {
            Failure::Wrong(errors) => errors.into_iter().map(|e| e.field).collect(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn filters_are_read_or_named() {
        assert_eq!(read("").unwrap().limit, 100);
        let all = read("application=mail&source=alert&operator=alice&before=2026-11-23T18:00:00Z&limit=1000").unwrap();
        assert_eq!(
            (all.application.as_deref(), all.source.as_deref(), all.limit),
            (Some("mail"), Some("alert"), 1_000)
        );
        assert_eq!((all.operator.as_deref(), all.before.as_deref()), (Some("alice"), Some("2026-11-23T18:00:00Z")));
        for (wrong, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("source=me", "source"),
            ("application=a%2Fb", "application"),
            ("operator=", "operator"),
            ("colour=red", "colour"),
        ] {
            assert_eq!(read(wrong).unwrap_err(), [field], "{wrong}");
        }
    }

    #[test]
    fn a_wrong_cursor_is_a_wrong_field_and_is_explained_once() {
        match refused(HistoryError::Cursor) {
            Failure::Wrong(errors) => {
                assert_eq!(errors[0].to_string(), "before is neither a time nor a value of `next`");
            }
            other => panic!("{other}"),
        }
        assert!(matches!(refused(HistoryError::Store(ReadError::Closing)), Failure::Unavailable { .. }));
    }
}
