//! `forewarn preview`: what a notification would do. Nothing is submitted.

use std::io::Write;

use serde::Deserialize;
use ureq::http::Method;

use super::args::{Access, PreviewArgs};
use super::client::{Client, TIMEOUT};
use super::error::{CliError, json_line};
use super::logging::escaped;
use super::notify::statement;
use super::show::{Cell, Screen, Table, Tone, back_at, paint};
use crate::{availability::Moment, clock};

/// The answer of `/api/v1/preview`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    closes: Vec<Closes>,
    opens: Vec<String>,
    degrades: Vec<String>,
    replaces: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Closes {
    application: String,
    from: Moment,
    until: Option<Moment>,
    detail: String,
}

/// Asks a node, and shows on `out` what closes and opens.
///
/// # Errors
///
/// [`CliError::Usage`] for arguments that do not go together, [`CliError::Call`], [`CliError::Told`],
/// [`CliError::Output`].
pub fn run(args: &PreviewArgs, access: Access, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    let now = screen.now();
    let body = statement::of(&args.said, clock::new_id(), now)?;
    let reply = match client.call(Method::POST, "/api/v1/preview", Some(&body), TIMEOUT) {
        Err(error) => return Err(super::told(args.output, error, out)),
        Ok(reply) => reply,
    };
    if args.output.json {
        return json_line(out, &reply.body);
    }
    let answer: Answer = client.read(&reply)?;
    let mut table = Table::new(&["CLOSES", "FROM", "BACK", "USERS READ"]);
    for one in &answer.closes {
        let from = if one.from <= now { "now".to_owned() } else { back_at(now, one.from) };
        let back = one.until.map(|until| back_at(now, until)).unwrap_or_default();
        table.row([
            Cell::new(&one.application).tone(Tone::Bad),
            Cell::new(from),
            Cell::new(back),
            Cell::new(&one.detail),
        ]);
    }
    let mut text = table.render(screen.colour);
    if answer.closes.is_empty() && answer.opens.is_empty() && answer.degrades.is_empty() {
        text.push_str("Nothing closes, and nothing opens.\n");
    }
    if !answer.opens.is_empty() {
        let opens = escaped(&answer.opens.join(", "));
        text.push_str(&format!("opens: {}\n", paint(&opens, Tone::Good, screen.colour)));
    }
    if !answer.degrades.is_empty() {
        let degrades = escaped(&answer.degrades.join(", "));
        text.push_str(&format!("degraded: {}\n", paint(&degrades, Tone::Warning, screen.colour)));
    }
    if !answer.replaces.is_empty() {
        text.push_str(&format!("replaces: {}\n", escaped(&answer.replaces.join(", "))));
    }
    for warning in &answer.warnings {
        text.push_str(&format!("{} {}\n", paint("check:", Tone::Warning, screen.colour), escaped(warning)));
    }
    text.push_str("Nothing was submitted; `forewarn notify` with the same arguments does it.\n");
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::cli::{
        args::{Cli, Command},
        fake::Fake,
    };

    fn preview(words: &str, fake: &Fake) -> String {
        let words = format!("forewarn preview {words}");
        let Command::Preview(args) = Cli::try_parse_from(words.split(' ')).unwrap().command else { panic!("{words}") };
        let mut out = Vec::new();
        run(&args, fake.access(), &Screen::of_stdout(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_closes_and_opens_is_told_and_nothing_is_submitted() {
        let fake = Fake::start(|asked| {
            assert_eq!(asked.line, "POST /api/v1/preview");
            assert_eq!(
                (&asked.body["status"], &asked.body["last_entry_seconds"]),
                (&json!("unavailable"), &json!(600))
            );
            let closes = json!([{"application": "mail", "from": "2030-11-23T16:00:00Z", "until": null, "detail": "Mail is down."}]);
            (200, json!({"closes": closes, "opens": ["chat"], "replaces": ["x"], "warnings": ["It overlaps."]}))
        });
        let told = preview("resource:db --unavailable --at 2030-11-23T16:00:00Z --last-entry 10m", &fake);
        for part in
            ["mail", "Mail is down.", "opens: chat", "replaces: x", "check: It overlaps.", "Nothing was submitted"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
