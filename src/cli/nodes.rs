//! `forewarn node list` and `forewarn node forget`.

use std::io::Write;

use serde::Deserialize;
use serde_json::json;
use ureq::http::Method;

use super::args::{Access, ForgetArgs, NodeCommand, OutputArgs};
use super::client::{Client, TIMEOUT};
use super::error::{CliError, json_line};
use super::show::{Cell, Screen, Table, Tone, relative};
use crate::availability::Moment;

/// The answer of `/api/v1/nodes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nodes {
    nodes: Vec<Node>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    name: String,
    address: String,
    phase: String,
    last_contact: Option<Moment>,
    outbox: Option<u64>,
    merge_on_return: bool,
    ledger_fingerprint: Option<String>,
    definitions: Vec<String>,
    zone_data: Option<String>,
    this: bool,
}

/// Lists the nodes that the asked one knows, or removes one.
///
/// # Errors
///
/// [`CliError::Call`], [`CliError::Told`], [`CliError::Output`].
pub fn run(command: &NodeCommand, access: Access, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    match command {
        NodeCommand::List(output) => list(*output, &client, screen, out),
        NodeCommand::Forget(args) => forget(args, &client, out),
    }
}

fn list(output: OutputArgs, client: &Client, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let reply = match client.get("/api/v1/nodes") {
        Err(error) => return Err(super::told(output, error, out)),
        Ok(reply) => reply,
    };
    if output.json {
        return json_line(out, &reply.body);
    }
    let nodes: Nodes = client.read(&reply)?;
    let head = ["NODE", "PHASE", "LAST CONTACT", "OUTBOX", "LEDGER", "ADDRESS"];
    let mut table = Table::new(&head);
    let mut warnings = String::new();
    for node in &nodes.nodes {
        let phase = match node.phase.as_str() {
            "ready" => Tone::Good,
            "away" | "unknown" | "fenced" => Tone::Bad,
            _ => Tone::Warning,
        };
        let contact = match (node.this, node.last_contact) {
            (true, _) => "this node".to_owned(),
            (false, Some(time)) => relative(screen.now(), time),
            (false, None) => "never".to_owned(),
        };
        let outbox = match (node.this, node.merge_on_return, node.outbox) {
            (true, ..) => Cell::default(),
            (_, true, _) => Cell::new("merge on return").tone(Tone::Warning),
            (_, false, rows) => Cell::new(rows.unwrap_or(0).to_string()),
        };
        // as of the last contact, so that a difference may be gone by now: told, not judged
        let ledger = node.ledger_fingerprint.as_deref().unwrap_or_default();
        let ledger: String = ledger.chars().take(8).collect();
        table.row([
            Cell::new(&node.name),
            Cell::new(&node.phase).tone(phase),
            Cell::new(contact),
            outbox,
            Cell::new(ledger),
            Cell::new(&node.address),
        ]);
        if !node.definitions.is_empty() {
            let names = node.definitions.join(", ");
            let text = super::logging::escaped(&format!("{} defines {names}", node.name));
            warnings.push_str(&format!("\nwarning: {text} differently from this node\n"));
        }
        if let Some(version) = &node.zone_data {
            let text = super::logging::escaped(&format!("{} has other zone data, {version}", node.name));
            warnings.push_str(&format!("\nwarning: {text}: its recurring plans may be at other times\n"));
        }
    }
    let text = table.render(screen.colour) + &warnings;
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

fn forget(args: &ForgetArgs, client: &Client, out: &mut dyn Write) -> Result<(), CliError> {
    let path = format!("/api/v1/nodes/{}", args.name);
    if let Err(error) = client.call(Method::DELETE, &path, None, TIMEOUT) {
        return Err(super::told(args.output, error, out));
    }
    let name = &args.name;
    match args.output.json {
        true => json_line(out, &json!({"forgotten": name})),
        false => writeln!(out, "{name} is forgotten; if it returns, it joins under a new id").map_err(CliError::Output),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, screen};
    use serde_json::Value;

    fn node(command: NodeCommand, fake: &Fake) -> (Result<(), CliError>, String) {
        let mut out = Vec::new();
        let result = run(&command, fake.access(), &screen(), &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_list_shows_who_lags_behind() {
        let answer = json!({"nodes": [
            {"id": "1", "name": "a", "address": "http://127.0.0.1:1", "phase": "ready",
             "ledger_fingerprint": "aaaaaaaaaaaa", "this": true, "outbox": 0},
            {"id": "2", "name": "b", "address": "http://127.0.0.1:2", "phase": "away",
             "last_contact": "2026-11-23T15:59:30Z", "outbox": 12,
             "ledger_fingerprint": "bbbbbbbbbbbb", "definitions": ["mail"]},
            {"id": null, "name": "c", "address": "http://127.0.0.1:3", "phase": "unknown",
             "last_contact": null, "outbox": null, "merge_on_return": true,
             "ledger_fingerprint": null},
        ]});
        let fake = Fake::start(move |_| (200, answer.clone()));
        let list = NodeCommand::List(OutputArgs { json: false });
        let (result, out) = node(list, &fake);
        result.unwrap();
        let expected = "\
NODE  PHASE    LAST CONTACT  OUTBOX           LEDGER    ADDRESS
a     ready    this node                      aaaaaaaa  http://127.0.0.1:1
b     away     30 s ago      12               bbbbbbbb  http://127.0.0.1:2
c     unknown  never         merge on return            http://127.0.0.1:3

warning: b defines mail differently from this node
";
        assert_eq!(out, expected);
    }

    #[test]
    fn a_node_is_forgotten_or_the_reason_is_told() {
        let fake = Fake::start(|asked| match asked.line.as_str() {
            "DELETE /api/v1/nodes/c" => (204, Value::Null),
            _ => (404, json!({"title": "None", "detail": "this node knows no node d"})),
        });
        let forget = |name: &str, json| {
            let output = OutputArgs { json };
            let name = name.to_owned();
            NodeCommand::Forget(ForgetArgs { name, output })
        };
        let (result, out) = node(forget("c", false), &fake);
        result.unwrap();
        assert!(out.starts_with("c is forgotten"));
        let (result, _) = node(forget("d", false), &fake);
        assert!(result.unwrap_err().to_string().contains("no node d"));
        let (result, out) = node(forget("d", true), &fake);
        assert!(matches!(result, Err(CliError::Told)) && out.contains("no node d"));
    }
}
