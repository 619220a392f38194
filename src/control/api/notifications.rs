//! Handing in a notification: `POST /api/v1/notifications`.
//!
//! Must stay true: 202 and 200 are answered only after the desk has it on stable storage; a 503
//! means *unknown*, and the same id may be sent again.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk,
    params::{Params, duration},
};
use crate::{
    actors::desk::Submitted,
    availability::Submission,
    control::{
        audit,
        auth::Caller,
        described::{Submitting, Waiting},
        errors::Failure,
        formats::{Format, Refusal},
    },
};

/// How long `?wait=all` waits unless told.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Submit a notification
///
/// A token with the role operator speaks as that operator, one with the role monitor as the reporter token/NAME.
/// Answered after it is on stable storage. A submission in XML or SOAP is answered in its own format.
#[utoipa::path(
    post, path = "/api/v1/notifications", operation_id = "submitNotification", tag = "notifications",
    params(("waiting" = inline(Option<Waiting>), Query, style = Form, explode, nullable = false,
        description = "wait=all, and with it timeout.")),
    request_body(description = "At most 65,536 bytes. XML and SOAP: see ?xsd and ?wsdl; answered in kind.", content(
        (Submission = "application/json", examples(
            ("maintenance" = (value = json!({
                "targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance",
                "message": "Disk upgrade", "duration_seconds": 7200
            }))),
            ("back" = (value = json!({"targets": ["application:mail"], "status": "available"}))),
            ("cancel" = (value = json!({"cancels": "01936f5e-0000-7000-8000-000000000000"}))),
        )),
        (String = "application/xml"),
        (String = "text/xml"),
        (String = "application/soap+xml"),
    )),
    responses(
        (status = 202, headers(("Location" = String, description = "Where the notification is.")),
            content((Submitted = "application/json"), (String = "application/xml")),
            description = "Accepted, and on its way to the other nodes. With wait=all: some have not confirmed in time."),
        (status = 200, headers(("Location" = String, description = "Where the notification is.")),
            content((Submitted = "application/json"), (String = "application/xml"), (String = "text/xml"), (String = "application/soap+xml")),
            description = "This id was known already, with the same content. With wait=all: every known node has confirmed. In SOAP: accepted."),
        Submitting
    )
)]
pub(crate) async fn submit(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    let format = Format::of(&request)?;
    match take(&request, payload, format).await {
        Ok((submitted, status)) => Ok(format.answer(&submitted, status)),
        Err(refusal) => Ok(format.refuse(refusal)),
    }
}

/// What [`submit`] does in every format.
async fn take(
    request: &HttpRequest,
    payload: web::Payload,
    format: Format,
) -> Result<(Submitted, StatusCode), Refusal> {
    let caller = Caller::of(request)?;
    caller.must_act()?;
    let wait = wait(request)?;
    let submission = Submission::parse(&format.read(request, payload).await?).map_err(Failure::Wrong)?;
    let desk = desk(request)?;
    let author = caller.author(desk, &submission).await?;
    let mut submitted = desk.submit(submission, author.clone()).await.map_err(Failure::from)?;
    audit::submitted(request, &author, &submitted);
    let done = match wait {
        None => submitted.repeated,
        Some(timeout) => {
            if let Some(delivery) = desk.wait(submitted.id, timeout).await {
                submitted.delivery = delivery;
            }
            submitted.delivery.complete
        }
    };
    Ok((submitted, if done { StatusCode::OK } else { StatusCode::ACCEPTED }))
}

/// For how long to wait for every node; `None`: not at all.
fn wait(request: &HttpRequest) -> Result<Option<Duration>, Failure> {
    let mut params = Params::of(request)?;
    let wait = params.text("wait");
    if wait.as_ref().is_some_and(|wait| wait != "all") {
        params.wrong("wait", "can only be \"all\"");
    }
    let timeout = match params.text("timeout").map(|text| duration(&text)) {
        None => TIMEOUT,
        Some(Ok(timeout)) => {
            if wait.is_none() {
                params.wrong("timeout", "goes with wait=all only");
            }
            timeout
        }
        Some(Err(problem)) => {
            params.wrong("timeout", problem);
            TIMEOUT
        }
    };
    params.finish()?;
    Ok(wait.map(|_| timeout))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        actors::desk::{Delivery, DeliveryRow, DeliveryState},
        availability::Moment,
    };
    use actix_web::{body::MessageBody as _, test::TestRequest};
    use serde_json::{Value, json};

    fn asked(query: &str) -> Result<Option<Duration>, Vec<String>> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        wait(&request).map_err(|e| match e {
            Failure::Wrong(errors) => errors.into_iter().map(|e| e.field).collect(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn how_long_to_wait() {
        assert_eq!(asked(""), Ok(None));
        assert_eq!(asked("wait=all"), Ok(Some(TIMEOUT)));
        assert_eq!(asked("timeout=1m&wait=all"), Ok(Some(Duration::from_secs(60))));
        assert_eq!(asked("wait=all&timeout=61s"), Err(vec!["timeout".into()]));
        assert_eq!(asked("wait=some"), Err(vec!["wait".into()]));
        assert_eq!(asked("timeout=5s"), Err(vec!["timeout".into()]));
        assert_eq!(asked("wiat=all"), Err(vec!["wiat".into()]));
    }

    #[test]
    fn the_answer_has_the_receipt_and_says_where_it_is() {
        let row = DeliveryRow { node: "a".into(), state: DeliveryState::Applied, at: Some(Moment::ZERO) };
        let submitted = Submitted {
            id: uuid::Uuid::nil(),
            timestamp: Moment::ZERO,
            node: "a".parse().unwrap(),
            delivery: Delivery { delivery: vec![row], complete: false },
            repeated: true,
            targets: Vec::new(),
        };
        let response = Format::Json.answer(&submitted, StatusCode::ACCEPTED);
        assert_eq!(response.status(), 202);
        assert_eq!(
            response.headers().get("location").unwrap(),
            "/api/v1/notifications/00000000-0000-0000-0000-000000000000"
        );
        let body: Value = serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap();
        assert_eq!(
            body,
            json!({"id": "00000000-0000-0000-0000-000000000000", "timestamp": "1970-01-01T00:00:00Z", "node": "a",
                   "delivery": [{"node": "a", "state": "applied", "at": "1970-01-01T00:00:00Z"}], "complete": false})
        );
    }
}
