//! The pages without a node behind them: what they show, and who gets to see them.
#![allow(clippy::unwrap_used)]

use actix_web::{
    App,
    body::to_bytes,
    dev::ServiceResponse,
    http::{StatusCode, header::LOCATION},
    test::{TestRequest, call_service, init_service},
};

use super::*;
use crate::{
    availability::Moment,
    clock,
    control::session::{Cookies, Limits, Operator, Sessions},
    sync::{Conflict, ConflictKind},
};

/// To look at them: `FOREWARN_PAGES=/tmp/pages cargo test --lib console` leaves them there.
#[test]
fn every_page_is_whole_and_escapes_what_others_wrote() {
    for (file, page) in samples::pages() {
        assert!(page.ends_with("</html>"), "{file}");
        assert!(!page.contains("<script>"), "{file}: a message became markup");
        assert!(!page.contains(" style=") && !page.contains(" onclick"), "{file}: the policy forbids it");
        assert_eq!(page.matches("<h1").count(), 1, "{file}");
        assert!(page.contains("<title>") && page.contains("lang=\"en\""), "{file}");
        if let Ok(folder) = std::env::var("FOREWARN_PAGES") {
            let local =
                page.replace("/static/console/", concat!(env!("CARGO_MANIFEST_DIR"), "/static/console/assets/"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(format!("{folder}/{file}.html"), local).unwrap();
        }
    }
}

#[test]
fn forms_that_change_something_carry_the_token() {
    for (file, page) in samples::pages() {
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.contains("method=\"post\"") && !form.contains("action=\"/login\"") {
                assert!(form.contains("name=\"csrf\" value=\"777"), "{file}");
            }
        }
    }
}

#[test]
fn hidden_fields_hold_what_they_are_called() {
    let page = |file| samples::pages().into_iter().find(|(name, _)| *name == file).unwrap().1;
    assert!(page("forget").contains("name=\"name\" value=\"c\""));
    let preview = page("preview");
    for hidden in [
        "name=\"targets\" value=\"application:mail\"",
        "name=\"status\" value=\"unavailable\"",
        "name=\"duration\" value=\"90\"",
    ] {
        assert!(preview.contains(hidden), "{hidden}");
    }
}

#[test]
fn the_board_says_in_words_what_colours_say() {
    let pages = samples::pages();
    let board = &pages[0].1;
    for words in [
        "3 of 5",
        "Partly unavailable",
        "overdue by 20 min",
        "not on this node",
        "monitor a/directory-tcp",
        "Planned:",
        "method POST or PUT",
        "not yet confirmed by c",
    ] {
        let words = if words == "3 of 5" { "2 of 5 applications are unavailable" } else { words };
        assert!(board.contains(words), "{words}");
    }
    assert!(pages[1].1.contains("The whole system"));
}

#[test]
fn the_preview_warns_of_what_may_not_be_meant() {
    let page = samples::preview();
    let titles: Vec<(&str, &str)> = page.affected.iter().map(|one| (one.title.as_str(), one.now.as_str())).collect();
    assert_eq!(titles, [("Mail", "is unavailable now"), ("Phone directory", "is unavailable now")]);
    assert!(page.warnings.iter().any(|text| text.contains("It is a plan")), "{:?}", page.warnings);
    assert!(page.warnings.iter().any(|text| text.contains("does not end by itself")), "{:?}", page.warnings);
    assert_eq!(page.denial.unwrap().before, "Mail is down for planned maintenance and is expected back at ");
}

fn state(operators: Vec<Operator>) -> web::Data<ConsoleState> {
    let node = samples::name("a");
    web::Data::new(ConsoleState {
        desk: Desk::closed(),
        door: Door { sessions: Arc::new(Sessions::new(Limits::default())), cookies: Cookies::new(&node, false) },
        sign_in: SignIn::new(operators),
        time_zone: chrono_tz::UTC,
        node,
        reasons: Arc::new(Reasons::with([])),
    })
}

fn alice() -> Vec<Operator> {
    vec![Operator { name: "alice".into(), phc: crate::control::session::cheap_hash("correct horse") }]
}

async fn ask(state: &web::Data<ConsoleState>, request: TestRequest) -> ServiceResponse {
    let app = init_service(App::new().configure(configure(state.clone()))).await;
    call_service(&app, request.peer_addr("127.0.0.1:4000".parse().unwrap()).to_request()).await
}

async fn text(answer: ServiceResponse) -> String {
    String::from_utf8(to_bytes(answer.into_body()).await.unwrap().to_vec()).unwrap()
}

fn post(path: &str, body: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .insert_header(("sec-fetch-site", "same-origin"))
        .set_payload(body.to_owned())
}

#[actix_web::test]
async fn pages_without_a_session_lead_to_the_login_page() {
    let state = state(alice());
    for (path, to) in [
        ("/", "/login"),
        ("/history?operator=bob", "/login?next=%2Fhistory%3Foperator%3Dbob"),
        ("/nodes", "/login?next=%2Fnodes"),
        ("/notify?target=system", "/login?next=%2Fnotify%3Ftarget%3Dsystem"),
    ] {
        let answer = ask(&state, TestRequest::get().uri(path)).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers().get(LOCATION).unwrap(), to);
        assert_eq!(answer.headers().get("cache-control").unwrap(), "no-store");
    }
}

