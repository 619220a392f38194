//! Every page, narrow and wide, light and dark: kept as a picture, and looked at by a script for
//! what must be so for everybody: names for fields, order of headings, contrast, a visible focus. axe-core looks at
//! each in one light and one dark variant.

use serde_json::{Value, json};

use crate::{
    Stage,
    driver::{self, Browser},
};

const LOOK: &str = include_str!("look.js");

/// What every page of the farm has to show at once.
async fn fill_the_farm(stage: &Stage) -> String {
    let later = |by: chrono::Duration| (forewarn::clock::now().to_datetime() + by).to_rfc3339();
    let inside = |minutes: i64| later(chrono::Duration::minutes(minutes));
    stage.say(json!({ "targets": ["system"], "status": "unavailable", "reason": "planned-maintenance", "restore": "automatic",
        "goes_down_at": inside(60 * 30), "expected_back_at": inside(60 * 32), "message": "Power supply: everything is off for two hours." })).await;
    stage.say(json!({ "targets": ["application:chat"], "status": "unavailable", "reason": "testing", "criteria": { "methods": ["POST"], "paths": ["/chat/files*"] }, "message": "No uploads for now." })).await;
    stage.say(json!({ "targets": ["resource:people"], "status": "unavailable", "reason": "unplanned-outage", "component": "LDAP server 2", "goes_down_at": inside(-180), "expected_back_at": later(chrono::Duration::seconds(3)) })).await;
    stage
        .say(json!({ "targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance", "component": "mail-store-7.internal.example.com/volumes/letters-and-attachments-2026", "expected_back_at": inside(40),
            "message": "We are moving all letters to new disks.\nNothing is lost; letters that arrive meanwhile are delivered afterwards." }))
        .await
}

/// The id of what is kept.
const KEPT: &str = "01936f5e-0000-7000-8000-000000000001";

/// When the schedule begins, by UTC.
fn starts() -> String {
    (forewarn::clock::now().to_datetime() + chrono::Duration::hours(5)).format("%Y-%m-%dT%H:%M").to_string()
}

/// The month of its first day: on some days that is the next one.
fn month() -> String {
    format!("/plans?view=month&at={}", &starts()[..7])
}

/// A schedule and a template.
async fn fill_the_registry(stage: &Stage) {
    let starts = starts();
    let value = json!({ "title": "Nightly backup", "targets": ["application:chat", "resource:people"], "time_zone": "Europe/Berlin",
        "starts": starts, "duration_seconds": 5_400, "rule": "FREQ=DAILY", "message": "Reading works.", "reason": "planned-maintenance" });
    let template = json!({ "title": "Upgrade of the mail system, all parts", "targets": ["application:mail"], "status": "unavailable",
        "reason": "planned-maintenance", "duration_seconds": 3_600, "criteria": { "methods": ["POST"] } });
    for (kind, value) in [("schedules", value), ("templates", template)] {
        let bearer = format!("Bearer {}", crate::support::TOKEN);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = format!("/api/v1/{kind}/{KEPT}");
        stage.farm[0].control("PUT", &path, &headers, Some(value.to_string().as_bytes())).await.expect(201);
    }
}

/// A picture of the page as it is, and what is wrong with it.
pub(crate) async fn look(browser: &Browser, name: &str, complaints: &mut Vec<String>) {
    browser.keep(name).await;
    // The keyboard is in use from here on: focus has to show.
    browser.press("Tab").await;
    let Value::Array(found) = browser.execute(LOOK).await else { panic!("the script says nothing") };
    complaints.extend(found.iter().map(|complaint| format!("{name}: {}", complaint.as_str().unwrap_or_default())));
}

/// The same, for one of the variants; axe-core does not need to see all of them.
async fn look_at(browser: &Browser, page: &str, (width, dark): (u32, bool), complaints: &mut Vec<String>) {
    let name = format!("{page}-{width}-{}", if dark { "dark" } else { "light" });
    match dark == (width < 600) {
        true => look_closely(browser, &name, complaints).await,
        false => look(browser, &name, complaints).await,
    }
}

