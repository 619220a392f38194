//! Testers' passes (docs/contract.md#testers-pass): `POST /api/v1/passes`.
//!
//! A pass is signed, not stored: it does not enter the ledger, and every node accepts it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{desk, params};
use crate::{
    availability::{Moment, Name, Target},
    clock,
    control::{audit, auth::Caller, body, described::Acting, errors::Failure},
};

/// The most applications of one pass.
const MOST: usize = 20;
/// The longest life of a pass.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// What a pass opens, and until when
#[derive(ToSchema)]
#[schema(as = PassRequest)]
#[allow(dead_code, reason = "read() reads it member by member; only its form is read")]
struct Asked {
    /// Names of applications.
    #[schema(min_items = 1, max_items = 20)]
    applications: Vec<Name>,
    /// At most 30 days ahead.
    expires_at: Moment,
}

/// A tester's link
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pass)]
struct Pass {
    /// Path and query, to be opened at the gate of any node. Anyone who has it may pass.
    link: String,
    /// Which applications it opens.
    applications: Vec<Name>,
    /// Until when, in whole seconds.
    expires_at: Moment,
}

/// Make a tester's link
///
/// A browser that opens it at a gate may use these applications until it expires, even while they are closed.
#[utoipa::path(
    post, path = "/api/v1/passes", operation_id = "makePass", tag = "availability",
    request_body(content = Asked, description = "At most 65,536 bytes."),
    responses((status = 201, description = "The link.", body = Pass), Acting)
)]
pub(crate) async fn make(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    let caller = Caller::of(&request)?;
    caller.must_be_operator()?;
    params::none(&request)?;
    let body = body::json(&request, payload).await?;
    let shared = desk(&request)?.shared();
    let known = |name: &Name| shared.slots().iter().any(|slot| slot.app.name() == name);
    let (applications, expires_at) = read(&body, known, clock::now())?;
    caller.must_cover(applications.iter().cloned().map(Target::Application).collect())?;
    let Some(key) = &shared.visitors.pass else {
        return Err(Failure::Conflict(
            "a pass is signed with farm.secret or farm.pass_key; set one of them".to_owned(),
        ));
    };
    let token = key.sign(applications.iter().map(Name::as_str), expires_at.millis() / 1000);
    let names: Vec<&str> = applications.iter().map(Name::as_str).collect();
    log::info!(applications = names.join(","), by = caller.name(), from = audit::address(&request), expires_at:%; "pass_made");
    Ok(HttpResponse::Created().json(Pass { link: format!("/.forewarn/pass?t={token}"), applications, expires_at }))
}

/// The applications and the end, which is cut to whole seconds.
fn read(body: &Value, known: impl Fn(&Name) -> bool, now: Moment) -> Result<(Vec<Name>, Moment), Failure> {
    let members = body.as_object().ok_or_else(|| Failure::field("", "must be an object"))?;
    if let Some(other) = members.keys().find(|key| !matches!(key.as_str(), "applications" | "expires_at")) {
        return Err(Failure::field(other, "is not a field of a pass"));
    }
    let list = members.get("applications").and_then(Value::as_array).filter(|list| (1..=MOST).contains(&list.len()));
    let list = list.ok_or_else(|| Failure::field("applications", format!("must be a list of 1 to {MOST} names")))?;
    let mut applications: Vec<Name> = Vec::new();
    for (at, name) in list.iter().enumerate() {
        let name = name.as_str().and_then(|name| name.parse().ok()).filter(|name| known(name));
        let field = format!("applications[{at}]");
        let name = name.ok_or_else(|| Failure::field(&field, "is not an application of this node"))?;
        if !applications.contains(&name) {
            applications.push(name);
        }
    }
    let end = members.get("expires_at").and_then(Value::as_str).and_then(|text| text.parse::<Moment>().ok());
    let end = end.ok_or_else(|| Failure::field("expires_at", "must be a time such as \"2026-11-23T18:00:00Z\""))?;
    let end = Moment::from_millis(end.millis() / 1000 * 1000);
    if end <= now || end > now.after(LONGEST) {
        return Err(Failure::field("expires_at", "must be ahead, by at most 30 days"));
    }
    Ok((applications, end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_named() {
        let now: Moment = "2026-11-23T16:00:00Z".parse().unwrap();
        let read = |body: Value| read(&body, |name| name.as_str() != "nobody", now);
        let (applications, end) =
            read(json!({"applications": ["mail", "chat", "mail"], "expires_at": "2026-11-23T18:00:00.7Z"})).unwrap();
        assert_eq!((applications.len(), end.to_string().as_str()), (2, "2026-11-23T18:00:00Z"));
        let good = "2026-11-23T18:00:00Z";
        for (body, field) in [
            (json!([]), ""),
            (json!({"applications": ["mail"], "expires_at": good, "x": 1}), "x"),
            (json!({"expires_at": good}), "applications"),
            (json!({"applications": [], "expires_at": good}), "applications"),
            (json!({"applications": ["mail", "nobody"], "expires_at": good}), "applications[1]"),
            (json!({"applications": ["mail"]}), "expires_at"),
            (json!({"applications": ["mail"], "expires_at": "2026-11-23T16:00:00Z"}), "expires_at"),
            (json!({"applications": ["mail"], "expires_at": "2027-11-23T16:00:00Z"}), "expires_at"),
        ] {
            let Err(Failure::Wrong(errors)) = read(body.clone()) else { panic!("{body}") };
            assert_eq!(errors[0].field, field, "{body}");
        }
    }
}
