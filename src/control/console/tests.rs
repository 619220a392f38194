//! The pages without a node behind them: their content, and the access to them.
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
    control::{
        rights::{Rights, Role},
        session::{Cookies, Limits, Operator, Proxies, Sessions},
    },
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

/// One of the sample pages.
fn page(file: &str) -> String {
    samples::pages().into_iter().find(|(name, _)| *name == file).unwrap().1
}

#[test]
fn the_board_says_in_words_what_colours_say() {
    let board = page("board");
    for words in [
        "2 of 5 applications are unavailable, 1 is partly unavailable; 1 of 2 resources is unavailable.",
        "Partly unavailable",
        "overdue by 20 min",
        "not on this node",
        "monitor a/directory-tcp",
        "Planned maintenance",
        "method POST or PUT",
        "not yet confirmed by c",
    ] {
        assert!(board.contains(words), "{words}");
    }
    let closed = page("board-closed");
    assert!(closed.contains("The whole system is unavailable"));
    assert!(closed.contains("Nodes c and http://10.0.0.9:7070 cannot be reached from node a."), "{closed}");
}

#[test]
fn the_board_shows_what_monitors_find_and_what_is_wrong_first() {
    let page = samples::board_page(&samples::board(), "");
    let wrong: Vec<&str> = page.monitors.wrong.iter().map(|line| &*line.name).collect();
    assert_eq!(wrong, ["evil", "mail-http", "untried", "chat-slow"]);
    assert_eq!((page.monitors.fine.len(), &*page.monitors.fine[0].name), (1, "wiki-http"));
    let shown = self::page("board");
    let monitors = &shown[shown.find("Monitors of this node").unwrap()..];
    for words in
        ["changes too often", "Answered 500", "Slow", "Unknown", "none yet", "12.3 ms", "1 up", "#application-mail"]
    {
        assert!(monitors.contains(words), "{words}");
    }
    assert!(!self::page("board-found").contains("Monitors of this node"), "a search is about what is available");
}

#[test]
fn the_board_never_says_that_all_is_well_while_a_part_is_not() {
    let mut board = samples::board();
    for row in board.applications.iter_mut().chain(&mut board.resources) {
        row.causes.clear();
    }
    let page = samples::board_page(&board, "");
    assert_eq!((page.summary.as_str(), page.calm), ("1 of 5 applications is partly unavailable.", false));
    board.applications.iter_mut().for_each(|row| row.partial.clear());
    let page = samples::board_page(&board, "");
    assert_eq!((page.summary.as_str(), page.calm), ("All 5 applications are available.", true));
    board.applications[0].advisories = samples::degraded_board().applications[0].advisories.clone();
    let page = samples::board_page(&board, "");
    assert_eq!((page.summary.as_str(), page.calm), ("1 of 5 applications is degraded.", false));
    assert_eq!(page.applications.wrong.len(), 1, "it is not folded away with what is available");
}

#[test]
fn what_is_degraded_is_told_apart_from_what_is_available() {
    let page = samples::board_page(&samples::degraded_board(), "");
    assert_eq!(page.summary, "5 of 5 applications are degraded.");
    let titles = |rows: &[_]| rows.iter().map(|row: &view::Row| row.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&page.applications.wrong), ["Chat"], "it has an advisory of its own");
    assert_eq!(page.applications.degraded_with_system.len(), 4);
    let shown = self::page("board-degraded");
    for words in
        ["The whole system is degraded", "4 degraded with the whole system", "Pictures load slowly.", "2 available"]
    {
        assert!(shown.contains(words), "{words}");
    }
    let chat = samples::degraded_board().applications[0].advisories[1].entry.notification.id;
    assert!(shown.contains(&format!("/notify?update={chat}")), "an advisory can be updated");
}

#[test]
fn criteria_without_an_input_are_shown_and_sent_again() {
    let form = page("form-carried");
    assert!(form.contains("not for: (method GET and path /mail/health)"));
    let value = "{&#34;except&#34;:[{&#34;methods&#34;:[&#34;GET&#34;],&#34;paths&#34;:[&#34;/mail/health&#34;]}]}";
    assert!(form.contains(&format!("name=\"kept\" value=\"{value}\" checked")), "{form}");
    assert!(form.contains("<option value=\"power-cut\" selected>power-cut (not in this node’s configuration)"));
}