#[actix_web::test]
async fn signing_in_gives_a_cookie_and_leads_on_within_the_pages() {
    let state = state(alice());
    let answer = ask(&state, post("/login", "name=alice&password=correct+horse&next=%2Fnodes")).await;
    assert_eq!(
        (answer.status(), answer.headers().get(LOCATION).unwrap().to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/nodes")
    );
    let cookie = answer.response().cookies().next().unwrap().into_owned();
    assert!(cookie.http_only().unwrap() && cookie.name() == "forewarn_session_a");
    let session = state.door.sessions.find(cookie.value(), clock::now(), crate::control::session::Use::No).unwrap();

    let elsewhere = ask(&state, post("/login", "name=alice&password=correct+horse&next=//evil.example")).await;
    assert_eq!(elsewhere.headers().get(LOCATION).unwrap(), "/");

    let refused = ask(&state, post("/logout", "csrf=wrong").cookie(cookie.clone())).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let left = ask(&state, post("/logout", &format!("csrf={}", session.token)).cookie(cookie.clone())).await;
    assert_eq!(left.headers().get(LOCATION).unwrap(), "/login");
    assert!(state.door.sessions.find(cookie.value(), clock::now(), crate::control::session::Use::No).is_none());
}

#[actix_web::test]
async fn wrong_passwords_are_refused_and_then_slowed_down() {
    let state = state(alice());
    let wrong = ask(&state, post("/login", "name=alice&password=no")).await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    let soon = ask(&state, post("/login", "name=alice&password=correct+horse")).await;
    assert_eq!(soon.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(soon.headers().get("retry-after").unwrap(), "1");
    assert!(text(soon).await.contains("Try again in 1 s"));
    assert!(state.door.sessions.is_empty());
}

#[actix_web::test]
async fn forms_from_elsewhere_and_what_is_no_form_are_refused() {
    let state = state(alice());
    let body = "name=alice&password=correct+horse";
    let elsewhere = post("/login", body).insert_header(("sec-fetch-site", "cross-site"));
    assert_eq!(ask(&state, elsewhere).await.status(), StatusCode::FORBIDDEN);
    let json = post("/login", "{}").insert_header(("content-type", "application/json"));
    assert_eq!(ask(&state, json).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = ask(&state, post("/notify", &"a".repeat(65 << 10))).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(state.door.sessions.is_empty());
}

#[actix_web::test]
async fn a_form_sent_after_the_session_ended_is_kept_on_the_login_page() {
    let state = state(alice());
    let answer =
        ask(&state, post("/notify", "targets=system&message=a+%22%3E%3Cscript%3E&csrf=old&action=preview")).await;
    let page = text(answer).await;
    assert!(page.contains("Your session has ended") && !page.contains("<script>"));
    let carried = page.split("name=\"carried\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let carried = &carried.replace("&#38;", "&");
    let fields = form::Fields::read(&form::read_pairs(carried));
    assert_eq!((fields.targets, fields.message), (vec!["system".to_owned()], "a \"><script>".to_owned()));
}

#[actix_web::test]
async fn without_operators_the_login_page_says_what_to_do() {
    let answer = ask(&state(Vec::new()), TestRequest::get().uri("/login")).await;
    let policy = answer.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && policy.ends_with("frame-ancestors 'none'"));
    let page = text(answer).await;
    assert!(page.contains("forewarn hash-password") && !page.contains("type=\"password\""));
}

#[actix_web::test]
async fn files_are_kept_for_ever_by_their_hash() {
    let state = state(Vec::new());
    for file in ["app.css", "app.js", "icon.svg"] {
        let answer = ask(&state, TestRequest::get().uri(&assets::href(file))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
        let tag = answer.headers().get("etag").unwrap().clone();
        let again = TestRequest::get().uri(&format!("/static/console/{file}")).insert_header(("if-none-match", tag));
        assert_eq!(ask(&state, again).await.status(), StatusCode::NOT_MODIFIED);
    }
    assert_eq!(ask(&state, TestRequest::get().uri("/static/console/mod.rs")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        ask(&state, TestRequest::get().uri("/static/console/..%2Fform.html")).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn a_session_that_refreshes_by_itself_still_ends() {
    let state = state(alice());
    let then = clock::now().before(std::time::Duration::from_secs(8 * 3600 - 60));
    let (id, _) = state.door.sessions.begin("alice", then);
    let request = TestRequest::get().uri("/?auto=1").cookie(state.door.cookies.give(&id)).to_http_request();
    let now = clock::now();
    assert!(guard::enter(&state, &request, now).is_ok());
    let later: Moment = now.after(std::time::Duration::from_secs(120));
    assert!(guard::enter(&state, &request, later).is_err());
}

#[actix_web::test]
async fn a_fenced_node_says_so_on_its_pages_and_what_to_do() {
    let state = state(alice());
    let page = text(ask(&state, TestRequest::get().uri("/login")).await).await;
    assert!(!page.contains("fenced"), "{page}");
    let conflict = Conflict { kind: ConflictKind::Copied, why: "two nodes with one id".to_owned() };
    state.desk.shared().fence(conflict);
    let page = text(ask(&state, TestRequest::get().uri("/login")).await).await;
    assert!(page.contains("This node is fenced") && page.contains("forewarn store renew"), "{page}");
}
