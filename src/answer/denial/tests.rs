#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::super::{Decision, LARGEST_PAGE, Work, fixtures::*, general::nothing_but};
use super::*;
use crate::{
    availability::verdict::Definition,
    text::{OwnPages, Site, Texts, english},
};

pub(super) fn occasion(shape: Shape, reading: bool, clock: Moment) -> Occasion<'static> {
    in_language(english(), shape, reading, clock)
}

pub(super) fn in_language<'a>(language: &'a Arc<Language>, shape: Shape, reading: bool, clock: Moment) -> Occasion<'a> {
    Occasion { shape, instance: "/mail/inbox", reading, clock, language, works: &[], chance: 0 }
}

fn body(denial: &Denial, shape: Shape, reading: bool, now: Moment) -> Bytes {
    denial.body(&occasion(shape, reading, now))
}

fn text(denial: &Denial, shape: Shape, reading: bool, now: Moment) -> String {
    String::from_utf8(body(denial, shape, reading, now).to_vec()).unwrap()
}

fn header(denial: &Denial, shape: Shape, name: &str, now: Moment) -> Option<String> {
    let found = denial.headers(&occasion(shape, true, now)).find(|(n, _)| *n == name);
    found.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn the_object_is_the_one_of_the_contract() {
    let denial = denial(json!({"message": "Disk \"upgrade\"\n\u{1}", "expected_back_at": after(7_200)}), four());
    let ask =
        |shape, reading| denial.body(&Occasion { instance: "/mail/\"<x>\u{1}é", ..occasion(shape, reading, four()) });
    let body = ask(Shape::ProblemJson, true);
    assert_eq!(body, ask(Shape::Json, false));
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        value,
        json!({
            "type": "/.forewarn/problems/unavailable", "title": "Mail is unavailable", "status": 503,
            "detail": "Mail is down for planned maintenance and is expected back at 2026-11-23T18:00:00Z.",
            "instance": "/mail/\"<x>\u{1}é", "application": "mail", "reason": "planned-maintenance", "reason_code": 1,
            "component": null, "message": "Disk \"upgrade\"\n\u{1}", "since": "2026-11-23T16:00:00Z",
            "expected_back_at": "2026-11-23T18:00:00Z", "retry_after": 7200, "causes": ["application:mail"],
            "notification": "0192f0c1-2222-7000-8000-000000000001", "node": "a",
        })
    );
    // The order, too: each member where the example has it.
    let text = String::from_utf8(body.to_vec()).unwrap();
    let members = "type title status detail instance application reason reason_code component message since \
                   expected_back_at retry_after causes notification node";
    let places: Vec<_> = members.split_whitespace().map(|m| text.find(&format!("\"{m}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn sentences_for_every_return() {
    let known = denial(json!({"expected_back_at": after(60)}), four());
    assert!(
        known
            .detail(english())
            .ends_with("is down for planned maintenance and is expected back at 2026-11-23T16:01:00Z.")
    );
    let unknown = denial(json!({}), four());
    assert_eq!(unknown.detail(english()), "Mail is down for planned maintenance. When it will be back is not known.");
    let overdue = denial(json!({"expected_back_at": after(60)}), after(60));
    assert_eq!(
        overdue.detail(english()),
        "Mail is down for planned maintenance, was expected back at 2026-11-23T16:01:00Z, and is not back yet."
    );
    assert!(
        text(&overdue, Shape::Html, true, after(360))
            .contains("Was expected back</span> <strong id=\"far\">5 minutes ago<")
    );
    let custom = denial(
        json!({"reason": "licence-expired", "reason_code": 100, "reason_title": "its licence has expired"}),
        four(),
    );
    assert!(custom.detail(english()).starts_with("Mail is down because its licence has expired."));
}

#[test]
fn users_are_told_of_every_cause() {
    let other = |n: u8, target: &str, message: &str| {
        entry(json!({"id": format!("0192f0c1-2222-7000-8000-00000000001{n}"), "targets": [target],
            "reason": "unplanned-outage", "reason_code": 2, "message": message}))
    };
    let all = [
        entry(json!({"message": "New disks"})),
        other(1, "resource:store", "The array is <b>broken</b>"),
        other(2, "system", &"No power ".repeat(40)),
    ];
    let denial = match snapshot(all, four()).decide(&super::super::general::nothing_but("a"), four()) {
        super::super::Decision::Closed(denial) => denial,
        _ => panic!("it is closed"),
    };
    for reading in [true, false] {
        let plain = text(&denial, Shape::Text, reading, four());
        let page = text(&denial, Shape::Html, reading, four());
        for told in [
            "New disks",
            "The whole system is also down because of an unplanned outage. No power",
            "store is also down",
        ] {
            assert!(plain.contains(told) && page.contains(told), "{told}: {plain}");
        }
        assert!(plain.contains("The array is <b>broken</b>") && !page.contains("<b>broken"));
        assert!(plain.contains('…'), "long messages are cut: {plain}");
    }
}

#[test]
fn retry_after_is_rounded_up_and_never_zero() {
    let at = |millis| Moment::from_millis(after(0).millis() + millis);
    let denial = denial(json!({"expected_back_at": after(10)}), four());
    for (millis, seconds) in [(0, 10), (1, 10), (9_000, 1), (9_001, 1), (9_999, 1), (10_000, 60), (99_999, 60)] {
        assert_eq!(denial.retry_after(&occasion(Shape::Json, true, at(millis))), Some(seconds), "{millis}");
    }
    // Up to a tenth more, at most 30 s; header and body say the same.
    for (left, most) in [(9, 9), (10, 11), (100, 110), (7_200, 7_230)] {
        let denial = super::super::fixtures::denial(json!({"expected_back_at": after(left)}), four());
        let seen: Vec<u64> = (0..=u16::MAX)
            .step_by(257)
            .map(|chance| {
                let occasion = Occasion { chance, ..occasion(Shape::Json, true, four()) };
                let value: Value = serde_json::from_slice(&denial.body(&occasion)).unwrap();
                assert_eq!(value["retry_after"].as_u64(), denial.retry_after(&occasion));
                denial.retry_after(&occasion).unwrap()
            })
            .collect();
        assert_eq!((seen.iter().min(), seen.iter().max()), (Some(&left), Some(&most)));
        // Each second between them is as likely as the others, so that nobody comes in a crowd.
        let counts = (left..=most).map(|second| seen.iter().filter(|one| **one == second).count());
        let counts: Vec<usize> = counts.collect();
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
    }
    assert_eq!(header(&denial, Shape::Text, "retry-after", four()), Some("10".to_owned()));
    let unknown = super::super::fixtures::denial(json!({}), four());
    assert_eq!(header(&unknown, Shape::Text, "retry-after", four()), None);
    assert!(text(&unknown, Shape::Json, true, four()).contains("\"expected_back_at\":null,\"retry_after\":null,"));
}

#[test]
fn headers_hold_nothing_that_a_person_wrote() {
    let evil = "x\r\nSet-Cookie: a=b";
    let denial =
        denial(json!({"message": evil, "component": evil, "operator": evil, "expected_back_at": after(9)}), four());
    for shape in Shape::ALL {
        let headers: Vec<_> = denial.headers(&occasion(shape, true, four())).collect();
        for (name, value) in &headers {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert!(
                value.iter().all(|b| (b' '..=b'~').contains(b)) && !value.windows(3).any(|w| w == b"Set"),
                "{name}"
            );
        }
        assert_eq!(header(&denial, shape, "content-type", four()).unwrap(), shape.content_type());
        assert_eq!(headers.iter().any(|(name, _)| *name == "content-security-policy"), shape == Shape::Html);
    }
    for (name, value) in [
        ("cache-control", "no-store"),
        ("vary", "Accept, Accept-Language"),
        ("forewarn-application", "mail"),
        ("forewarn-reason", "planned-maintenance"),
        ("forewarn-notification", "0192f0c1-2222-7000-8000-000000000001"),
    ] {
        assert_eq!(header(&denial, Shape::Json, name, four()).as_deref(), Some(value));
    }
}

#[test]
fn what_people_wrote_is_text_everywhere() {
    let evil = "</p><script>alert(1)</script>\u{1}\u{2}\u{3}\u{1b}[2J";
    let app = Arc::new(App {
        title: "M<b>ail\u{1}".to_owned(),
        definition: Definition { name: name("mail"), uses: vec![], agree: 1 },
    });
    let view =
        view(&app, [entry(json!({"message": evil, "component": evil, "reason_code": 100, "reason_title": evil}))]);
    let verdict = view.weigh(four()).decide(&super::super::general::nothing_but("a"));
    let denial = Denial::of(&app, &name("a"), verdict, four()).unwrap();
    for reading in [true, false] {
        let page = text(&denial, Shape::Html, reading, four());
        assert_eq!(page.matches("<script").count(), if reading { 3 } else { 2 });
        assert!(!page.contains("<b>ail") && page.contains("M&#60;b&#62;ail␁"));
        for shown in [page, text(&denial, Shape::Text, reading, four())] {
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown}");
            assert!(shown.contains("␁␂␃␛[2J"));
        }
    }
}

#[test]
fn pages_stay_small() {
    for (message, whole) in [
        ("x".repeat(2_000), true),
        ("&".repeat(2_000), false),
        ("界".repeat(2_000), false),
        ("😀".repeat(2_000), false),
    ] {
        let component = if whole { "x" } else { "&" }.repeat(200);
        let denial = denial(json!({"message": message, "component": component, "expected_back_at": after(9)}), four());
        for reading in [true, false] {
            let page = body(&denial, Shape::Html, reading, four());
            assert!(page.len() < LARGEST_PAGE, "{}", page.len());
            let page = String::from_utf8(page.to_vec()).unwrap();
            assert!(page.ends_with("</html>") && page.contains("(shortened)") != whole);
        }
        // Elsewhere it is never cut.
        let value: Value = serde_json::from_slice(&body(&denial, Shape::Json, true, four())).unwrap();
        assert_eq!(value["message"], message);
    }
}

#[test]
fn a_page_that_was_sent_something_never_reloads() {
    let denial_of = |criteria: Value| denial_for_post(json!({"criteria": criteria}));
    let get = text(&denial(json!({}), four()), Shape::Html, true, four());
    assert!(get.contains("http-equiv=\"refresh\"") && get.contains("data-watch=\"own\""));
    let post = text(&denial(json!({}), four()), Shape::Html, false, four());
    assert!(!post.contains("http-equiv=\"refresh\"") && post.contains("data-watch=\"apps\""));
    assert!(post.contains("Your message was not sent and was not saved."));
    // What is closed for some requests only is open in general: nothing to watch, nothing to claim.
    let some = text(&denial_of(json!({"methods": ["POST"]})), Shape::Html, false, four());
    assert!(some.contains("data-watch=\"\"") && some.contains("Only some requests are affected"));
}

fn denial_for_post(members: Value) -> Arc<Denial> {
    let request =
        crate::availability::RequestFacts { method: "POST", path: "/mail", ..super::super::general::nothing_but("a") };
    match snapshot([entry(members)], four()).decide(&request, four()) {
        super::super::Decision::Closed(denial) => denial,
        super::super::Decision::Open(_) => panic!("open"),
    }
}

#[test]
fn several_applications_are_one_denial() {
    let one = denial(json!({"expected_back_at": after(100)}), after(50));
    let app = Arc::new(App {
        title: "Shop".to_owned(),
        definition: Definition { name: name("shop"), uses: vec![], agree: 1 },
    });
    let closing = |members: Value| {
        let mut whole =
            json!({"targets": ["application:shop"], "timestamp": after(0).before(std::time::Duration::from_secs(60))});
        whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let view = view(&app, [entry(whole)]);
        let verdict = view.weigh(after(50)).decide(&super::super::general::nothing_but("a"));
        Arc::new(Denial::of(&app, &name("a"), verdict, after(50)).unwrap())
    };
    let both = Denial::combined(&[Arc::clone(&one), closing(json!({"expected_back_at": after(300)}))]).unwrap();
    let value: Value = serde_json::from_slice(&body(&both, Shape::Json, true, after(50))).unwrap();
    assert_eq!(value["application"], "mail");
    assert_eq!((&value["since"], &value["expected_back_at"]), (&json!("2026-11-23T15:59:00Z"), &json!(after(300))));
    assert_eq!(
        (&value["causes"], &value["retry_after"]),
        (&json!(["application:mail", "application:shop"]), &json!(250))
    );
    assert!(text(&both, Shape::Html, true, after(50)).contains("Also needed here, and down: Shop."));
    let open_end = Denial::combined(&[one, closing(json!({}))]).unwrap();
    assert_eq!(
        (open_end.expected_back_at(), open_end.retry_after(&occasion(Shape::Json, true, after(50)))),
        (None, None)
    );
    assert!(Denial::combined(&[]).is_none());
}

#[test]
fn every_language_says_the_same_and_fits() {
    let texts = Texts::default();
    let message = "We are moving all mailboxes to new disks. ".repeat(20);
    let planned = json!({"expected_back_at": after(7_200), "message": message, "component": "disks"});
    let states = [
        denial(planned.clone(), after(60)),
        denial(planned, after(9_000)),
        denial(json!({"reason": "unplanned-outage", "reason_code": 2, "message": message}), after(60)),
        denial(
            json!({"reason": "licence-expired", "reason_code": 100, "reason_title": "its licence has expired"}),
            four(),
        ),
    ];
    for language in texts.all() {
        for (denial, reading) in states.iter().flat_map(|denial| [(denial, true), (denial, false)]) {
            let said = |shape| {
                let body = denial.body(&in_language(language, shape, reading, after(9_000)));
                String::from_utf8(body.to_vec()).unwrap()
            };
            let (page, json) = (said(Shape::Html), said(Shape::Json));
            assert!(page.len() < LARGEST_PAGE && !page.contains(&language.say("shortened")), "{}", page.len());
            let start = format!("<!doctype html>\n<html lang=\"{}\" dir=\"{}\"", language.tag(), language.dir());
            assert!(page.starts_with(&start), "{page}");
            let value: Value = serde_json::from_str(&json).unwrap();
            assert_eq!((&value["application"], &value["status"]), (&json!("mail"), &json!(503)));
            assert_eq!(value["title"], denial.title(language));
            assert!(value["detail"].as_str().unwrap().contains("Mail"));
            let occasion = in_language(language, Shape::Text, reading, four());
            let named = denial.headers(&occasion).find(|(name, _)| *name == "content-language").unwrap();
            assert_eq!(named.1, language.tag());
            let mut lines = Vec::new();
            denial.append_lines(&mut lines, &occasion);
            let line = format!("content-language: {}\r\n", language.tag());
            assert!(String::from_utf8(lines).unwrap().contains(&line));
        }
    }
    let german = texts.wanted([&b"de"[..]]);
    assert_eq!(
        states[0].detail(german),
        "Mail ist nicht verfügbar (geplante Wartung) und wird voraussichtlich am 23. November 2026, 18:00 UTC wieder erreichbar sein."
    );
    assert_eq!(
        states[3].detail(german),
        "Mail ist nicht verfügbar: its licence has expired. Wann es weitergeht, ist noch nicht bekannt."
    );
}

#[test]
fn texts_that_are_replaced_are_told_at_once_and_what_is_kept_is_bounded() {
    let denial = denial(json!({}), four());
    let with = |text: &str| Texts::with(&[("de".to_owned(), text.to_owned())], Site::default()).unwrap();
    let (before, after) = (with("unavailable = { $app } ruht"), with("unavailable = { $app } schläft"));
    let title = |texts: &Texts| {
        let occasion = in_language(texts.wanted([&b"de"[..]]), Shape::Json, true, four());
        serde_json::from_slice::<Value>(&denial.body(&occasion)).unwrap()["title"].clone()
    };
    assert_eq!(
        (title(&before), title(&after), title(&before)),
        (json!("Mail ruht"), json!("Mail schläft"), json!("Mail ruht"))
    );
    // Any number of languages is told, and eight at most are kept.
    let english = include_str!("../../../static/languages/en.ftl").to_owned();
    let many: Vec<_> =
        ["nl", "sv", "da", "fi", "pl", "cs", "it", "el"].map(|tag| (tag.to_owned(), english.clone())).into();
    let many = Texts::with(&many, Site::default()).unwrap();
    for language in many.all() {
        assert!(!denial.body(&in_language(language, Shape::Text, true, four())).is_empty());
    }
    assert!(denial.spoken.iter().all(|place| place.load().is_some()));
    assert_eq!(denial.spoken.len(), KEPT);
}

#[test]
fn a_site_has_its_own_look_and_its_own_pages() {
    use crate::text::{Colour, Look};
    let look = Look {
        logo: Look::picture("a.svg", b"<svg/>").ok(),
        style: Look::colours([Colour::parse("#1f5f8f", false).ok(), None]),
        contact: Some("mailto:help@example.com".to_owned()),
        offers: false,
    };
    let texts = Texts::with(&[], Site { look, pages: OwnPages::default() }).unwrap();
    let denial = denial(json!({"expected_back_at": after(7_200), "message": "<New> disks"}), four());
    fn occasion(texts: &Texts, shape: Shape) -> Occasion<'_> {
        in_language(texts.first(), shape, true, four())
    }
    let page = String::from_utf8(denial.body(&occasion(&texts, Shape::Html)).to_vec()).unwrap();
    assert!(page.contains("<img src=\"data:image/svg+xml,%3Csvg%2F%3E\" alt=\"\""), "{page}");
    assert!(
        page.contains("href=\"mailto:help@example.com\"")
            && page.contains("<style>html.calm,html.alert{--mark:#1f5f8f")
    );
    let policy = |texts: &Texts| {
        let occasion = occasion(texts, Shape::Html);
        let found = denial.headers(&occasion).find(|(name, _)| *name == "content-security-policy").unwrap();
        String::from_utf8(found.1.to_vec()).unwrap()
    };
    let styles =
        |policy: String| policy.split(';').find(|part| part.contains("style-src")).unwrap().matches("sha256").count();
    assert_eq!((styles(policy(&texts)), styles(policy(&Texts::default()))), (3, 2));

    let own = "<html lang={{ language }} {{ attributes }}><title>{{ title }}</title>{{ message }} {{ back.text }} {{ distance }}{{ works }}{{ form }}{{ scripts }}";
    let pages =
        OwnPages::new(&[("denial.mail.html".to_owned(), own.replace("{{ back.text }}", "{{ back.text if back }}"))])
            .unwrap();
    let texts = Texts::with(&[], Site { look: Look::default(), pages }).unwrap();
    let page = String::from_utf8(denial.body(&occasion(&texts, Shape::Html)).to_vec()).unwrap();
    assert!(page.starts_with("<html lang=en data-watch=\"own\" data-key=\"503 0192"), "{page}");
    assert!(page.contains("&lt;New&gt; disks 23 November 2026, 18:00 UTC in 2 hours<"), "{page}");
    assert_eq!(page.matches("<script").count(), 3);
    assert!(policy(&texts).contains("style-src 'unsafe-inline'") && !policy(&texts).contains("script-src 'unsafe"));
}

#[test]
fn earlier_messages_are_a_time_line() {
    let word = |n: u8, at: u64, message: &str| {
        let id = format!("0192f0c1-2222-7000-8000-0000000000{n:02}");
        entry(json!({"id": id, "timestamp": after(at), "goes_down_at": four(), "message": message}))
    };
    let all =
        [word(1, 0, "We look into it."), word(2, 600, "A disk is broken."), word(3, 1_200, "It is being replaced.")];
    let mut now = snapshot([Arc::clone(&all[0])], four());
    for (word, at) in [(1, 600), (2, 1_200)] {
        now = now.next(view(&mail(), [Arc::clone(&all[word])]), after(at));
    }
    // A word that changes nothing that is said.
    now = now.next(view(&mail(), [Arc::clone(&all[2])]), after(1_300));
    let Decision::Closed(closed) = now.decide(&nothing_but("a"), after(1_300)) else { panic!("open") };
    let page = text(&closed, Shape::Html, true, after(1_300));
    let places =
        ["It is being replaced.", "16:10 UTC</time>", "A disk is broken.", "16:00 UTC</time>", "We look into it."];
    let found: Vec<usize> = places.iter().map(|text| page.rfind(text).unwrap_or_else(|| panic!("{text}"))).collect();
    assert!(found.is_sorted(), "{page}");
    assert!(text(&closed, Shape::Text, true, after(1_300)).contains("  2026-11-23T16:10:00Z  A disk is broken."));
    // The next outage begins anew.
    let open = now.next(view(&mail(), []), after(2_000));
    let again = open.next(view(&mail(), [Arc::clone(&all[2])]), after(2_100));
    let Decision::Closed(closed) = again.decide(&nothing_but("a"), after(2_100)) else { panic!("open") };
    assert!(!text(&closed, Shape::Html, true, after(2_100)).contains("Earlier messages"));
}

#[test]
fn other_applications_are_offered() {
    let denial = denial(json!({}), four());
    let works = [Work { name: "chat".into(), title: "Chat <&>".into(), address: "//x.example/a?\"b".into() }];
    let occasion = Occasion { works: &works, ..occasion(Shape::Html, true, four()) };
    let page = String::from_utf8(denial.body(&occasion).to_vec()).unwrap();
    assert!(page.contains("<a href=\"//x.example/a?&#34;b\">Chat &#60;&#38;&#62;</a>"), "{page}");
    assert!(!text(&denial, Shape::Html, true, four()).contains("These work"));
}

/// With `FOREWARN_PAGES=FOLDER` the examples stay there, to be looked at in a browser.
#[test]
fn examples_to_look_at() {
    let Ok(folder) = std::env::var("FOREWARN_PAGES") else { return };
    let now = after(2_500);
    for language in Texts::default().all() {
        let back = json!({"expected_back_at": after(7_200), "message": "Disk upgrade", "component": "Disks"});
        for (name, denial, reading) in [
            ("planned", denial(back, now), true),
            ("unknown", denial(json!({"reason": "unplanned-outage", "reason_code": 2}), now), false),
        ] {
            let page = denial.body(&in_language(language, Shape::Html, reading, now));
            std::fs::write(format!("{folder}/{name}-{}.html", language.tag()), page).unwrap();
        }
    }
    let write = |file: &str, page: Bytes| std::fs::write(format!("{folder}/{file}.html"), page).unwrap();
    let back = after(7_200);
    let message = "We are moving all mailboxes to new disks. Mail that is sent to you meanwhile is kept and arrives afterwards.\nQuestions: extension 4711.";
    let planned = denial(json!({"expected_back_at": back, "message": message, "component": "Mailbox disks"}), now);
    write("planned", body(&planned, Shape::Html, true, now));
    write("sent", body(&planned, Shape::Html, false, now));
    let outage = json!({"reason": "unplanned-outage", "reason_code": 2});
    write("unknown", body(&denial(outage, now), Shape::Html, true, now));
    let outage = json!({"reason": "unplanned-outage", "reason_code": 2, "expected_back_at": after(1_800), "message": "The power is back; the disks are being checked."});
    write("overdue", body(&denial(outage, now), Shape::Html, true, now));
    let long =
        json!({"expected_back_at": after(9_000_000), "message": "W".repeat(2_000), "component": "x".repeat(200)});
    write("long", body(&denial(long, now), Shape::Html, true, now));
    let (node, app) = (name("a"), mail());
    let problem = |kind| super::super::Problem::new(kind, &node);
    use super::super::ProblemKind::*;
    write("none", problem(NoSuchApplication).body(Shape::Html, "/x", true).clone());
    write("upstream", problem(UpstreamUnreachable).of(&app).body(Shape::Html, "/x", true));
    write("upstream-sent", problem(UpstreamTimeout).of(&app).body(Shape::Html, "/x", false));
}