#[test]
fn sixty_applications_are_one_line_each_and_a_plan_is_shown_once() {
    let large = samples::board_page(&samples::large_board(), "");
    assert_eq!((large.plans.len(), large.plans[0].affects.as_str()), (1, "all 60 applications"));
    assert_eq!((large.applications.wrong.len(), large.applications.fine.len()), (1, 59));
    assert!(!large.applications.unfolded && large.searchable);
    let shown = page("board-large");
    assert_eq!(shown.matches("The whole system will be unavailable</h3>").count(), 1);
    assert!(shown.len() < 100_000, "{} bytes", shown.len());
    let found = samples::board_page(&samples::large_board(), "n 07");
    assert_eq!((found.applications.wrong.len(), found.applications.fine.len()), (1, 0));
    assert!(page("board-not-found").contains("No application or resource matches"));
}

#[test]
fn a_board_of_sixty_with_five_hundred_plans_is_small_and_soon_made() {
    use askama::Template as _;
    let board = samples::busy_board();
    let began = std::time::Instant::now();
    let page = samples::board_page(&board, "");
    let shown = page.render().unwrap();
    let took = began.elapsed();
    assert!(shown.len() < 100_000, "{} bytes", shown.len());
    // Without optimization and on a busy machine; measured with it: some milliseconds.
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    assert_eq!((page.plans.len(), page.more_plans), (6, 495));
    assert_eq!(shown.matches("<svg class=\"time\"").count(), 60);
    assert!(shown.contains("Next 7 days: 5 plans, the first in "), "in words as well");
}

#[test]
fn where_everything_is_down_the_first_seven_are_shown_whole_and_the_rest_in_a_line_each() {
    use askama::Template as _;
    let page = samples::board_page(&samples::dark_board(), "");
    assert_eq!((page.applications.wrong.len(), page.applications.more.len()), (7, 53));
    let shown = page.render().unwrap();
    assert!(shown.len() < 100_000, "{} bytes", shown.len());
    assert!(shown.contains("53 more with problems") && shown.contains("60 of 60 applications are unavailable"));
    // The lines name the reason.
    assert!(shown.matches("Unplanned outage").count() >= 60);
    // Critical ones come first.
    let mut board = samples::dark_board();
    board.applications[59].critical = true;
    assert_eq!(samples::board_page(&board, "").applications.wrong[0].title, board.applications[59].title);
}

#[test]
fn five_hundred_plans_come_in_pages() {
    use askama::Template as _;
    let page = |from| {
        let plans = view::plans(&samples::busy_board(), &samples::titles(), &samples::face());
        view::PlansPage::new(samples::chrome("plans"), plans, from, view::FarmState::default())
    };
    assert_eq!(page(0).summary, "Plans 1 to 50 of 501, the next first.");
    assert_eq!(page(0).others, [None, Some("/plans?from=50".to_owned())]);
    assert_eq!(page(73).others, [Some("/plans?from=0".to_owned()), Some("/plans?from=100".to_owned())]);
    for beyond in [500, usize::MAX] {
        assert_eq!(page(beyond).others, [Some("/plans?from=450".to_owned()), None]);
        assert_eq!(
            (page(beyond).plans.len(), page(beyond).summary.as_str()),
            (1, "Plans 501 to 501 of 501, the next first.")
        );
    }
    assert!(page(0).render().unwrap().contains("href=\"/plans?from=50\" rel=\"next\">Later</a>"));
}

#[test]
fn several_are_chosen_on_the_board_by_those_who_may() {
    let board = page("board");
    assert!(board.contains("<form id=\"bulk\" class=\"bulk\" method=\"get\" action=\"/notify\""));
    let box_of = |target: &str| format!("<input type=\"checkbox\" form=\"bulk\" name=\"target\" value=\"{target}\"");
    for target in ["application:mail", "application:shop", "resource:directory"] {
        assert!(board.contains(&box_of(target)), "{target}");
    }
    assert!(!page("board-viewer").contains("bulk"));
    assert!(board.contains("Last 24 hours: unavailable for 2 h 40 min. Next 7 days: nothing planned."), "mail's bar");
}

