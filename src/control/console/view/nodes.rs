//! The nodes of the farm, whether they agree, and whom this node tells what happens.

use askama::Template;

use super::{Chrome, encoded};
use crate::{
    actors::desk::{HookView, NodeView},
    control::console::{
        when::{Face, When},
        words,
    },
};

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Its name, or address.
    pub name: String,
    /// Its control listener.
    pub address: String,
    /// Its identity, once a node has met it.
    pub id: Option<String>,
    /// It answers.
    pub this: bool,
    /// `ready`, `starting`, `away`, `unknown`: the icon.
    pub kind: &'static str,
    /// The phase in words.
    pub phase: String,
    /// When it was last heard of.
    pub contact: Option<When>,
    /// How long ago that was.
    pub contact_words: String,
    /// What waits for it.
    pub outbox: String,
    /// What waits for it is more than nothing.
    pub behind: bool,
    /// Whether its ledger is the same as this node's.
    pub ledger: &'static str,
    /// It is not, or not known to be.
    pub differs: bool,
    /// The fingerprint itself.
    pub fingerprint: Option<String>,
    /// Names of applications and resources that are defined otherwise there.
    pub definitions: String,
    /// The version of its zone data, where it differs.
    pub zone_data: Option<String>,
    /// Where it can be forgotten.
    pub forget_href: Option<String>,
}

/// A webhook of this node, or its mail.
#[derive(Debug, Clone)]
pub(crate) struct HookRow {
    /// Its name.
    pub name: String,
    /// `webhook` or `mail`.
    pub kind: &'static str,
    /// `ready` or `away`: the icon.
    pub icon: &'static str,
    /// The state in words.
    pub state: &'static str,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    /// What waits, in words.
    pub waiting: String,
    /// When the oldest of it happened.
    pub since: Option<When>,
    /// Since the node was started.
    pub told: u64,
    /// The same, in words; empty: nothing.
    pub given_up: String,
}

/// The page.
#[derive(Template)]
#[template(path = "console/nodes.html")]
pub(crate) struct NodesPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
    /// This one first.
    pub rows: Vec<Row>,
    /// In the order of the configuration.
    pub hooks: Vec<HookRow>,
    /// What was just done.
    pub notice: Option<String>,
    /// What was just tried in vain.
    pub problem: Option<String>,
}

impl NodesPage {
    /// Of what the desk knows.
    pub(crate) fn new(chrome: Chrome, nodes: &[NodeView], hooks: &[HookView], face: &Face) -> Self {
        let own = nodes.iter().find(|node| node.this).and_then(|node| node.ledger_fingerprint.as_deref());
        let rows: Vec<Row> = nodes.iter().map(|node| row(node, own, face)).collect();
        let ready = rows.iter().filter(|row| row.kind == "ready").count();
        let differ = rows.iter().filter(|row| row.differs).count();
        let mut summary = match rows.len() {
            1 => "This node is alone.".to_owned(),
            n if ready == n => format!("All {n} nodes are ready."),
            n => format!("{ready} of {n} nodes are ready."),
        };
        if differ > 0 {
            summary += " Not all ledgers are equal: that is so for a moment after every notification, and lasts only while a node cannot be reached.";
        } else if rows.len() > 1 && ready == rows.len() {
            summary += " All ledgers are equal.";
        }
        let hooks = hooks.iter().map(|hook| hook_row(hook, face)).collect();
        Self { chrome, summary, rows, hooks, notice: None, problem: None }
    }
}

fn row(node: &NodeView, own: Option<&str>, face: &Face) -> Row {
    let (kind, phase) = match node.phase.as_str() {
        "ready" => ("ready", "Ready".to_owned()),
        "away" => ("away", "Cannot be reached".to_owned()),
        "unknown" => ("unknown", "Never met".to_owned()),
        "fenced" => ("away", "Fenced: takes no submissions".to_owned()),
        phase => ("starting", format!("Starting: {phase}")),
    };
    let (ledger, differs) = match (node.this, node.ledger_fingerprint.as_deref(), own) {
        (true, _, _) => ("this node’s", false),
        (_, None, _) | (_, _, None) => ("not known", false),
        (_, Some(theirs), Some(own)) if theirs == own => ("equal", false),
        _ => ("differs", true),
    };
    let outbox = match (node.this, node.merge_on_return, node.outbox) {
        (true, _, _) => "—".to_owned(),
        (_, true, _) | (_, _, None) => "a merge when it returns; its history may have gaps".to_owned(),
        (_, _, Some(0)) => "nothing".to_owned(),
        (_, _, Some(1)) => "1 notification".to_owned(),
        (_, _, Some(n)) => format!("{n} notifications"),
    };
    Row {
        name: node.name.clone(),
        address: node.address.clone(),
        id: node.id.map(|id| id.to_string()),
        this: node.this,
        kind,
        phase,
        contact: node.last_contact.map(|at| face.show(at)),
        contact_words: node.last_contact.map_or_else(String::new, |at| format!("{} ago", face.since(at))),
        behind: !node.this && (node.merge_on_return || node.outbox != Some(0)),
        outbox,
        ledger,
        differs,
        fingerprint: node.ledger_fingerprint.clone(),
        definitions: words::list(&node.definitions, "and"),
        zone_data: node.zone_data.clone(),
        forget_href: (!node.this).then(|| format!("/nodes/forget?name={}", encoded(&node.name))),
    }
}

fn hook_row(hook: &HookView, face: &Face) -> HookRow {
    let (icon, state) = match (&hook.problem, hook.waiting) {
        (Some(_), _) => ("away", "Does not take events"),
        (None, 0) if hook.told == 0 => ("ready", "Nothing to tell yet"),
        (None, 0) => ("ready", "Up to date"),
        (None, _) => ("starting", "Events are on their way"),
    };
    let events = |n: u64| format!("{n} {}", if n == 1 { "event" } else { "events" });
    HookRow {
        name: hook.name.to_string(),
        kind: hook.kind,
        icon,
        state,
        problem: hook.problem.as_deref().map(words::capital),
        waiting: if hook.waiting == 0 { "nothing".to_owned() } else { events(hook.waiting as u64) },
        since: hook.waiting_since.map(|at| face.show(at)),
        told: hook.told,
        given_up: if hook.given_up == 0 { String::new() } else { format!("{} given up", events(hook.given_up)) },
    }
}

/// Asks once more before a node is forgotten.
#[derive(Template)]
#[template(path = "console/forget.html")]
pub(crate) struct ForgetPage {
    /// Around it.
    pub chrome: Chrome,
    /// Which.
    pub name: String,
    /// It answers at present: forgetting it is probably a mistake.
    pub reachable: bool,
}
