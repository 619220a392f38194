//! What the monitors and rules of this node find at the moment, as the board shows it.
//!
//! What needs attention comes first. Those that are up are folded away where there are many.

use super::{FEW, anchor};
use crate::{
    actors::desk::{MonitorState, MonitorView},
    control::console::{
        when::{Face, When},
        words::Titles,
    },
};

/// One monitor or rule.
#[derive(Debug, Clone)]
pub(crate) struct MonitorLine {
    /// Its name.
    pub name: String,
    /// What kind of check it is.
    pub what: &'static str,
    /// What its words are about.
    pub target: String,
    /// Where that stands on the page.
    pub anchor: String,
    /// `unavailable`, `unknown`, `degraded` or `available`: icon and colour.
    pub kind: &'static str,
    /// The state in words.
    pub state: &'static str,
    /// It keeps its closing because it changed too often.
    pub damped: bool,
    /// Since when the state is what it is.
    pub since: Option<When>,
    /// How long ago the last check ended; empty: there was none.
    pub checked: String,
    /// How long the last good check took.
    pub latency: Option<String>,
    /// What the last check found that was not good.
    pub detail: Option<String>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Monitors {
    /// Down, unknown or slow.
    pub wrong: Vec<MonitorLine>,
    /// Up.
    pub fine: Vec<MonitorLine>,
    /// Those that are up are shown without being asked for.
    pub unfolded: bool,
}

impl Monitors {
    /// In this order: down, unknown, slow, up; by name.
    pub(crate) fn new(monitors: &[MonitorView], titles: &Titles, face: &Face) -> Self {
        let mut lines: Vec<MonitorLine> = monitors.iter().map(|monitor| line(monitor, titles, face)).collect();
        let rank =
            |line: &MonitorLine| ["unavailable", "unknown", "degraded"].iter().position(|kind| *kind == line.kind);
        lines.sort_by_key(|line| (rank(line).unwrap_or(usize::MAX), line.name.clone()));
        let (fine, wrong) = lines.into_iter().partition(|line| line.kind == "available");
        Self { wrong, fine, unfolded: monitors.len() <= FEW }
    }

    /// There are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.wrong.is_empty() && self.fine.is_empty()
    }
}

fn line(monitor: &MonitorView, titles: &Titles, face: &Face) -> MonitorLine {
    let (kind, state) = match (monitor.state, monitor.degraded) {
        (MonitorState::Down, _) => ("unavailable", "Down"),
        (MonitorState::Unknown, _) => ("unknown", "Unknown"),
        (MonitorState::Up, true) => ("degraded", "Slow"),
        (MonitorState::Up, false) => ("available", "Up"),
    };
    MonitorLine {
        name: monitor.name.to_string(),
        what: monitor.kind,
        target: match &monitor.upstream {
            Some(upstream) => format!("{}, {upstream}", titles.of(&monitor.target)),
            None => titles.of(&monitor.target),
        },
        anchor: anchor(&monitor.target),
        kind,
        state,
        damped: monitor.damped,
        since: monitor.since.map(|since| face.show(since)),
        checked: monitor.last_checked.map_or_else(String::new, |at| face.since(at)),
        latency: monitor.latency_ms.map(|latency| format!("{latency:.1} ms")),
        detail: monitor.detail.clone(),
    }
}