#[test]
fn schedules_say_when_they_recur_and_what_became_of_each_occurrence() {
    let schedules = page("schedules");
    for words in [
        "Every week on Saturday and Sunday",
        "at 02:00 (America/New_York) for 1 h 30 min; last entry 10 min before",
        "Chat and the resource directory",
        "method POST",
        // Saturday at two in New York, shown in Berlin.
        "<time datetime=\"2026-11-28T07:00:00Z\">28 Nov 2026, 08:00 CET</time>",
        "cancelled or moved",
        "This version of Forewarn cannot read it",
        "/schedules/edit?id=00000000-0000-0000-0000-000000000001",
        "More schedules",
    ] {
        assert!(schedules.contains(words), "{words}: {schedules}");
    }
    let preview = page("schedule-preview");
    for words in
        ["4 plans of the current version that have not begun will be cancelled", "Saturday: ", "(uses directory)"]
    {
        assert!(preview.contains(words), "{words}: {preview}");
    }
    let form = page("schedule-form");
    for part in [
        "action=\"/schedules/edit\"",
        "name=\"days\" value=\"SA\" checked",
        "<option value=\"weekly\" selected>",
        "value=\"2026-11-01T02:00\"",
        "<option value=\"Europe/Berlin\">",
    ] {
        assert!(form.contains(part), "{part}");
    }
    assert!(!form.contains("name=\"status\"") && !form.contains("name=\"begins\""));
    assert!(page("schedule-remove").contains("its 3 plans that have not begun are cancelled"));
}

#[test]
fn templates_say_what_they_would_state() {
    let templates = page("templates");
    for words in ["Mail is unavailable", "Planned maintenance", "for 1 h 30 min", "/notify?template=", "cannot read it"]
    {
        assert!(templates.contains(words), "{words}");
    }
    let form = page("template-form");
    assert!(form.contains("action=\"/templates/edit\"") && form.contains("Save the template"));
    assert!(!form.contains("name=\"begins\"") && !form.contains("last_entry"));
}

#[test]
fn a_row_offers_to_open_what_keeps_it_closed() {
    let page = samples::board_page(&samples::board(), "");
    let rows = page.applications.wrong.iter().chain(&page.resources.wrong);
    let offered: Vec<(&str, &str)> = rows.map(|row| (row.title.as_str(), row.open_words.as_str())).collect();
    assert_eq!(
        offered,
        [
            ("Mail", "Mark as available"),
            ("Phone directory", "Mark directory as available"),
            ("Wiki", "Mark as available"),
            ("directory", "Mark as available"),
        ]
    );
}

#[test]
fn what_is_down_with_the_whole_system_is_one_line_each() {
    let page = samples::board_page(&samples::closed_board(), "");
    let titles = |rows: &[_]| rows.iter().map(|row: &view::Row| row.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&page.applications.with_system), ["Chat", "Shop"]);
    assert_eq!(titles(&page.applications.wrong), ["Mail", "Phone directory", "Wiki"], "these have causes of their own");
}

#[test]
fn an_outage_is_updated_and_extended_from_the_board_by_those_who_may() {
    let board = page("board");
    let mail = samples::entries()[0].notification.id;
    for part in [format!("/notify?update={mail}"), format!("action=\"/notify/{mail}/extend\""), "value=\"120\"".into()]
    {
        assert!(board.contains(&part), "{part}");
    }
    let viewer = page("board-viewer");
    for action in ["/notify", "extend", "Report unavailable", "Mark as available"] {
        let links = viewer.replace("href=\"/notify/0", ""); // receipts are for everybody
        assert!(!links.contains(action), "{action}");
    }
    assert!(viewer.contains("view only"));
}

#[test]
fn the_history_shows_a_change_once_and_what_changed() {
    let history = page("history");
    assert_eq!(history.matches("<span>Plan changed: Chat and Wiki will be unavailable</span>").count(), 1);
    assert!(!history.contains("Planned maintenance cancelled"), "the cancel is part of the change");
    for change in [
        "<b>From</b>: <del><time datetime=\"2026-11-24T21:00:00Z\">",
        "<b>Until</b>: <del><time datetime=\"2026-11-24T22:30:00Z\">",
        "<ins><time datetime=\"2026-11-25T00:30:00Z\">",
        "Update: Mail is unavailable",
        "<ins><span class=\"message\">It takes longer.</span></ins>",
    ] {
        assert!(history.contains(change), "{change}");
    }
    assert!(history.contains("data-label=\"From – until\""));
}

