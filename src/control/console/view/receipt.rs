//! The state of a notification, node by node.

use askama::Template;

use super::{Chrome, EntryView};
use crate::{
    actors::desk::{Delivery, DeliveryRow, DeliveryState},
    control::console::when::{Face, When},
};

/// One node of a receipt.
#[derive(Debug, Clone)]
pub(crate) struct ReceiptRow {
    /// Its name, or address.
    pub node: String,
    /// `applied`, `waiting` …: the icon.
    pub kind: &'static str,
    /// The state in words.
    pub state: &'static str,
    /// Since when.
    pub at: Option<When>,
}

/// The page that one comes to after submitting.
#[derive(Template)]
#[template(path = "console/receipt.html")]
pub(crate) struct ReceiptPage {
    /// Around it.
    pub chrome: Chrome,
    /// The notification.
    pub entry: EntryView,
    /// Node by node.
    pub rows: Vec<ReceiptRow>,
    /// Every node has confirmed.
    pub complete: bool,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
}

impl ReceiptPage {
    /// Of a notification and its receipt so far.
    pub(crate) fn new(chrome: Chrome, entry: EntryView, delivery: &Delivery, face: &Face) -> Self {
        let rows: Vec<ReceiptRow> = by_name(delivery)
            .into_iter()
            .map(|row| {
                let (kind, state) = state(row.state);
                ReceiptRow { node: row.node.clone(), kind, state, at: row.at.map(|at| face.show_exactly(at)) }
            })
            .collect();
        let holds = Holds::new(delivery);
        let done = holds.confirmed.len();
        let summary = if delivery.complete {
            match done {
                1 => "The only node has confirmed.".to_owned(),
                n => format!("All {n} nodes have confirmed."),
            }
        } else if rows.iter().any(|row| row.kind == "quarantined") {
            format!("{done} of {} nodes have confirmed; one holds it back because the clocks differ.", rows.len())
        } else {
            format!("{done} of {} nodes have confirmed; the others get it as soon as they can be reached.", rows.len())
        };
        Self { chrome, entry, rows, complete: delivery.complete, summary }
    }
}

/// The nodes in the order in which people look for them, the same on every node's page.
fn by_name(delivery: &Delivery) -> Vec<&DeliveryRow> {
    let mut rows: Vec<&DeliveryRow> = delivery.delivery.iter().collect();
    rows.sort_by(|one, other| one.node.cmp(&other.node));
    rows
}

/// A state (docs/contract.md#life-of-a-notification) as its icon and in words.
fn state(state: DeliveryState) -> (&'static str, &'static str) {
    match state {
        DeliveryState::Waiting => ("waiting", "No receipt yet"),
        DeliveryState::Queued => ("queued", "Received, about to be applied"),
        DeliveryState::Quarantined => ("quarantined", "Held back until its time has come: the clocks differ"),
        DeliveryState::Applied => ("applied", "Applied"),
        DeliveryState::Superseded => ("applied", "Replaced by something newer"),
    }
}

/// On which nodes a notification is active, for the board.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds {
    /// Names of those that have it, or what replaced it.
    pub confirmed: Vec<String>,
    /// Names of those that have not confirmed.
    pub waiting: Vec<String>,
}

impl Holds {
    /// Of a receipt.
    pub(crate) fn new(delivery: &Delivery) -> Self {
        let done = |state| matches!(state, DeliveryState::Applied | DeliveryState::Superseded);
        let (confirmed, waiting): (Vec<_>, Vec<_>) = by_name(delivery).into_iter().partition(|row| done(row.state));
        let names = |rows: Vec<&DeliveryRow>| rows.into_iter().map(|row| row.node.clone()).collect();
        Self { confirmed: names(confirmed), waiting: names(waiting) }
    }

    /// Such as "Active on nodes a and b; not yet confirmed by c".
    pub(crate) fn words(&self) -> String {
        let list = |names: &[String]| super::super::words::list(names, "and");
        let nodes = |names: &[String]| format!("{} {}", if names.len() == 1 { "node" } else { "nodes" }, list(names));
        match (self.confirmed.is_empty(), self.waiting.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("Not yet confirmed by {}", list(&self.waiting)),
            (false, true) => format!("Active on {}", nodes(&self.confirmed)),
            (false, false) => {
                format!("Active on {}; not yet confirmed by {}", nodes(&self.confirmed), list(&self.waiting))
            }
        }
    }
}