/// The same, and axe-core besides, where it is installed.
pub(crate) async fn look_closely(browser: &Browser, name: &str, complaints: &mut Vec<String>) {
    look(browser, name, complaints).await;
    let Some(axe) = axe() else { return };
    let script = format!(
        "{axe}; const done = arguments[arguments.length - 1]; \
         axe.run({{ resultTypes: ['violations'] }}).then((found) => done(found.violations.flatMap((rule) => \
         rule.nodes.map((node) => rule.id + ': ' + rule.help + ': ' + node.html.slice(0, 200)))), (error) => done([String(error)]))"
    );
    let found = browser.client.execute_async(&script, Vec::new()).await;
    let Ok(Value::Array(found)) = found else { panic!("{name}: axe-core does not run: {found:?}") };
    complaints.extend(found.iter().map(|found| format!("{name}: {}", found.as_str().unwrap_or_default())));
}

/// The source of axe-core (MPL-2.0, for tests alone), which comes in a package of Python: `tests/browser/axe.txt`.
fn axe() -> Option<&'static str> {
    static AXE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let found = AXE.get_or_init(|| {
        let python = crate::support::python("axe_playwright_python")?;
        let place = "import axe_playwright_python, os; print(os.path.dirname(axe_playwright_python.__file__))";
        let output = std::process::Command::new(python).args(["-c", place]).output().unwrap();
        let folder = std::path::PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        Some(std::fs::read_to_string(folder.join("axe.min.js")).unwrap())
    });
    found.as_deref()
}