#[test]
fn the_preview_warns_of_what_may_not_be_meant() {
    let page = samples::preview();
    let titles: Vec<(&str, &str)> = page.affected.iter().map(|one| (one.title.as_str(), one.now.as_str())).collect();
    assert_eq!(titles, [("Mail", "is unavailable now"), ("Phone directory", "is unavailable now")]);
    assert!(page.warnings.iter().any(|text| text.contains("This is planned maintenance")), "{:?}", page.warnings);
    assert!(page.warnings.iter().any(|text| text.contains("does not end by itself")), "{:?}", page.warnings);
    assert_eq!(page.denial.unwrap().before, "Mail is down for planned maintenance and is expected back at ");
}

#[test]
fn a_preview_tells_what_closes_what_opens_and_what_is_replaced() {
    let alice = crate::availability::Author::operator("alice");
    let of = |value: serde_json::Value| {
        let entry = samples::entry(70, "2026-11-23T16:40:00Z", &alice, &value);
        samples::preview_of(&entry)
    };
    let closing =
        of(serde_json::json!({"targets": ["resource:mail-store"], "status": "unavailable", "duration_seconds": 600}));
    let closes: Vec<String> = closing.closes.iter().map(|one| format!("{} {}", one.application, one.from)).collect();
    assert_eq!(closes, ["mail 2026-11-23T16:40:00Z", "shop 2026-11-23T16:40:00Z"]);
    assert_eq!(closing.closes[0].until, Some(samples::at("2026-11-23T16:50:00Z")));
    assert!(closing.warnings.iter().any(|text| text.contains("Nodes c and http://10.0.0.9:7070 cannot be reached")));

    let mail = samples::entries()[0].notification.id;
    let opening = of(serde_json::json!({"targets": ["application:mail", "application:phone"], "status": "available"}));
    assert_eq!(opening.opens(), [&samples::name("mail")], "phone stays closed with its resource");
    assert_eq!((opening.replaces.as_slice(), opening.closes.len()), (&[mail][..], 0));

    let overlapping = of(serde_json::json!({"targets": ["application:chat"], "status": "unavailable",
        "goes_down_at": "2026-11-24T22:00:00Z", "duration_seconds": 600}));
    assert!(overlapping.warnings.iter().any(|text| text.contains("It overlaps with a plan that begins in 1 day 4 h")));
    let replaced = of(serde_json::json!({"targets": ["application:chat"], "status": "unavailable",
        "goes_down_at": "2026-11-24T22:00:00Z", "replaces": samples::entries()[2].notification.id}));
    assert!(!replaced.warnings.iter().any(|text| text.contains("overlaps")), "{:?}", replaced.warnings);
}

fn state(operators: Vec<Operator>) -> web::Data<ConsoleState> {
    let node = samples::name("a");
    web::Data::new(ConsoleState {
        desk: Desk::closed(),
        door: Door {
            sessions: std::sync::Arc::new(Sessions::new(Limits::default())),
            cookies: Cookies::new(&node),
            proxies: Proxies::new(["192.0.2.1/32".parse().unwrap()]),
        },
        sign_in: SignIn::new(operators),
        time_zone: chrono_tz::UTC,
        node,
        reasons: ArcSwap::from_pointee(Reasons::with([])),
        days: Days::new(crate::availability::Rules::default()),
    })
}

