//! What programs in a browser are told of a closing, and what an application's own page shows before and during one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Stage,
    driver::{self, Browser},
    support::{Farm, tls::Tls},
};

/// What a script of the page finds out, once it calls `done`.
async fn ask(browser: &Browser, script: &str) -> Value {
    let script = format!("const done = arguments[arguments.length - 1]; {script}");
    browser.client.execute_async(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// The same under TLS, where the browser speaks HTTP/2, and HTTP/1.1 for a WebSocket.
async fn by_http2(browser: &Browser) {
    let tls = Tls::new();
    let section = format!("[gate.tls]\n{}", tls.issue("site", &["127.0.0.1"], 5));
    let farm = Farm::new(1).more(0, &section).start().await;
    let closing = json!({"targets": ["application:mail"], "status": "unavailable", "message": "Disk upgrade"});
    farm[0].submit_wait_all(closing).await;
    let gate = farm[0].gate;
    browser.goto(&format!("https://{gate}/mail/inbox")).await;
    let protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
    let told = ask(browser, &format!("done([{protocol}, document.body.innerText.includes('Disk upgrade')])")).await;
    assert_eq!(told, json!(["h2", true]));
    let many = "Promise.all([...Array(50).keys()].map((n) => fetch('/chat/' + n).then((answer) => answer.text())))";
    let told =
        ask(browser, &format!("{many}.then((all) => done([all.length, all[49]]), (error) => done(String(error)))"))
            .await;
    assert_eq!(told, json!([50, "performed /chat/49"]));
    let stream = "const source = new EventSource('/mail/stream'); source.addEventListener('forewarn-unavailable', \
                  (event) => { source.close(); done(JSON.parse(event.data).message); })";
    assert_eq!(ask(browser, stream).await, "Disk upgrade");
    let socket = format!(
        "const socket = new WebSocket('wss://{gate}/mail/socket'); socket.onclose = (event) => done(event.code)"
    );
    assert_eq!(ask(browser, &socket).await, 1013);
}

#[tokio::test]
async fn programs_in_a_browser_are_told_why() {
    if !driver::is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("clients", true).await;
    stage.close_mail().await;
    // From a page of another origin: the gate of another node.
    browser.goto(&stage.gate(0, "/.forewarn/availability")).await;
    let gate = stage.gate(1, "");
    for options in [
        "{}",
        "{ method: 'PUT', headers: { 'X-Own': '1', 'Content-Type': 'application/json' }, body: '{}', credentials: 'include' }",
    ] {
        let told = ask(
            &browser,
            &format!(
                "fetch('{gate}/mail/inbox', {options}).then(async (answer) => done([answer.status, answer.headers.get('forewarn-reason'), \
                 Number(answer.headers.get('retry-after')) > 500, (await answer.json()).application]), (error) => done(String(error)))"
            ),
        )
        .await;
        assert_eq!(told, json!([503, "planned-maintenance", true, "mail"]), "{options}");
    }
    let told = ask(
        &browser,
        &format!(
            "const source = new EventSource('{gate}/mail/stream'); \
             source.addEventListener('forewarn-unavailable', (event) => {{ source.close(); done(JSON.parse(event.data).reason); }})"
        ),
    )
    .await;
    assert_eq!(told, "planned-maintenance");
    let told = ask(
        &browser,
        &format!(
            "const socket = new WebSocket('{}/mail/socket', ['chat']); socket.onclose = (event) => done([event.code, event.reason])",
            gate.replace("http:", "ws:")
        ),
    )
    .await;
    assert_eq!(told[0], 1013);
    assert!(
        told[1].as_str().unwrap().starts_with("Mail is down for planned maintenance and is expected back at"),
        "{told}"
    );
    // gRPC-Web, as its clients for browsers call: an answer of trailers alone, read from another origin.
    let told = ask(
        &browser,
        &format!(
            "fetch('{gate}/mail/mail.Letters/Send', {{ method: 'POST', body: new Uint8Array([0, 0, 0, 0, 0]), \
             headers: {{ 'Content-Type': 'application/grpc-web+proto', 'X-Grpc-Web': '1', 'X-User-Agent': 'grpc-web-javascript/0.1' }} }}) \
             .then(async (answer) => done([answer.status, answer.headers.get('content-type'), answer.headers.get('grpc-status'), \
             decodeURIComponent(answer.headers.get('grpc-message')), Number(answer.headers.get('grpc-retry-pushback-ms')) > 500000, \
             (await answer.arrayBuffer()).byteLength]), (error) => done(String(error)))"
        ),
    )
    .await;
    assert_eq!(
        (&told[0], &told[1], &told[2]),
        (&json!(200), &json!("application/grpc-web+proto"), &json!("14")),
        "{told}"
    );
    assert!(told[3].as_str().unwrap().starts_with("Mail is down for planned maintenance"), "{told}");
    assert_eq!((&told[4], &told[5]), (&json!(true), &json!(0)), "{told}");
    by_http2(&browser).await;
    browser.end().await;
}

/// What the bar says to those who see, and to those who hear; empty where there is none.
async fn bar(browser: &Browser) -> (String, String) {
    let script = "const root = document.body.lastElementChild?.shadowRoot; \
                  return root ? [...root.querySelectorAll('span')].map((one) => one.textContent) : ['', '']";
    let said = browser.execute(script).await;
    let text = |at: usize| said[at].as_str().unwrap_or_default().to_owned();
    (text(0), text(1))
}

/// Looks now, as if the tab had just been shown, until the bar says this.
async fn see_bar(browser: &Browser, text: &str) -> String {
    browser
        .until(&format!("the bar: {text}"), Duration::from_secs(30), async || {
            browser.execute("dispatchEvent(new Event('visibilitychange'))").await;
            let (seen, heard) = bar(browser).await;
            let found = if text.is_empty() { seen.is_empty() } else { seen.contains(text) };
            Ok::<_, ()>(found.then_some(heard))
        })
        .await
}

#[tokio::test]
async fn nobody_starts_in_vain_and_what_is_typed_is_kept() {
    if !driver::is_installed() {
        return;
    }
    // The gate puts the script into the application's pages.
    let stage = Stage::set_with("inject = true", "").await;
    let browser = Browser::start("bar", true).await;
    browser.goto(&stage.gate(1, "/mail/strict")).await;
    let scripts = "return [...document.scripts].map((script) => script.getAttribute('src'))";
    assert_eq!(browser.execute(scripts).await, json!(["/.forewarn/forewarn.js"]));
    let height = browser.execute("return document.documentElement.scrollHeight").await;
    browser
        .execute(
            "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => window.moved += one.value)) \
             .observe({ type: 'layout-shift', buffered: true })",
        )
        .await;
    browser.fill("[name=text]", "Dear Bob").await;
    browser.fill("[name=password]", "secret").await;
    let later = |minutes: i64| (forewarn::clock::now().to_datetime() + chrono::Duration::minutes(minutes)).to_rfc3339();
    let plan = json!({ "targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance",
        "goes_down_at": later(20), "expected_back_at": later(50) });
    let plan = stage.say(plan).await;
    let heard = see_bar(&browser, "Mail goes down in 20 minutes (planned maintenance)").await;
    assert!(
        heard.starts_with("Mail goes down in")
            && bar(&browser).await.0.ends_with("What you type here is kept in this tab.")
    );
    assert_eq!(browser.execute("return document.documentElement.scrollHeight").await, height, "nothing has moved");
    // A screen reader hears it once, politely, however often the page looks; it does not read the bar besides.
    let announced = "const root = document.body.lastElementChild.shadowRoot, status = root.querySelector('[role=status]'); \
                     window.heard ??= new MutationObserver(() => {}); \
                     window.heard.observe(status, { childList: true, characterData: true, subtree: true }); \
                     return [root.querySelectorAll('[role],[aria-live]').length, root.querySelector('span').ariaHidden]";
    assert_eq!(browser.execute(announced).await, json!([1, "true"]));
    for _ in 0..3 {
        let looked = "fetch('/.forewarn/availability?path=/mail').then((answer) => answer.json()) \
                      .then(() => { dispatchEvent(new Event('visibilitychange')); setTimeout(() => done(true), 300); })";
        assert_eq!(ask(&browser, looked).await, true);
    }
    assert_eq!(browser.execute("return [window.heard.takeRecords().length, window.moved]").await, json!([0, 0]));
    browser.keep("bar").await;
    browser.fill("[name=text]", "Dear Bob,\nthis took me an hour.").await;
    // A page that is loaded anew has what was typed, but for secrets.
    browser.client.refresh().await.unwrap();
    browser
        .until("what was typed", Duration::from_secs(15), async || {
            let typed = browser.value("[name=text]").await;
            Ok::<_, ()>((typed == "Dear Bob,\nthis took me an hour.").then_some(()))
        })
        .await;
    assert_eq!(browser.value("[name=password]").await, "");
    assert_eq!(bar(&browser).await.0.trim(), "What you typed is here again.");
    let kept = browser.execute("return JSON.stringify(sessionStorage)").await;
    assert!(!kept.as_str().unwrap().contains("secret"), "{kept}");
    // It is over before it began: nothing is left of it.
    stage.say(json!({ "cancels": plan })).await;
    see_bar(&browser, "").await;
    assert_eq!(browser.execute("return Object.keys(sessionStorage)").await, json!([]));
    assert_eq!(browser.value("[name=text]").await, "Dear Bob,\nthis took me an hour.");
    // Another application that a form of this page posts to.
    stage
        .say(json!({ "targets": ["application:directory"], "status": "unavailable", "reason": "unplanned-outage" }))
        .await;
    see_bar(&browser, "Phone directory is down (unplanned outage).").await;
    browser.execute("document.body.lastElementChild.shadowRoot.querySelector('button').click()").await;
    let left = browser.execute("return document.body.lastElementChild.shadowRoot.querySelector('button')").await;
    assert_eq!(left, Value::Null, "who has closed it does not see it again");
    // A page that includes it by itself, and has it put in besides, has one bar.
    browser.goto(&stage.gate(1, "/mail/barred")).await;
    see_bar(&browser, "Phone directory is down (unplanned outage).").await;
    let bars = "return [...document.querySelectorAll('body > *')].filter((one) => one.shadowRoot).length";
    assert_eq!(browser.execute(bars).await, 1);
    // Strict policies let it work, and it breaks none.
    browser.end().await;
}
