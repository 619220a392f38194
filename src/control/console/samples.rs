//! A sample farm with several outages, with which every page is rendered and inspected.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    form::{Fields, of_fields, to_json},
    view::*,
    when::Face,
    words::Titles,
};
use crate::{
    actors::desk::{
        Board, BoardRow, CauseView, Delivery, DeliveryRow, DeliveryState, HistoryPage, HookView, MonitorState,
        MonitorView, NodeView,
    },
    answer::Rehearsal,
    availability::{
        Author, Entry, Key, Ledger, Moment, Name, NodeId, Reason, Reasons, Record, Source, Submission, Target,
        verdict::{Definition, Use},
    },
    control::preview::{Known, Preview},
};

pub(crate) const EVIL: &str = "<script>alert(1)</script> & \"quotes\"\nsecond line";

pub(crate) fn at(text: &str) -> Moment {
    text.parse().unwrap()
}

pub(crate) fn now() -> Moment {
    at("2026-11-23T16:40:00Z")
}

pub(crate) fn face() -> Face {
    Face { zone: chrono_tz::Europe::Berlin, now: now() }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn chrome(section: &'static str) -> Chrome {
    Chrome {
        section,
        node: "a".into(),
        operator: Some("alice".into()),
        acts: true,
        token: "7".repeat(64),
        css: "/static/console/app.css".into(),
        js: "/static/console/app.js".into(),
        icon: "/static/console/icon.svg".into(),
        zone: "Europe/Berlin".into(),
        fenced: None,
    }
}

pub(crate) fn reasons() -> Reasons {
    Reasons::with([Reason { code: 100, name: name("licence-expired"), title: Some("its licence has expired".into()) }])
}

pub(crate) fn entry(n: u128, made: &str, author: &Author, value: &Value) -> Arc<Entry> {
    let submission = Submission::parse(value).unwrap();
    let known = crate::availability::Known {
        target: &|_| true,
        node: &|_| true,
        reasons: &reasons(),
        rules: crate::availability::Rules::default(),
        now: at(made),
        clock: at(made),
        stamp: at(made),
    };
    let submission = submission.check(&known).unwrap();
    let id = Uuid::from_u128(0x0190_e5a0_0000_7000_8000_0000_0000_0000 + n);
    Entry::stamped(submission.statement(id, at(made), author, &name("a")), 0, NodeId::NONE)
}

pub(crate) fn known() -> Vec<(Target, String)> {
    let one = |target: &str, title: &str| (target.parse().unwrap(), title.to_owned());
    vec![
        one("system", "The whole system"),
        one("application:chat", "Chat"),
        one("application:mail", "Mail"),
        one("application:phone", "Phone directory"),
        one("application:wiki", "Wiki"),
        one("resource:directory", "directory"),
        one("resource:mail-store", "mail-store"),
        one("application:intranet-portal-of-the-north", "Intranet portal of the northern branch offices"),
        one("application:payroll", "Payroll"),
        one("application:shop", "Shop"),
    ]
}

pub(crate) fn titles() -> Titles {
    Titles::new(known())
}

pub(crate) fn entries() -> Vec<Arc<Entry>> {
    let alice = Author::operator("alice");
    let probe = Author { operator: None, source: Source::Monitor, reporter: Some("a/directory-tcp".into()) };
    vec![
        entry(
            1,
            "2026-11-23T16:30:00Z",
            &alice,
            &json!({"targets": ["application:mail"], "status": "unavailable",
            "reason": "planned-maintenance", "component": "disk array 2", "message": EVIL,
            "goes_down_at": "2026-11-23T16:00:00Z", "expected_back_at": "2026-11-23T18:00:00Z"}),
        ),
        entry(
            2,
            "2026-11-23T15:55:02Z",
            &probe,
            &json!({"targets": ["resource:directory"], "status": "unavailable",
            "reason": "unplanned-outage", "message": "connection refused", "expected_back_at": "2026-11-23T16:20:00Z"}),
        ),
        entry(
            3,
            "2026-11-23T12:00:00Z",
            &Author::operator("bob"),
            &json!({"targets": ["application:chat", "application:wiki"],
            "status": "unavailable", "reason": "planned-maintenance", "message": "New release. Rooms and history stay.",
            "goes_down_at": "2026-11-24T21:00:00Z", "duration_seconds": 5400, "restore": "automatic"}),
        ),
        entry(
            4,
            "2026-11-23T16:10:00Z",
            &alice,
            &json!({"targets": ["application:wiki"], "status": "unavailable",
            "reason": "licence-expired", "message": "Reading works, saving does not.", "criteria": {"methods": ["POST", "PUT"], "paths": ["/wiki/*"]}}),
        ),
        entry(5, "2026-11-22T09:00:00Z", &alice, &json!({"targets": ["application:chat"], "status": "available"})),
    ]
}

pub(crate) fn delivery(complete: bool) -> Delivery {
    let row =
        |node: &str, state| DeliveryRow { node: node.into(), state, at: (state != DeliveryState::Waiting).then(now) };
    let last = if complete { DeliveryState::Applied } else { DeliveryState::Waiting };
    Delivery {
        delivery: vec![row("a", DeliveryState::Applied), row("b", DeliveryState::Applied), row("c", last)],
        complete,
    }
}

fn cause(target: &str, layer: &'static str, entry: &Arc<Entry>) -> CauseView {
    CauseView { target: target.parse().unwrap(), layer, entry: Arc::clone(entry), since: entry.notification.since() }
}

pub(crate) fn board() -> Board {
    let all = entries();
    let row = |of: &str, title: &str, uses: &[&str]| BoardRow {
        name: name(of),
        title: title.into(),
        critical: false,
        local: true,
        uses: uses.iter().map(|one| name(one)).collect(),
        causes: Vec::new(),
        since: None,
        expected_back_at: None,
        reason: None,
        advisories: Vec::new(),
        partial: Vec::new(),
        upcoming: Vec::new(),
    };
    let directory = || vec![cause("resource:directory", "resource", &all[1])];
    Board {
        applications: vec![
            BoardRow { upcoming: vec![Arc::clone(&all[2])], ..row("chat", "Chat", &[]) },
            BoardRow {
                critical: true,
                causes: vec![cause("application:mail", "own", &all[0])],
                ..row("mail", "Mail", &["mail-store"])
            },
            BoardRow { causes: directory(), local: false, ..row("phone", "Phone directory", &["directory"]) },
            BoardRow {
                partial: vec![cause("application:wiki", "own", &all[3])],
                upcoming: vec![Arc::clone(&all[2])],
                ..row("wiki", "Wiki", &[])
            },
            row("shop", "Shop", &["mail-store"]),
        ],
        resources: vec![
            BoardRow { causes: directory(), ..row("directory", "directory", &["phone"]) },
            row("mail-store", "mail-store", &["mail", "shop"]),
        ],
        system: Vec::new(),
        system_advisories: Vec::new(),
    }
}

pub(crate) fn closed_board() -> Board {
    let all = entry(
        9,
        "2026-11-23T16:39:30Z",
        &Author::operator("bob"),
        &json!({"targets": ["system"], "status": "unavailable", "message": "Power cut in hall 1"}),
    );
    let mut board = board();
    board.system = vec![cause("system", "system", &all)];
    for row in &mut board.applications {
        row.causes.push(cause("system", "system", &all));
    }
    board
}

pub(crate) fn nodes() -> Vec<NodeView> {
    let node = |name: &str, phase: &str| NodeView {
        id: Some(Uuid::from_u128(0x6f1d_70cc_45d1_4a35_9a3c_22d9_8f0e_6a01)),
        name: name.into(),
        address: format!("http://{name}.farm.example:7070"),
        phase: phase.into(),
        last_contact: Some(at("2026-11-23T16:39:58Z")),
        outbox: Some(0),
        merge_on_return: false,
        ledger_fingerprint: Some("0f1e2d3c4b5a69788796a5b4c3d2e1f0".into()),
        definitions: Vec::new(),
        zone_data: None,
        this: false,
    };
    vec![
        NodeView { this: true, ..node("a", "ready") },
        node("b", "ready"),
        NodeView {
            outbox: Some(17),
            ledger_fingerprint: Some("9".repeat(32)),
            definitions: vec!["mail".into(), "mail-store".into()],
            zone_data: Some("2024a".into()),
            last_contact: Some(at("2026-11-23T14:02:00Z")),
            ..node("c", "away")
        },
        NodeView {
            outbox: None,
            merge_on_return: true,
            id: None,
            ledger_fingerprint: None,
            last_contact: None,
            address: "http://10.0.0.9:7070".into(),
            ..node("http://10.0.0.9:7070", "unknown")
        },
        node("d", "merge"),
    ]
}

pub(crate) fn typed() -> Fields {
    Fields {
        id: Uuid::from_u128(7).to_string(),
        targets: vec!["application:mail".into(), "resource:directory".into()],
        status: "unavailable".into(),
        reason: "planned-maintenance".into(),
        component: "disk array 2".into(),
        message: EVIL.into(),
        begins: "2026-11-23T19:00".into(),
        duration: "90".into(),
        duration_unit: "minutes".into(),
        ..Fields::default()
    }
}

/// Tags and names.
fn languages() -> Vec<(String, String)> {
    [("en", "English"), ("de", "Deutsch")].map(|(tag, name)| (tag.to_owned(), name.to_owned())).into()
}

/// A webhook whose receiver is gone, and mail that works.
fn hooks() -> Vec<HookView> {
    let mail = HookView {
        name: "mail".parse().unwrap(),
        kind: "mail",
        told: 17,
        failures: 1,
        given_up: 0,
        waiting: 0,
        waiting_since: None,
        problem: None,
    };
    let gone = HookView {
        name: "ops".parse().unwrap(),
        kind: "webhook",
        told: 3,
        failures: 12,
        given_up: 1,
        waiting: 2,
        waiting_since: Some(at("2026-11-23T15:00:00Z")),
        problem: Some("it answered 500 Internal Server Error".to_owned()),
    };
    vec![gone, mail]
}

pub(crate) fn preview() -> PreviewPage {
    let fields = typed();
    let (json, _) = to_json(&fields, face().zone);
    let entry = entry(7, "2026-11-23T16:40:00Z", &Author::operator("alice"), &json);
    PreviewPage::new(
        chrome("notify"),
        PreviewInput {
            fields: &fields,
            entry: &entry,
            preview: preview_of(&entry),
            titles: &titles(),
            face: &face(),
            languages: languages(),
        },
    )
}

/// What a notification would do in this farm.
pub(crate) fn preview_of(entry: &Arc<Entry>) -> Preview {
    let mut ledger = Ledger::new(crate::availability::Rules::default());
    for entry in entries() {
        ledger.admit(&entry);
    }
    let rows = board().applications;
    let used = |resource: &Name| Use { resource: resource.clone(), agree: 1 };
    let definition =
        |row: &BoardRow| Definition { name: row.name.clone(), uses: row.uses.iter().map(used).collect(), agree: 1 };
    let definitions: Vec<Definition> = rows.iter().map(definition).collect();
    let rehearsal = Rehearsal::of(&ledger, &[Arc::clone(entry)], &definitions, &name("a"), now()).unwrap();
    Preview::of(
        &rehearsal,
        &Known { board: &board(), nodes: &nodes(), titles: &titles(), node: &"a".parse().unwrap(), now: now() },
    )
}

/// Node c is away, and an address has never answered.
pub(crate) fn farm() -> FarmState {
    FarmState::new(&nodes(), &face())
}

/// The board of these, of a farm in order.
pub(crate) fn board_page(board: &Board, search: &str) -> BoardPage {
    let receipts = entries()
        .iter()
        .map(|entry| (entry.notification.id, Holds::new(&delivery(entry.notification.id.as_u128() % 2 == 0))))
        .collect();
    let (titles, face, farm) = (titles(), face(), FarmState::default());
    let past = past();
    let (titles, face, monitors) = (&titles, &face, &monitors());
    let input = BoardInput { board, receipts: &receipts, farm, titles, face, search, past: &past, monitors };
    BoardPage::new(chrome("board"), input)
}

/// Monitors in every state; one that has changed too often.
pub(crate) fn monitors() -> Vec<MonitorView> {
    let one = |named: &str, target: &str, state, detail: Option<&str>| MonitorView {
        name: name(named),
        kind: "http",
        target: target.parse().unwrap(),
        upstream: None,
        state,
        degraded: false,
        since: Some(at("2026-11-23T16:00:00Z")),
        last_checked: Some(at("2026-11-23T16:39:57Z")),
        detail: detail.map(str::to_owned),
        damped: false,
        latency_ms: Some(12.345),
        counted: (7, 3),
    };
    let held = "Answered 500 instead of 200-399. It changed too often: it stays closed";
    let untried = one("untried", "system", MonitorState::Unknown, None);
    vec![
        one("wiki-http", "application:wiki", MonitorState::Up, None),
        MonitorView { since: None, last_checked: None, latency_ms: None, ..untried },
        MonitorView { damped: true, ..one("mail-http", "application:mail", MonitorState::Down, Some(held)) },
        MonitorView {
            degraded: true,
            ..one("chat-slow", "application:chat", MonitorState::Up, Some("Answers take 900 ms."))
        },
        one("evil", "resource:mail-store", MonitorState::Down, Some(EVIL)),
    ]
}

/// Mail was down twice in the last day.
fn past() -> Past {
    let outage = |from: &str, until: Option<&str>, planned| crate::outside::Outage {
        application: 0,
        id: Uuid::nil(),
        from: at(from),
        until: until.map(at),
        planned,
        reason: crate::availability::Reason::default(),
        updates: Vec::new(),
    };
    let outages = vec![
        outage("2026-11-23T02:00:00Z", Some("2026-11-23T04:00:00Z"), true),
        outage("2026-11-23T16:00:00Z", None, false),
    ];
    Past::new(&crate::outside::Record { outages, ..Default::default() }, &[name("mail")], now())
}

/// A schedule, and one that this version cannot read.
pub(crate) fn schedules() -> Vec<Arc<Record>> {
    let value = json!({"title": "Backup <script>", "targets": ["application:chat", "resource:directory"],
        "reason": "planned-maintenance", "reason_code": 1, "message": EVIL, "time_zone": "America/New_York",
        "starts": "2026-11-01T02:00:00", "duration_seconds": 5_400, "last_entry_seconds": 600,
        "rule": "FREQ=WEEKLY;BYDAY=SA,SU", "criteria": {"methods": ["POST"]}});
    let record = |n, value| {
        let key = Key { kind: crate::availability::Kind::Schedule, id: Uuid::from_u128(n) };
        let by = (at("2026-11-20T08:00:00Z"), 0, NodeId::NONE);
        Record::stamped(key, Some(value), Some("alice".into()), name("a"), by)
    };
    vec![record(1, value), record(2, json!({"title": "Newer", "rule": "FREQ=MINUTELY"}))]
}

/// A template, and one that this version cannot read.
pub(crate) fn templates() -> Vec<Arc<Record>> {
    let record = |n, value| {
        let key = Key { kind: crate::availability::Kind::Template, id: Uuid::from_u128(n) };
        let by = (at("2026-11-20T08:00:00Z"), 0, NodeId::NONE);
        Record::stamped(key, Some(value), Some("alice".into()), name("a"), by)
    };
    let value = json!({"title": "Upgrade <script>", "targets": ["application:mail"], "status": "unavailable",
        "reason": "planned-maintenance", "message": EVIL, "duration_seconds": 5_400, "restore": "automatic"});
    vec![record(1, value), record(2, json!({"title": "Newer", "status": "sleeping"}))]
}

/// The preview of a schedule that is changed.
fn schedule_preview() -> SchedulePreview {
    let (record, titles, face) = (&schedules()[0], titles(), face());
    let schedule = crate::availability::Schedule::of(record).unwrap().unwrap();
    let plan = schedule.plan(record, schedule.begins(now()).next().unwrap());
    let standing = Standing::of(&board());
    let hidden = crate::control::console::form::of_schedule(&schedule);
    let hidden = hidden.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let row = ScheduleRow::new(record, &standing, &titles, &face);
    let effects = (&plan.notification, preview_of(&plan));
    SchedulePreview::new(chrome("plans"), hidden, row, effects, 4, (&face, languages()))
}

/// The form of a schedule or template.
fn kept_form(fields: Fields) -> String {
    use askama::Template as _;
    FormPage::new(chrome("plans"), fields, &known(), &reasons(), &face()).render().unwrap()
}

/// One application of its own, and the whole system, work but not as they should.
pub(crate) fn degraded_board() -> Board {
    let of = |n, target: &str, message: &str| {
        let value = json!({"targets": [target], "status": "degraded", "reason": "unplanned-outage", "message": message,
            "expected_back_at": "2026-11-23T18:00:00Z"});
        entry(n, "2026-11-23T16:20:00Z", &Author::operator("bob"), &value)
    };
    let (chat, all) = (of(30, "application:chat", "Pictures load slowly."), of(31, "system", "The network is slow."));
    let mut board = board();
    board.system_advisories = vec![cause("system", "system", &all)];
    for row in board.applications.iter_mut().chain(&mut board.resources) {
        (row.causes, row.partial) = (Vec::new(), Vec::new());
    }
    for row in &mut board.applications {
        row.advisories = vec![cause("system", "system", &all)];
    }
    board.applications[0].advisories.push(cause("application:chat", "own", &chat));
    board
}

/// Sixty applications, of which one is closed, and a plan for the whole system.
pub(crate) fn large_board() -> Board {
    let plan = entry(
        50,
        "2026-11-23T12:00:00Z",
        &Author::operator("bob"),
        &json!({"targets": ["system"], "status": "unavailable", "reason": "planned-maintenance", "message": "Power supply",
            "goes_down_at": "2026-11-29T01:00:00Z", "duration_seconds": 7200, "restore": "automatic"}),
    );
    let mut board = board();
    let like = board.applications[4].clone();
    board.applications = (1..=60)
        .map(|n| BoardRow { name: name(&format!("app-{n:02}")), title: format!("Application {n:02}"), ..like.clone() })
        .collect();
    board.applications[6].causes = vec![cause("application:app-07", "own", &entries()[0])];
    for row in board.applications.iter_mut().chain(&mut board.resources) {
        row.upcoming = vec![Arc::clone(&plan)];
    }
    board
}

/// The same, with five hundred plans.
pub(crate) fn busy_board() -> Board {
    let mut board = large_board();
    for n in 0..500_u128 {
        let begins = now().after(std::time::Duration::from_secs((n as u64 + 1) * 3_000)).to_string();
        let plan = json!({"targets": [format!("application:app-{:02}", n % 60 + 1)], "status": "unavailable",
            "reason": "planned-maintenance", "message": "Routine work", "goes_down_at": begins,
            "duration_seconds": 1_800, "restore": "automatic"});
        let plan = entry(1_000 + n, "2026-11-23T12:00:00Z", &Author::operator("bob"), &plan);
        board.applications[n as usize % 60].upcoming.push(plan);
    }
    board
}

/// The same, and everything is down, each for a reason of its own.
pub(crate) fn dark_board() -> Board {
    let mut board = busy_board();
    for (n, row) in board.applications.iter_mut().enumerate() {
        let target = Target::Application(row.name.clone());
        let closing = json!({"targets": [target], "status": "unavailable", "reason": "unplanned-outage",
            "message": "The disks are full. We are adding new ones; nothing is lost, and no letter is sent back.",
            "duration_seconds": 7_200});
        let entry = entry(2_000 + n as u128, "2026-11-23T16:00:00Z", &Author::operator("bob"), &closing);
        let since = entry.notification.since();
        row.causes = vec![CauseView { target, layer: "own", entry, since }];
    }
    board
}

/// A plan that bob has changed: what its form shows to alice.
pub(crate) fn moved() -> Moved {
    Moved {
        text: "Another operator has already changed or cancelled this plan.",
        id: Uuid::from_u128(8).to_string(),
        headline: "Chat and Wiki will be unavailable".into(),
        by: "bob".into(),
        at: face().show_exactly(now()),
        next: "If you continue, your entries replace it.",
    }
}

/// Alice here, and bob elsewhere.
pub(crate) fn sessions_page() -> SessionsPage {
    let one = |handle: &str, operator: &str, role| crate::control::session::Listed {
        handle: handle.into(),
        operator: operator.into(),
        rights: crate::control::rights::Rights::new(role, None),
        from: [192, 0, 2, 7].into(),
        begun: at("2026-11-23T08:00:00Z"),
        used: at("2026-11-23T16:30:00Z"),
        ends: at("2026-11-24T08:00:00Z"),
    };
    use crate::control::rights::Role;
    let list = [one("11", "alice", Role::Operator), one("22", "<script>", Role::Viewer)];
    SessionsPage::new(chrome("sessions"), &list, "11", &face())
}

/// A page of the history: what `entries` has, a changed plan and an update.
pub(crate) fn history_page() -> HistoryPage {
    let mut entries = entries();
    let bob = Author::operator("bob");
    let plan = Arc::clone(&entries[2]);
    let changed = json!({"targets": ["application:chat", "application:wiki"], "replaces": plan.notification.id,
        "status": "unavailable", "reason": "planned-maintenance", "message": "New release. Rooms and history stay.",
        "goes_down_at": "2026-11-24T22:00:00Z", "duration_seconds": 9000, "restore": "automatic"});
    let changed = entry(61, "2026-11-23T16:20:00Z", &bob, &changed);
    let cancel = Submission::parse(&json!({"cancels": plan.notification.id})).unwrap();
    let id = crate::availability::Notification::id_of_cancel(&changed.notification.id);
    let cancel = cancel.cancel(id, at("2026-11-23T16:20:00Z"), &plan.notification, &bob, &name("a"));
    let cancel = Entry::stamped(cancel, 0, NodeId::NONE);
    let update = json!({"targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance",
        "component": "disk array 2", "message": "It takes longer.", "goes_down_at": "2026-11-23T16:00:00Z",
        "expected_back_at": "2026-11-23T19:00:00Z"});
    let update = entry(62, "2026-11-23T16:38:00Z", &bob, &update);
    let earlier = [(changed.notification.id, plan), (update.notification.id, Arc::clone(&entries[0]))].into();
    entries.splice(0..0, [update, cancel, changed]);
    HistoryPage { entries, earlier, next: Some("c:1".into()) }
}

/// A form with criteria that it has no input for, and a reason of another node.
pub(crate) fn carried() -> Fields {
    Fields {
        reason: "power-cut".into(),
        paths: "/mail/*".into(),
        cookies: "beta=1*".into(),
        kept: vec![r#"{"except":[{"methods":["GET"],"paths":["/mail/health"]}]}"#.into()],
        last_entry: "15".into(),
        ..typed()
    }
}

pub(crate) fn wrong_form() -> FormPage {
    let fields = Fields {
        begins: "2026-03-29T02:30".into(),
        paths: "[".into(),
        duration: "soon".into(),
        targets: Vec::new(),
        ..typed()
    };
    let (json, mut errors) = to_json(&fields, face().zone);
    errors.extend(Submission::parse(&json).unwrap_err());
    let mut page = FormPage::new(chrome("notify"), fields, &known(), &reasons(), &face());
    page.problems = of_fields(errors);
    page
}

/// Every page: a name for its file, and its text.
pub(crate) fn pages() -> Vec<(&'static str, String)> {
    use askama::Template as _;
    let (face, titles, all) = (face(), titles(), entries());
    let view = |entry: &Arc<Entry>| EntryView::new(entry, &titles, &face);
    let out = Chrome { operator: None, token: String::new(), ..chrome("") };
    let login = |possible, problem: Option<&str>, carried: &str| LoginPage {
        chrome: out.clone(),
        possible,
        name: String::new(),
        next: "/".into(),
        carried: carried.into(),
        problem: problem.map(str::to_owned),
    };
    let applications = vec![("mail".into(), "Mail".into())];
    let history =
        |filter, page| HistoryView::new(chrome("history"), filter, applications.clone(), page, &titles, &face);
    let receipt =
        |complete| ReceiptPage::new(chrome("history"), view(&all[0]), &delivery(complete), &face).render().unwrap();
    vec![
        ("board", board_page(&board(), "").render().unwrap()),
        ("board-closed", BoardPage { farm: farm(), ..board_page(&closed_board(), "") }.render().unwrap()),
        ("board-degraded", board_page(&degraded_board(), "").render().unwrap()),
        ("board-empty", board_page(&Board::default(), "").render().unwrap()),
        ("board-large", board_page(&large_board(), "").render().unwrap()),
        ("board-found", board_page(&large_board(), "n 07").render().unwrap()),
        ("board-not-found", board_page(&large_board(), "<script>").render().unwrap()),
        (
            "board-viewer",
            BoardPage { chrome: Chrome { acts: false, ..chrome("board") }, ..board_page(&board(), "") }
                .render()
                .unwrap(),
        ),
        (
            "plans",
            PlansPage::new(chrome("plans"), plans(&board(), &titles, &face), 0, FarmState::default()).render().unwrap(),
        ),
        ("sessions", sessions_page().render().unwrap()),
        (
            "calendar-month",
            CalendarPage::new(
                chrome("plans"),
                farm(),
                Span::read("month", "2026-11", &face).unwrap(),
                &board(),
                &[],
                &titles,
                &face,
            )
            .render()
            .unwrap(),
        ),
        ("schedules", {
            let standing = Standing::of(&board());
            let rows = schedules().iter().map(|one| ScheduleRow::new(one, &standing, &titles, &face)).collect();
            SchedulesPage::new(chrome("plans"), 2, rows, Some("/schedules?from=100".into())).render().unwrap()
        }),
        ("schedule-form", {
            let schedule = crate::availability::Schedule::of(&schedules()[0]).unwrap().unwrap();
            let fields = crate::control::console::form::of_schedule(&schedule);
            kept_form(Fields { schedule: Uuid::from_u128(1).to_string(), version: "1".into(), ..fields })
        }),
        ("schedule-preview", schedule_preview().render().unwrap()),
        ("schedule-remove", RemovePage::new(chrome("plans"), &schedules()[0], 3).render().unwrap()),
        ("templates", {
            let read = |one: &Arc<Record>| {
                let recorded = crate::control::console::form::Recorded::read(one.value.as_ref().unwrap(), &reasons());
                TemplateRow::new(one, recorded, &titles, &face)
            };
            TemplatesPage::new(chrome("plans"), 2, templates().iter().map(read).collect(), None).render().unwrap()
        }),
        ("template-form", {
            let value = templates()[0].value.clone().unwrap();
            let recorded = crate::control::console::form::Recorded::read(&value, &reasons()).unwrap();
            kept_form(Fields { template: Uuid::from_u128(1).to_string(), version: "1".into(), ..recorded.fields() })
        }),
        (
            "form-moved",
            FormPage { moved: Some(moved()), ..FormPage::new(chrome("notify"), typed(), &known(), &reasons(), &face) }
                .render()
                .unwrap(),
        ),
        ("form", FormPage::new(chrome("notify"), typed(), &known(), &reasons(), &face).render().unwrap()),
        ("form-carried", FormPage::new(chrome("notify"), carried(), &known(), &reasons(), &face).render().unwrap()),
        ("form-wrong", wrong_form().render().unwrap()),
        ("preview", preview().render().unwrap()),
        (
            "cancel",
            CancelPage {
                chrome: chrome("notify"),
                fields: typed(),
                plan: view(&all[2]),
                problems: Vec::new(),
                notice: None,
                moved: None,
            }
            .render()
            .unwrap(),
        ),
        ("receipt", receipt(false)),
        ("receipt-complete", receipt(true)),
        ("history", history(Filter::default(), Ok(history_page())).render().unwrap()),
        (
            "history-broken",
            history(Filter { application: EVIL.into(), ..Filter::default() }, Err("this cursor is none".into()))
                .render()
                .unwrap(),
        ),
        ("nodes", NodesPage::new(chrome("nodes"), &nodes(), &hooks(), &face).render().unwrap()),
        ("forget", ForgetPage { chrome: chrome("nodes"), name: "c".into(), reachable: false }.render().unwrap()),
        ("login", login(true, None, "").render().unwrap()),
        (
            "login-again",
            login(true, Some("The name or the password is wrong."), "message=%3Cscript%3E&x=\"><script>")
                .render()
                .unwrap(),
        ),
        ("login-nobody", login(false, None, "").render().unwrap()),
        (
            "message",
            MessagePage {
                chrome: chrome(""),
                title: "No such node".into(),
                text: EVIL.into(),
                links: vec![("/nodes".into(), "To the nodes".into())],
            }
            .render()
            .unwrap(),
        ),
    ]
}