fn alice() -> Vec<Operator> {
    let one = |name: &str, role| Operator {
        name: name.into(),
        phc: crate::control::session::cheap_hash("correct horse"),
        rights: Rights::new(role, None),
    };
    vec![one("alice", Role::Operator), one("vera", Role::Viewer)]
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
    for _ in 0..4 {
        let wrong = ask(&state, post("/login", "name=alice&password=no")).await;
        assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    }
    let soon = ask(&state, post("/login", "name=alice&password=correct+horse")).await;
    assert_eq!(soon.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(soon.headers().get("retry-after").unwrap(), "1");
    assert!(text(soon).await.contains("Try again in 1 s"));
    assert!(state.door.sessions.list(crate::clock::now()).is_empty());
    // The same proxy in between, but somebody else's browser.
    let elsewhere = |client: &'static str| {
        let request = post("/login", "name=alice&password=correct+horse").peer_addr("192.0.2.1:4000".parse().unwrap());
        request.insert_header(("x-forwarded-for", client))
    };
    let app = init_service(App::new().configure(configure(state.clone()))).await;
    let alice = call_service(&app, elsewhere("203.0.113.7").to_request()).await;
    assert_eq!(alice.status(), StatusCode::SEE_OTHER, "a stranger does not lock an operator out");
}

#[actix_web::test]
async fn behind_a_proxy_with_https_the_cookie_is_secure_and_the_outer_host_counts() {
    let state = state(alice());
    let app = init_service(App::new().configure(configure(state.clone()))).await;
    let sign_in = |origin: &'static str| {
        let request = TestRequest::post()
            .uri("/login")
            .peer_addr("192.0.2.1:4000".parse().unwrap())
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("host", "127.0.0.1:7070"))
            .insert_header(("x-forwarded-proto", "https"))
            .insert_header(("x-forwarded-host", "ops.example"))
            .insert_header(("origin", origin));
        request.set_payload("name=alice&password=correct+horse").to_request()
    };
    let answer = call_service(&app, sign_in("https://ops.example")).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.response().cookies().next().unwrap().into_owned();
    assert_eq!((cookie.name(), cookie.secure()), ("__Host-forewarn_session_a", Some(true)));
    assert!(answer.headers().contains_key("strict-transport-security"));
    for other in ["http://ops.example", "https://127.0.0.1:7070", "https://evil.example"] {
        assert_eq!(call_service(&app, sign_in(other)).await.status(), StatusCode::FORBIDDEN, "{other}");
    }
}

#[actix_web::test]
async fn viewers_see_and_change_nothing() {
    let state = state(alice());
    let answer = ask(&state, post("/login", "name=vera&password=correct+horse")).await;
    let cookie = answer.response().cookies().next().unwrap().into_owned();
    let now = clock::now();
    let session = state.door.sessions.find(cookie.value(), now, crate::control::session::Use::No).unwrap();
    assert_eq!(ask(&state, TestRequest::get().uri("/").cookie(cookie.clone())).await.status(), StatusCode::OK);
    let form = ask(&state, TestRequest::get().uri("/notify").cookie(cookie.clone())).await;
    assert_eq!(form.status(), StatusCode::FORBIDDEN);
    for path in ["/notify", "/notify/0190e5a0-0000-7000-8000-000000000000/extend", "/nodes/forget"] {
        let body = format!("csrf={}&targets=system&minutes=30&name=c", session.token);
        let refused = ask(&state, post(path, &body).cookie(cookie.clone())).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(text(refused).await.contains("You have the role viewer"), "{path}");
    }
}

