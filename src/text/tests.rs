//! The languages against each other and against the code that uses them.
#![allow(clippy::unwrap_used)]

use std::{path::Path, time::Duration};

use super::{outline::*, *};
use crate::availability::{Moment, Reason};

#[test]
fn every_language_has_every_message_with_the_same_variables() {
    let english = outline(BUILT_IN[0].1).unwrap();
    assert!(english.len() > 100);
    for (tag, text) in BUILT_IN {
        let found = outline(text).unwrap_or_else(|problem| panic!("{tag} {problem}"));
        assert_eq!(differences(&english, &found, true), Vec::<String>::new(), "{tag}");
    }
    assert_eq!(Texts::default().all().count(), BUILT_IN.len());
}

/// The text of every source file and page below these folders.
fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|kind| ["rs", "html", "js"].iter().any(|known| kind == *known));
        if path.is_dir() {
            sources(&path, all);
        } else if is_source {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_message_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    sources(&root.join("src"), &mut all);
    sources(&root.join("static"), &mut all);
    // Names that are put together: from a reason's, from the last segment of a problem's type.
    let put_together = |id: &str| ["reason-", "cause-"].iter().any(|kind| id.starts_with(kind));
    let unused: Vec<String> = outline(BUILT_IN[0].1)
        .unwrap()
        .into_keys()
        .filter(|id| !id.ends_with(".text") && !put_together(id))
        .filter(|id| {
            let named = id.strip_prefix("problem-").unwrap_or(id);
            !all.contains(&format!("\"{named}\""))
        })
        .collect();
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn what_a_site_adds_is_checked() {
    let file = |tag: &str, text: &str| (tag.to_owned(), text.to_owned());
    let problems = |files: &[(String, String)]| {
        let problems = Texts::with(files, Site::default()).err().unwrap_or_default();
        problems.into_iter().map(|one| format!("{} {}", one.language, one.problem)).collect::<Vec<_>>()
    };
    // Some messages of a language that is there, and names of the site's own.
    let own = "typed = Ihr Text\napplication-mail = Post\nreason-licence-expired = Lizenz abgelaufen\n";
    let texts = Texts::with(&[file("de", own)], Site::default()).unwrap();
    let german = texts.wanted([&b"de"[..]]);
    assert_eq!((german.say("typed"), german.say("send-again")), ("Ihr Text".into(), "Noch einmal senden".into()));
    assert_eq!(german.application("mail", "Mail"), "Post");
    assert_eq!(german.application("chat", "Chat"), "Chat");
    let reason = Reason { code: 100, name: "licence-expired".parse().unwrap(), title: Some("x".into()) };
    assert_eq!(
        (german.reason(&reason), german.cause(&reason)),
        ("Lizenz abgelaufen".into(), "Lizenz abgelaufen".into())
    );
    assert_eq!(texts.first().reason(&reason), "because x");
    // A language of its own is whole.
    let dutch = BUILT_IN[0].1.replace("Send again", "Opnieuw versturen");
    let texts = Texts::with(&[file("nl", &dutch)], Site::default()).unwrap();
    assert_eq!(texts.wanted([&b"nl-BE, en;q=0.5"[..]]).say("send-again"), "Opnieuw versturen");
    let missing = problems(&[file("nl", "typed = x")]);
    assert!(missing.len() > 100 && missing.contains(&"nl message send-again is missing".to_owned()));
    assert_eq!(problems(&[file("de", "typo = x")]), ["de message typo is not known"]);
    assert_eq!(
        problems(&[file("de", "is-back = { $name } ist da")]),
        ["de message is-back has $name, and must have $app"]
    );
    assert!(problems(&[file("de", "typed = { $")])[0].starts_with("de cannot be read: line 1"));
    let odd = problems(&[file("no language", &dutch)]);
    assert_eq!(odd, ["no language is not the tag of a language, such as nl or pt-BR"]);
}

#[test]
fn dates_and_distances_as_each_language_has_them() {
    let texts = Texts::default();
    let language = |tag: &str| Arc::clone(texts.wanted([tag.as_bytes()]));
    let now: Moment = "2026-11-23T16:05:00Z".parse().unwrap();
    for (tag, date, hours, minute) in [
        ("en", "23 November 2026, 16:05 UTC", "in 2 hours", "1 minute ago"),
        ("de", "23. November 2026, 16:05 UTC", "in 2 Stunden", "vor 1 Minute"),
        ("fr", "23 novembre 2026 à 16:05 UTC", "dans 2 heures", "il y a 1 minute"),
        ("es", "23 de noviembre de 2026, 16:05 UTC", "dentro de 2 horas", "hace 1 minuto"),
        ("pt", "23 de novembro de 2026, 16:05 UTC", "em 2 horas", "há 1 minuto"),
        ("ja", "2026年11月23日 16:05 UTC", "2 時間後", "1 分前"),
    ] {
        let language = language(tag);
        assert_eq!(language.date(now), date);
        assert_eq!(language.distance(now, now.after(Duration::from_secs(7_200))), hours);
        assert_eq!(language.distance(now, now.before(Duration::from_secs(60))), minute);
    }
    // Six forms of the plural.
    let arabic = language("ar");
    assert_eq!((arabic.dir(), language("ja").dir()), ("rtl", "ltr"));
    let at = |minutes: u64| arabic.distance(now, now.after(Duration::from_secs(minutes * 60))).into_owned();
    assert_eq!((at(1), at(2)), ("خلال دقيقة واحدة".to_owned(), "خلال دقيقتين".to_owned()));
    assert!(at(5).contains("دقائق") && at(15).contains("دقيقة"));
    for (n, days) in [(11, "11 يومًا"), (100, "100 يوم"), (102, "102 يوم"), (103, "103 أيام"), (115, "115 يومًا")]
    {
        assert!(arabic.count("in-days", n).replace(['\u{2068}', '\u{2069}'], "").contains(days), "{n}");
    }
    // What people put into a text that runs the other way does not turn it around.
    assert!(arabic.tell("is-back", &[("app", "Mail")]).contains("\u{2068}Mail\u{2069}"));
    let english = language("en");
    for (seconds, told) in [
        (0, "1 minute"),
        (89, "1 minute"),
        (90, "2 minutes"),
        (2_700, "1 hour"),
        (5_400, "2 hours"),
        (79_200, "1 day"),
        (864_000, "10 days"),
        (86_400 * 400, "400 days"),
    ] {
        let by = Duration::from_secs(seconds);
        assert_eq!(english.distance(now, now.before(by)), format!("{told} ago"));
        assert_eq!(english.distance(now, now.after(by + Duration::from_millis(1))), format!("in {told}"));
    }
}