#[tokio::test]
async fn every_page_can_be_read_by_everybody() {
    if !driver::is_installed() {
        return;
    }
    // Nobody listens there: the nodes page says so.
    let stage = Stage::set_with("", "[[webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/hook\"\n").await;
    let browser = Browser::start("looks", true).await;
    let mut complaints = Vec::new();
    let variants = [(1280, false), (1280, true), (320, false), (320, true)];
    for variant in variants {
        browser.look_like(variant.0, variant.1).await;
        browser.goto(&stage.console(0, "/login")).await;
        browser.see_text("h1", "Sign in").await;
        look_at(&browser, "login", variant, &mut complaints).await;
    }
    browser.fill("#name", "nobody").await;
    browser.fill("#password", "wrong").await;
    browser.click("main button").await;
    browser.see("#problems").await;
    look_at(&browser, "login-wrong", variants[3], &mut complaints).await;
    without_a_mouse(&stage, &browser).await;
    for variant in variants {
        browser.look_like(variant.0, variant.1).await;
        browser.goto(&stage.console(0, "/")).await;
        browser.see_text("#connection", "Live.").await;
        browser.see_text("#fine-monitors .state", "Up").await;
        look_at(&browser, "board-calm", variant, &mut complaints).await;
    }
    let mail = fill_the_farm(&stage).await;
    fill_the_registry(&stage).await;
    let plain = [
        ("board", "/", "#application-mail .cause"),
        ("form", "/notify", "#message"),
        ("receipt", &format!("/notify/{mail}"), "main[data-complete]"),
        ("nodes", "/nodes", ".hooks .state.away"),
        ("history", "/history", ".history"),
        ("plans", "/plans", ".plan"),
        ("plans-month", &month(), ".calendar .item"),
        ("plans-week", "/plans?view=week", ".calendar"),
        ("schedules", "/schedules", ".plan"),
        ("schedule-form", &format!("/schedules/edit?id={KEPT}"), "#repeat"),
        ("schedule-remove", &format!("/schedules/remove?id={KEPT}"), "main form"),
        ("templates", "/templates", ".plan"),
        ("template-form", "/templates/edit", "#title"),
        ("sessions", "/sessions", ".sessions"),
        ("pages", "/pages", "#mail"),
        ("no-page", "/nothing-here", "h1"),
        ("no-such", "/notify/nothing", "h1"),
    ];
    for variant in variants {
        browser.look_like(variant.0, variant.1).await;
        for (page, address, sign) in plain {
            browser.goto(&stage.console(0, address)).await;
            browser.see(sign).await;
            look_at(&browser, page, variant, &mut complaints).await;
        }
        form_and_preview(&stage, &browser, variant, &mut complaints).await;
        for (page, address, sign) in [
            ("denial", "/mail", "Mail is unavailable"),
            ("denial-overdue", "/directory", "Phone directory is unavailable"),
            ("no-application", "/nothing-here", ""),
        ] {
            browser.goto(&stage.gate(1, address)).await;
            browser.see_text("h1", sign).await;
            look_at(&browser, page, variant, &mut complaints).await;
        }
    }
    on_paper(&stage, &browser).await;
    // The whole system, last: it stands in front of everything else.
    stage.say(json!({ "targets": ["system"], "status": "unavailable", "reason": "unplanned-outage", "message": "The data centre has no power." })).await;
    for variant in variants {
        browser.look_like(variant.0, variant.1).await;
        browser.goto(&stage.console(0, "/")).await;
        browser.see_text(".banner", "The data centre has no power.").await;
        look_at(&browser, "board-system", variant, &mut complaints).await;
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    browser.end().await;
}

/// The form with errors, and a preview with warnings.
async fn form_and_preview(stage: &Stage, browser: &Browser, variant: (u32, bool), complaints: &mut Vec<String>) {
    browser.goto(&stage.console(0, "/notify")).await;
    browser.fill("#duration", "ten").await;
    browser.click("#criteria summary").await;
    browser.fill("#paths", "/mail/[").await;
    browser.fill("#clients", "everybody").await;
    browser.click("button[value=preview]").await;
    browser.see("#problems").await;
    look_at(browser, "form-errors", variant, complaints).await;

    browser.goto(&stage.console(0, "/notify?target=system&status=unavailable")).await;
    browser.fill("#message", "Everything is off <b>for a while</b>.").await;
    browser.choose("#restore", "automatic").await;
    browser.fill("#duration", "45").await;
    browser.click("button[value=preview]").await;
    browser.see_in_frame("Everything is off <b>for a while</b>.").await;
    look_at(browser, "preview", variant, complaints).await;
}

/// From signing in to the receipt by the keyboard alone.
async fn without_a_mouse(stage: &Stage, browser: &Browser) {
    browser.goto(&stage.console(0, "/")).await;
    browser.tab_to("#name").await;
    browser.write("alice").await;
    browser.tab_to("#password").await;
    browser.write(crate::support::PASSWORD).await;
    browser.press("Enter").await;
    browser.tab_to("nav a[href='/notify']").await;
    browser.press("Enter").await;
    browser.tab_to("input[value='application:chat']").await;
    browser.press("Space").await;
    assert!(browser.is_checked("input[value='application:chat']").await);
    browser.tab_to("input[name=status]").await;
    while !browser.is_checked("input[name=status][value=available]").await {
        browser.press("ArrowDown").await;
    }
    browser.tab_to("button[value=preview]").await;
    browser.press("Enter").await;
    browser.see_text("h1", "Chat is available").await;
    browser.tab_to("button[value=confirm]").await;
    browser.press("Enter").await;
    browser.see_text("#receipt-summary", "All 3 nodes have confirmed").await;
}

/// Printed, a page has everything that is folded away, and nothing to click.
async fn on_paper(stage: &Stage, browser: &Browser) {
    const SHOWN: &str = "const shown = (css) => { const all = [...document.querySelectorAll(css)]; \
        return all.length ? all.filter((one) => one.checkVisibility({ contentVisibilityAuto: true, checkVisibilityCSS: true })).length / all.length : null; }; ";
    browser.look_like(1280, false).await;
    for (page, whole, nothing) in [
        (
            "/",
            "details .monitors td, .row, .plan h3",
            ".top nav, .row-actions, .cause-actions, #bulk, input[form=bulk]",
        ),
        ("/history", "details .facts dd, .history th", ".top nav, .filters, .pages"),
        (&month(), ".calendar .item", ".tabs"),
        ("/nodes", ".nodes td", ".top nav, .who"),
    ] {
        browser.goto(&stage.console(0, page)).await;
        browser.see("main").await;
        browser.media("print").await;
        browser.keep(&format!("print{}", page.replace(['/', '?', '='], "-"))).await;
        let shown = browser.execute(&format!("{SHOWN} return [shown({whole:?}), shown({nothing:?})]")).await;
        assert_eq!(shown, json!([1, 0]), "{page}");
        browser.media("screen").await;
    }
}