#[actix_web::test]
async fn forms_from_elsewhere_and_what_is_no_form_are_refused() {
    let state = state(alice());
    let body = "name=alice&password=correct+horse";
    let elsewhere = post("/login", body).insert_header(("sec-fetch-site", "cross-site"));
    assert_eq!(ask(&state, elsewhere).await.status(), StatusCode::FORBIDDEN);
    let json = post("/login", "{}").insert_header(("content-type", "application/json"));
    assert_eq!(ask(&state, json).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = ask(&state, post("/notify", &"a".repeat(257 << 10))).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(state.door.sessions.list(crate::clock::now()).is_empty());
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
    let (id, _) = state.door.sessions.begin(
        "alice",
        Rights::new(Role::Operator, None),
        std::net::Ipv4Addr::LOCALHOST.into(),
        then,
    );
    let request = TestRequest::get().uri("/?auto=1").cookie(state.door.cookies.give(&id, false)).to_http_request();
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

#[actix_web::test]
async fn unknown_addresses_and_types_of_problems_say_what_they_are() {
    let state = state(alice());
    let get = |path: &str, accept: &'static str| TestRequest::get().uri(path).insert_header(("accept", accept));
    let page = ask(&state, get("/nothing-here", "text/html,*/*;q=0.8")).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(text(page).await.contains("There is no page at /nothing-here on the control listener of node a."));
    let problem = ask(&state, get("/nothing-here", "*/*")).await;
    assert_eq!(problem.headers().get("content-type").unwrap(), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&text(problem).await).unwrap();
    let meaning = ask(&state, get(problem["type"].as_str().unwrap(), "*/*")).await;
    assert_eq!(meaning.status(), StatusCode::OK);
    assert!(text(meaning).await.contains("There is nothing at this address"));
    let page = ask(&state, get("/problems/bound", "text/html")).await;
    assert!(text(page).await.contains("Limit reached"));
    assert_eq!(ask(&state, get("/problems/none", "text/html")).await.status(), StatusCode::NOT_FOUND);
    let method = ask(&state, post("/history", "")).await;
    assert_eq!(method.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.headers().get("allow").unwrap(), "GET, HEAD");
    assert_eq!(
        ask(&state, TestRequest::default().method(actix_web::http::Method::HEAD).uri("/login")).await.status(),
        StatusCode::OK
    );
}

#[actix_web::test]
async fn sessions_are_ended_by_operators_and_by_those_whose_they_are() {
    let state = state(alice());
    let begin = |name: &str, role| {
        state.door.sessions.begin(name, Rights::new(role, None), std::net::Ipv4Addr::LOCALHOST.into(), clock::now())
    };
    let ((alice, of_alice), (vera, of_vera)) = (begin("alice", Role::Operator), begin("vera", Role::Viewer));
    let cookie = |id: &str| state.door.cookies.give(id, false);
    let handle = |id: &str| Sessions::handle_of(id);
    let page = text(ask(&state, TestRequest::get().uri("/sessions").cookie(cookie(&vera))).await).await;
    assert!(page.contains(&handle(&vera)) && !page.contains(&handle(&alice)), "a viewer sees their own");
    let end = |token: &str, handle: String| post("/sessions/end", &format!("csrf={token}&session={handle}"));
    ask(&state, end(&of_vera.token, handle(&alice)).cookie(cookie(&vera))).await;
    assert!(!of_alice.ended.is_cancelled(), "and ends nobody else's");
    let page = text(ask(&state, TestRequest::get().uri("/sessions").cookie(cookie(&alice))).await).await;
    assert!(page.contains(&handle(&vera)) && page.contains("this browser"));
    let ended = ask(&state, end(&of_alice.token, handle(&vera)).cookie(cookie(&alice))).await;
    assert_eq!(ended.headers().get(LOCATION).unwrap(), "/sessions");
    assert!(of_vera.ended.is_cancelled());
}

#[actix_web::test]
async fn the_history_is_searched_by_what_its_form_says_and_comes_as_a_file() {
    let state = state(alice());
    let (id, _) = state.door.sessions.begin(
        "vera",
        Rights::new(Role::Viewer, None),
        std::net::Ipv4Addr::LOCALHOST.into(),
        clock::now(),
    );
    let get = |path: &str| TestRequest::get().uri(path).cookie(state.door.cookies.give(&id, false));
    let filters = "q=disk&kind=plan&application=mail&operator=bob&from=2026-11-01&to=2026-11-30";
    let page = text(ask(&state, get(&format!("/history?{filters}"))).await).await;
    for kept in [
        "value=\"disk\"",
        "value=\"plan\" selected",
        "value=\"2026-11-01\"",
        "/history.csv?q=disk&#38;application=mail",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    let wrong = ask(&state, get("/history?from=soon")).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert!(text(wrong).await.contains("“From” is not a date such as 2026-11-23."));
    let file = ask(&state, get(&format!("/history.csv?{filters}"))).await;
    assert_eq!(file.status(), StatusCode::OK);
    let disposition = file.headers().get("content-disposition").unwrap().to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename=\"forewarn-history-a.csv\"");
    assert!(text(file).await.starts_with("\u{feff}reported at,statement,"));
    assert_eq!(ask(&state, TestRequest::get().uri("/history.csv")).await.status(), StatusCode::SEE_OTHER);
}
