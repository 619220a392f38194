//! `forewarn notify`: submits one notification to the first chosen node that accepts it.
//!
//! What must stay true: the id and the timestamp are made here, once. So after any failure (a node that is
//! gone, a lost answer) the same notification is submitted again and shown once. What a node refuses as wrong
//! is not tried elsewhere.

mod nodes;
pub(super) mod statement;

use std::io::Write;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use ureq::http::Method;
use uuid::Uuid;

use super::args::{Access, NotifyArgs};
use super::client::{CallError, Client, Reply, TIMEOUT};
use super::error::{CliError, json_line};
use super::show::{Cell, Screen, Table, Tone};
use crate::availability::Moment;
use crate::clock;

/// How long one request asks the node to wait for the others: a node allows 60 s.
const ROUND: Duration = Duration::from_secs(30);

/// Hands in, perhaps waits, and shows the receipt on `out`.
///
/// # Errors
///
/// [`CliError::Usage`] for arguments that do not go together, [`CliError::Call`] or
/// [`CliError::Refused`] when no node took it, [`CliError::Told`] when it is not complete in time,
/// [`CliError::Output`].
pub fn run(args: &NotifyArgs, access: Access, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let timestamp = screen.now();
    let id = args.id.unwrap_or_else(clock::new_id);
    let statement = statement::of(&args.said, id, timestamp)?;
    let nodes = nodes::choose(args, access)?;
    let wait = args.wait.map(|_all| args.timeout);

    let mut failures: Vec<CallError> = Vec::new();
    for node in &nodes {
        match hand_in(node, &statement, wait) {
            Ok(reply) => {
                for failure in &failures {
                    // the next node has made up for it; a closed standard error changes nothing
                    let _ = writeln!(std::io::stderr(), "forewarn: {failure}");
                }
                return show(args, node, &reply, screen, out);
            }
            Err(error) if error.another_may() => failures.push(error),
            Err(error) => {
                failures.push(error);
                break;
            }
        }
    }
    Err(failed(args, id, failures, out))
}

/// Why it was not handed in, and whether it can have arrived nevertheless.
fn failed(args: &NotifyArgs, id: Uuid, mut failures: Vec<CallError>, out: &mut dyn Write) -> CliError {
    let unknown = failures.iter().any(CallError::may_have_arrived);
    if let [CallError::Refused(_)] = &failures[..]
        && args.output.json
        && let Some(refusal) = failures.pop()
    {
        return super::told(args.output, refusal, out);
    }
    let text = match &failures[..] {
        [one] => one.to_string(),
        several => {
            let each: String = several.iter().map(|failure| format!("\n  {failure}")).collect();
            format!("no node took it:{each}")
        }
    };
    let refused = failures.iter().any(|failure| matches!(failure, CallError::Refused(refusal) if refusal.status < 500));
    CliError::Refused(match (unknown, refused) {
        (true, _) => format!(
            "{text}\nIt is not known whether it arrived. Submitting it again with --id {id} is safe; it counts once."
        ),
        // the node's own words say what is wrong
        (false, true) => text,
        (false, false) => format!("{text}\nNothing was submitted."),
    })
}

/// Posts to one node; with `wait` until every node has it or that time is over.
fn hand_in(node: &Client, statement: &Value, wait: Option<Duration>) -> Result<Reply, CallError> {
    const PATH: &str = "/api/v1/notifications";
    let Some(wait) = wait else {
        return node.call(Method::POST, PATH, Some(statement), TIMEOUT);
    };
    let mut left = wait;
    // handing in again what a node already has waits again, so longer waits are made of rounds
    loop {
        let begun = Instant::now();
        let round = left.min(ROUND);
        let path = format!("{PATH}?wait=all&timeout={}ms", round.as_millis());
        let reply = node.call(Method::POST, &path, Some(statement), round + TIMEOUT)?;
        // a node that does not wait as long as it was asked must not be asked without end
        let hasty = begun.elapsed() < round / 2;
        left = left.saturating_sub(begun.elapsed());
        if complete(&reply) || hasty || left.is_zero() {
            return Ok(reply);
        }
    }
}

fn complete(reply: &Reply) -> bool {
    let said = reply.body.get("complete").and_then(Value::as_bool);
    said.unwrap_or(reply.status == 200)
}

/// What a receipt has (docs/contract.md#the-api); all of it may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Receipt {
    id: Option<String>,
    timestamp: Option<Moment>,
    node: Option<String>,
    delivery: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    node: String,
    state: String,
    at: Option<Moment>,
}

fn show(args: &NotifyArgs, node: &Client, reply: &Reply, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let incomplete = args.wait.is_some() && !complete(reply);
    if args.output.json {
        json_line(out, &reply.body)?;
        return if incomplete { Err(CliError::Told) } else { Ok(()) };
    }
    let receipt: Receipt = node.read(reply)?;
    let known = |text: &Option<String>| Cell::new(text.as_deref().unwrap_or("?"));
    let time = receipt.timestamp.map(|time| time.to_string());
    let mut head = Table::new(&["NOTIFICATION", "TIME", "TAKEN BY", "AT"]);
    head.row([known(&receipt.id), known(&time), known(&receipt.node), Cell::new(node.address().to_string())]);
    let mut rows = Table::new(&["NODE", "STATE", "AT"]);
    for row in &receipt.delivery {
        let tone = match row.state.as_str() {
            "applied" | "superseded" => Tone::Good,
            "quarantined" => Tone::Bad,
            _ => Tone::Warning,
        };
        let at = row.at.map(|at| at.to_string()).unwrap_or_default();
        rows.row([Cell::new(&row.node), Cell::new(&row.state).tone(tone), Cell::new(at)]);
    }
    let (head, rows) = (head.render(screen.colour), rows.render(screen.colour));
    let gap = if rows.is_empty() { "" } else { "\n" };
    write!(out, "{head}{gap}{rows}").map_err(CliError::Output)?;
    match incomplete {
        true => Err(CliError::Refused(format!(
            "not every node has applied it within {:?}; it is safe, and reaches the others when they return",
            args.timeout
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
