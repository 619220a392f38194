//! Who is let in, with what, and for how long.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::control::session::{Cookies, Limits, Proxies, Sessions};
use crate::{
    actors::desk::Desk,
    availability::{Author, Submission},
    control::rights::Rights,
    vocabulary::{Role, token_sha256},
};
use actix_web::test::TestRequest;

fn tokens() -> Data<Tokens> {
    let token = |name: &str, role, text: &str, expires: Option<&str>| Token {
        name: name.into(),
        rights: Rights::new(role, None),
        expires: expires.map(|end| end.parse().unwrap()),
        sha256: token_sha256(text),
        ended: tokio_util::sync::CancellationToken::new(),
    };
    Data::new(Tokens::new(vec![
        token("ci", Role::Operator, "s3cret", Some("2999-01-01T00:00:00Z")),
        token("probe", Role::Monitor, "m0nitor", None),
        token("wall", Role::Viewer, "v1ewer", None),
        token("old", Role::Operator, "0ld", Some("2020-01-01T00:00:00Z")),
    ]))
}

fn door() -> Door {
    let cookies = Cookies::new(&"a".parse().unwrap());
    Door { sessions: Arc::new(Sessions::new(Limits::default())), cookies, proxies: Proxies::default() }
}

fn ask(method: Method, fields: &[&str], door: &Door, session: Option<&str>) -> Result<Caller, Failure> {
    let mut request = TestRequest::default().method(method).app_data(tokens()).app_data(Data::new(door.clone()));
    for field in fields {
        let (name, value) = field.split_once(": ").unwrap();
        request = request.append_header((name, value));
    }
    if let Some(id) = session {
        request = request.cookie(door.cookies.give(id, false));
    }
    identify(&request.to_http_request())
}

async fn author(caller: &Caller, target: &str) -> Result<Author, Failure> {
    let value = serde_json::json!({"targets": [target], "status": "unavailable"});
    caller.author(&Desk::closed(), &Submission::parse(&value).unwrap()).await
}

#[actix_web::test]
async fn a_token_tells_who_and_what() {
    let token = |text: &str| ask(Method::POST, &[&format!("Authorization: bearer {text}")], &door(), None).unwrap();
    let ci = token("s3cret");
    assert_eq!(author(&ci, "system").await.unwrap(), Author::operator("ci"));
    assert!(ci.must_be_operator().is_ok());
    let probe = token("m0nitor");
    assert_eq!(author(&probe, "application:mail").await.unwrap(), Author::monitor_token("probe"));
    assert!(matches!(author(&probe, "system").await, Err(Failure::Forbidden(_))), "unless it is listed");
    assert!(matches!(probe.must_be_operator(), Err(Failure::Forbidden(_))));
    let wall = token("v1ewer");
    assert!(author(&wall, "application:mail").await.is_err() && wall.must_act().is_err());
}

#[test]
fn others_are_nobody() {
    let ask = |method, fields: &[&str]| ask(method, fields, &door(), None);
    for fields in [&["Authorization: Bearer s3cre"][..], &["Authorization: Bearer 0ld"], &[]] {
        assert!(matches!(ask(Method::POST, fields), Err(Failure::Unauthenticated { .. })), "{fields:?}");
    }
    for wrong in [
        "Authorization: Basic s3cret",
        "Authorization: Bearer",
        "Authorization: Bearer s3cret s3cret",
        "Authorization: s3cret",
    ] {
        assert!(matches!(ask(Method::GET, &[wrong]), Err(Failure::Unauthenticated { .. })), "{wrong}");
    }
    assert!(matches!(ask(Method::GET, &["Authorization: Bearer s3cret"; 2]), Err(Failure::Malformed(_))));
}

#[actix_web::test]
async fn a_session_reads_only_and_does_not_hide_a_wrong_token() {
    let door = door();
    let (id, _) = door.sessions.begin(
        "alice",
        Rights::new(Role::Operator, None),
        std::net::Ipv4Addr::LOCALHOST.into(),
        clock::now(),
    );
    let alice = ask(Method::GET, &[], &door, Some(&id)).unwrap();
    assert!(matches!(&alice, Caller::Session { operator, .. } if operator == "alice"));
    assert!(author(&alice, "system").await.is_err() && alice.must_be_operator().is_err());
    assert!(ask(Method::DELETE, &[], &door, Some(&id)).is_err());
    assert!(ask(Method::GET, &["Authorization: Bearer wrong"], &door, Some(&id)).is_err());
}

#[test]
fn a_lease_ends_with_the_session_and_with_the_token() {
    let door = door();
    let (id, _) = door.sessions.begin(
        "alice",
        Rights::new(Role::Operator, None),
        std::net::Ipv4Addr::LOCALHOST.into(),
        clock::now(),
    );
    let lease = ask(Method::GET, &[], &door, Some(&id)).unwrap().lease();
    assert!(lease.holds(clock::now()) && !lease.ended.is_cancelled());
    let idle = clock::now().after(std::time::Duration::from_secs(9 * 3600));
    assert!(!lease.holds(idle), "nobody has used it");
    assert!(lease.ended.is_cancelled());
    let lease = ask(Method::GET, &["Authorization: Bearer s3cret"], &door, None).unwrap().lease();
    assert!(lease.holds(clock::now()) && !lease.holds("2999-01-01T00:00:00Z".parse().unwrap()));
}
