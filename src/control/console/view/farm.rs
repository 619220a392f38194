//! The state of the farm at the top of a page: nodes that cannot be reached, and a
//! node that takes no notifications.

use crate::{
    actors::desk::NodeView,
    control::console::{
        when::{Face, When},
        words,
    },
};

/// A node that does not answer.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    /// Its name, or its address.
    pub name: String,
    /// When it was last heard of.
    pub contact: Option<When>,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct FarmState {
    /// Nodes that cannot be reached from here.
    pub away: Vec<Away>,
    /// The phase of this node, where it is not ready.
    pub phase: Option<String>,
}

impl FarmState {
    /// Of what the desk knows.
    pub(crate) fn new(nodes: &[NodeView], face: &Face) -> Self {
        let away = nodes.iter().filter(|node| node.is_away());
        let phase = nodes.iter().find(|node| node.this).map(|node| node.phase.clone());
        Self {
            away: away
                .map(|node| Away { name: node.name.clone(), contact: node.last_contact.map(|at| face.show(at)) })
                .collect(),
            // Every page of a fenced node has a box of its own about that.
            phase: phase.filter(|phase| !matches!(phase.as_str(), "ready" | "fenced")),
        }
    }

    /// "Node c" or "Nodes b and c"; empty: all can be reached.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.away.iter().map(|node| node.name.clone()).collect();
        let word = if names.len() == 1 { "Node" } else { "Nodes" };
        if names.is_empty() { String::new() } else { format!("{word} {}", words::list(&names, "and")) }
    }
}
