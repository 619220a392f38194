//! `forewarn schedule` and `forewarn template`: the registry, from the command line.
//!
//! Must stay true: an addition is sent with an id of its own, so that it may be sent again.

use std::io::Write;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use ureq::http::Method;
use uuid::Uuid;

use super::args::{
    Access, OutputArgs, RecordArgs, Restore, ScheduleAddArgs, ScheduleCommand, StatedArgs, TemplateAddArgs,
    TemplateCommand,
};
use super::client::{Client, TIMEOUT};
use super::error::{CliError, json_line};
use super::notify::statement::{criteria, reason};
use super::show::{Cell, Screen, Table, relative};
use crate::{availability::Moment, clock};

/// A record in an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    id: String,
    operator: Option<String>,
    timestamp: Moment,
    value: Map<String, Value>,
    next: Option<Vec<Window>>,
}

#[derive(Debug, Deserialize)]
struct Window {
    begins: Moment,
    ends: Moment,
}

impl Shown {
    fn text(&self, field: &str) -> &str {
        self.value.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn targets(&self) -> String {
        let targets = self.value.get("targets").and_then(Value::as_array).into_iter().flatten();
        targets.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// One invocation: where to ask, and how to answer.
struct Task<'a> {
    /// `schedules` or `templates`.
    kind: &'static str,
    client: Client,
    screen: &'a Screen,
    out: &'a mut dyn Write,
}

/// `forewarn schedule`.
///
/// # Errors
///
/// [`CliError::Call`], [`CliError::Told`], [`CliError::Usage`], [`CliError::Output`].
pub fn schedule(
    command: &ScheduleCommand,
    access: Access,
    screen: &Screen,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut task = Task { kind: "schedules", client: Client::new(access), screen, out };
    match command {
        ScheduleCommand::Add(args) => task.add(&args.stated, of_schedule(args)?),
        ScheduleCommand::List(output) => task.list(*output),
        ScheduleCommand::Show(args) => task.show(args),
        ScheduleCommand::Remove(args) => task.remove(args),
    }
}

/// `forewarn template`.
///
/// # Errors
///
/// As [`schedule`].
pub fn template(
    command: &TemplateCommand,
    access: Access,
    screen: &Screen,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut task = Task { kind: "templates", client: Client::new(access), screen, out };
    match command {
        TemplateCommand::Add(args) => task.add(&args.stated, of_template(args)?),
        TemplateCommand::List(output) => task.list(*output),
        TemplateCommand::Show(args) => task.show(args),
        TemplateCommand::Remove(args) => task.remove(args),
    }
}

fn stated(args: &StatedArgs) -> Result<Map<String, Value>, CliError> {
    let optional = [
        ("reason", args.reason.as_deref().map(reason)),
        ("message", args.message.as_ref().map(|text| json!(text))),
        ("component", args.component.as_ref().map(|text| json!(text))),
        ("criteria", criteria(&args.criteria, false)?),
    ];
    let given = optional.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    let required = [("title", json!(args.title)), ("targets", json!(args.targets))];
    Ok(required.into_iter().map(|(field, value)| (field.to_owned(), value)).chain(given).collect())
}

fn of_schedule(args: &ScheduleAddArgs) -> Result<Value, CliError> {
    let mut body = stated(&args.stated)?;
    body.insert("starts".to_owned(), json!(args.starts));
    body.insert("time_zone".to_owned(), json!(args.zone));
    body.insert("rule".to_owned(), json!(args.rule));
    body.insert("duration_seconds".to_owned(), json!(args.lasts.as_secs()));
    body.extend(args.last_entry.map(|span| ("last_entry_seconds".to_owned(), json!(span.as_secs()))));
    Ok(Value::Object(body))
}

fn of_template(args: &TemplateAddArgs) -> Result<Value, CliError> {
    let mut body = stated(&args.stated)?;
    let status = if args.available { "available" } else { "unavailable" };
    body.insert("status".to_owned(), json!(status));
    body.extend(args.lasts.map(|span| ("duration_seconds".to_owned(), json!(span.as_secs()))));
    let restore = args.restore.map(|restore| if restore == Restore::Manual { "manual" } else { "automatic" });
    body.extend(restore.map(|restore| ("restore".to_owned(), json!(restore))));
    Ok(Value::Object(body))
}

impl Task<'_> {
    fn path(&self, id: Uuid) -> String {
        format!("/api/v1/{}/{id}", self.kind)
    }

    fn add(&mut self, args: &StatedArgs, body: Value) -> Result<(), CliError> {
        let path = self.path(args.id.unwrap_or_else(clock::new_id));
        self.ask(args.output, Method::PUT, &path, Some(&body), |shown| format!("added {}\n", shown.id))
    }

    fn show(&mut self, args: &RecordArgs) -> Result<(), CliError> {
        let (path, screen) = (self.path(args.id), *self.screen);
        self.ask(args.output, Method::GET, &path, None, |shown| described(shown, &screen))
    }

    fn remove(&mut self, args: &RecordArgs) -> Result<(), CliError> {
        let path = self.path(args.id);
        if let Err(error) = self.client.call(Method::DELETE, &path, None, TIMEOUT) {
            return Err(super::told(args.output, error, self.out));
        }
        match args.output.json {
            true => json_line(self.out, &json!({"removed": args.id})),
            false => writeln!(self.out, "removed {}", args.id).map_err(CliError::Output),
        }
    }

    /// Asks for one record, and shows it as JSON or as this text.
    fn ask(
        &mut self,
        output: OutputArgs,
        method: Method,
        path: &str,
        body: Option<&Value>,
        text: impl Fn(&Shown) -> String,
    ) -> Result<(), CliError> {
        let reply = match self.client.call(method, path, body, TIMEOUT) {
            Err(error) => return Err(super::told(output, error, self.out)),
            Ok(reply) => reply,
        };
        if output.json {
            return json_line(self.out, &reply.body);
        }
        let shown: Shown = self.client.read(&reply)?;
        self.out.write_all(text(&shown).as_bytes()).map_err(CliError::Output)
    }

    fn list(&mut self, output: OutputArgs) -> Result<(), CliError> {
        let (mut all, mut from): (Vec<Value>, _) = (Vec::new(), String::new());
        loop {
            let reply = match self.client.get(&format!("/api/v1/{}?limit=1000{from}", self.kind)) {
                Err(error) => return Err(super::told(output, error, self.out)),
                Ok(reply) => reply,
            };
            let mut page: Map<String, Value> = self.client.read(&reply)?;
            match page.remove(self.kind) {
                Some(Value::Array(listed)) => all.extend(listed),
                _ => break,
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => from = format!("&after={next}"),
                None => break,
            }
        }
        if output.json {
            return json_line(self.out, &json!({ self.kind: all }));
        }
        let shown: Vec<Shown> = all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect();
        let mut table = Table::new(&["ID", "TITLE", "TARGETS", "NEXT"]);
        for one in &shown {
            let next = one.next.as_ref().and_then(|next| next.first());
            let next = match (&one.next, next) {
                (None, _) => String::new(),
                (_, None) => "none".to_owned(),
                (_, Some(next)) => format!("{} ({})", next.begins, relative(self.screen.now(), next.begins)),
            };
            table.row([Cell::new(&one.id), Cell::new(one.text("title")), Cell::new(one.targets()), Cell::new(next)]);
        }
        let text = if shown.is_empty() { format!("no {}\n", self.kind) } else { table.render(self.screen.colour) };
        self.out.write_all(text.as_bytes()).map_err(CliError::Output)
    }
}

/// One record in full.
fn described(shown: &Shown, screen: &Screen) -> String {
    let mut table = Table::new(&["FIELD", "VALUE"]);
    for (field, value) in &shown.value {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.row([Cell::new(field), Cell::new(text)]);
    }
    let by = shown.operator.as_deref().unwrap_or("unknown");
    table.row([Cell::new("changed"), Cell::new(format!("{} by {by}", shown.timestamp))]);
    let next = shown.next.as_deref().unwrap_or_default();
    for (at, window) in next.iter().enumerate() {
        let label = if at == 0 { "next" } else { "" };
        table.row([Cell::new(label), Cell::new(format!("{} to {}", window.begins, window.ends))]);
    }
    table.render(screen.colour)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::{
        args::{Cli, Command},
        fake::{Fake, screen},
    };
    use clap::Parser as _;

    fn run(line: &[&str], fake: &Fake) -> (Result<(), CliError>, String) {
        let mut out = Vec::new();
        let result = match Cli::try_parse_from([&["forewarn"], line].concat()).unwrap().command {
            Command::Schedule(command) => schedule(&command, fake.access(), &screen(), &mut out),
            Command::Template(command) => template(&command, fake.access(), &screen(), &mut out),
            other => panic!("{other:?}"),
        };
        (result, String::from_utf8(out).unwrap())
    }

    const ID: &str = "01936f5e-0000-7000-8000-000000000000";

    fn shown() -> Value {
        json!({
            "id": ID, "version": "00", "timestamp": "2026-11-23T16:00:00Z", "operator": "alice", "node": "a",
            "value": {"title": "Backup", "targets": ["application:mail"], "rule": "FREQ=WEEKLY"},
            "next": [{"begins": "2026-11-29T01:00:00Z", "ends": "2026-11-29T03:00:00Z"}],
        })
    }

    #[test]
    fn a_schedule_is_added_under_an_id_so_that_it_may_be_sent_again() {
        let fake = Fake::start(|_| (201, shown()));
        let line = [
            "schedule",
            "add",
            "application:mail",
            "--title",
            "Backup",
            "--starts",
            "2026-12-06T02:00",
            "--zone",
            "Europe/Berlin",
            "--rule",
            "FREQ=WEEKLY;BYDAY=SU",
            "--for",
            "2h",
            "--last-entry",
            "10m",
            "--method",
            "GET",
            "--reason",
            "planned-maintenance",
            "--id",
            ID,
        ];
        let (result, out) = run(&line, &fake);
        result.unwrap();
        assert_eq!(out, format!("added {ID}\n"));
        let asked = fake.asked.lock().unwrap()[0].clone();
        assert_eq!(asked.line, format!("PUT /api/v1/schedules/{ID}"));
        let expected = json!({
            "title": "Backup", "targets": ["application:mail"], "starts": "2026-12-06T02:00", "time_zone": "Europe/Berlin",
            "rule": "FREQ=WEEKLY;BYDAY=SU", "duration_seconds": 7_200, "last_entry_seconds": 600,
            "criteria": {"methods": ["GET"]}, "reason": "planned-maintenance",
        });
        assert_eq!(asked.body, expected);
    }

    #[test]
    fn lists_and_records_are_shown() {
        let fake = Fake::start(|asked| match asked.line.as_str() {
            "GET /api/v1/schedules?limit=1000" => (200, json!({"schedules": [shown()], "next": ID})),
            "GET /api/v1/schedules?limit=1000&after=01936f5e-0000-7000-8000-000000000000" => {
                (200, json!({"schedules": [shown()], "next": null}))
            }
            "GET /api/v1/templates?limit=1000" => (200, json!({"templates": [], "next": null})),
            _ => (200, shown()),
        });
        let (_, out) = run(&["schedule", "list"], &fake);
        assert!(
            out.contains("Backup") && out.contains("application:mail") && out.contains("2026-11-29T01:00:00Z (in "),
            "{out}"
        );
        assert_eq!(out.matches("Backup").count(), 2, "all pages: {out}");
        assert_eq!(run(&["template", "list"], &fake).1, "no templates\n");
        let (_, out) = run(&["schedule", "show", ID], &fake);
        assert!(out.contains("FREQ=WEEKLY") && out.contains("2026-11-29T01:00:00Z to 2026-11-29T03:00:00Z"), "{out}");
        let (_, out) = run(&["schedule", "show", ID, "--json"], &fake);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), shown());
    }

    #[test]
    fn a_refusal_is_told_and_a_removal_confirmed() {
        let fake = Fake::start(|asked| match asked.line.starts_with("DELETE") {
            true => (204, Value::Null),
            false => (422, json!({"title": "Wrong", "errors": [{"field": "targets[0]", "problem": "unknown"}]})),
        });
        let (result, out) = run(&["template", "remove", ID], &fake);
        result.unwrap();
        assert_eq!(out, format!("removed {ID}\n"));
        let line = [
            "template",
            "add",
            "application:x",
            "--title",
            "T",
            "--unavailable",
            "--for",
            "1h",
            "--restore",
            "automatic",
        ];
        let (result, _) = run(&line, &fake);
        assert!(matches!(result, Err(CliError::Call(_))));
        let asked = fake.asked.lock().unwrap()[1].clone();
        assert!(asked.line.starts_with("PUT /api/v1/templates/"));
        assert_eq!((&asked.body["status"], &asked.body["restore"]), (&json!("unavailable"), &json!("automatic")));
    }
}
