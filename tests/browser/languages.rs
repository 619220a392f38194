//! The page of a closed application in every language: what the server writes is what the browser's own tables
//! say, it can be read by everybody, and it fits small and large, light and dark.

use std::time::Duration;

use forewarn::{availability::Moment, text::Texts};
use serde_json::{Value, json};

use crate::{
    Stage,
    driver::{self, Browser},
    looks::look_closely,
};

/// As a reader of this language from now on.
async fn speak(browser: &Browser, tag: &str) {
    let agent = browser.execute("return navigator.userAgent").await;
    browser.devtools("Emulation.setUserAgentOverride", json!({ "userAgent": agent, "acceptLanguage": tag })).await;
}

#[tokio::test]
async fn everybody_is_told_in_their_own_language() {
    if !driver::is_installed() {
        return;
    }
    let stage =
        Stage::set_with("", "[status_page]\ntitle = \"Status of example.com\"\nurl = \"http://127.0.0.1\"\n").await;
    let browser = Browser::start("languages", true).await;
    let closing = |message: &str| {
        json!({ "targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance",
        "component": "Disk 7", "message": message, "duration_seconds": 7_290 })
    };
    stage.say(closing("We look into it.")).await;
    stage.say(closing("New disks.\nNothing is lost.")).await;
    stage
        .say(json!({ "targets": ["application:directory"], "status": "unavailable", "reason": "unplanned-outage" }))
        .await;
    let mut complaints = Vec::new();
    let texts = Texts::default();
    for language in texts.all() {
        let tag = language.tag();
        speak(&browser, tag).await;
        for (page, width, dark) in [("mail", 1280, false), ("mail", 320, true), ("directory", 320, false)] {
            browser.look_like(width, dark).await;
            browser.goto(&stage.gate(1, &format!("/{page}"))).await;
            let title = if page == "mail" { "Mail" } else { "Phone directory" };
            // Marks around what may run the other way are not seen.
            let heading = language.tell("unavailable", &[("app", title)]);
            let heading = heading.trim_matches(['\u{200f}', ' ']).to_owned();
            browser.see("#status").await;
            let shown = browser.execute("return document.querySelector('h1').textContent").await;
            assert!(shown.as_str().unwrap().contains(&heading), "{shown} {heading}");
            let root = browser
                .execute("return [document.documentElement.lang, getComputedStyle(document.body).direction]")
                .await;
            assert_eq!(root, json!([tag, language.dir()]));
            look_closely(&browser, &format!("denial-{tag}-{page}-{width}"), &mut complaints).await;
        }
        other_states(&stage, &browser, tag, &mut complaints).await;
        browser.goto(&stage.gate(1, "/directory")).await;
        // Chat works, and the page says so.
        let works =
            browser.execute("return [...document.querySelectorAll('#told li a')].map((link) => link.pathname)").await;
        assert_eq!(works, json!(["/chat"]), "{tag}");
        compare_distances(&browser, language).await;
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    browser.end().await;
}

/// A refused form, an address without an application, and the status page.
async fn other_states(stage: &Stage, browser: &Browser, tag: &str, complaints: &mut Vec<String>) {
    browser.look_like(320, tag == "ar").await;
    browser
        .execute(
            "const form = Object.assign(document.createElement('form'), { method: 'post', action: '/mail/send', enctype: 'multipart/form-data' }); \
             form.innerHTML = '<textarea name=text>It took an hour.</textarea><input name=password value=x><input type=file name=file>'; \
             document.body.append(form); form.submit()",
        )
        .await;
    browser.see("#again").await;
    look_closely(browser, &format!("form-{tag}"), complaints).await;
    for (page, address) in [("none", "/nothing-here"), ("status", "/.forewarn/status")] {
        browser.goto(&stage.gate(1, address)).await;
        browser.see("h1").await;
        look_closely(browser, &format!("{page}-{tag}"), complaints).await;
    }
}

/// Every distance that can be told, by the server and by the browser (CLDR).
async fn compare_distances(browser: &Browser, language: &forewarn::text::Language) {
    let now: Moment = "2026-11-23T16:00:00Z".parse().unwrap();
    let steps = (1..45u64)
        .map(|n| (n, 60, "minute"))
        .chain((1..22).map(|n| (n, 3_600, "hour")))
        .chain((1..130).map(|n| (n, 86_400, "day")));
    let mut wanted = Vec::new();
    let mut told = Vec::new();
    for (n, unit, name) in steps {
        let by = Duration::from_secs(n * unit);
        for (sign, then) in [(1, now.after(by)), (-1, now.before(by))] {
            wanted.push(json!([sign * i64::try_from(n).unwrap(), name]));
            told.push(Value::from(language.distance(now, then).replace(['\u{2068}', '\u{2069}'], "")));
        }
    }
    let script = format!(
        "const told = new Intl.RelativeTimeFormat('{}-u-nu-latn'); return {}.map(([n, unit]) => told.format(n, unit))",
        language.tag(),
        Value::from(wanted)
    );
    let spaces = |text: &Value| text.as_str().unwrap_or_default().replace('\u{a0}', " ");
    let browsers = browser.execute(&script).await;
    let differing: Vec<_> = browsers
        .as_array()
        .unwrap()
        .iter()
        .zip(&told)
        .filter(|(browsers, own)| spaces(browsers) != spaces(own))
        .take(5)
        .collect();
    assert!(differing.is_empty(), "{}: {differing:?}", language.tag());
}
