//! The live state of this node's monitors and rules, for the API, the board and `/metrics`.

use serde::Serialize;

use super::Desk;
use crate::{
    availability::{Moment, Name, Target},
    monitor::Health,
};

/// One monitor or rule of this node, as `GET /api/v1/monitors` shows it (docs/contract.md#monitors).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct MonitorView {
    /// Its name; the reporter of its words is NODE/NAME.
    pub name: Name,
    /// `http`, `tcp`, `command`, `farm`, `passive` or `rule`.
    pub kind: &'static str,
    /// What its words are about.
    pub target: Target,
    /// The upstream of the target that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What it finds.
    pub state: MonitorState,
    /// It is up, but slow.
    pub degraded: bool,
    /// Since when the state is what it is.
    pub since: Option<Moment>,
    /// When its last check ended.
    pub last_checked: Option<Moment>,
    /// What the last check found that was not good, for people.
    pub detail: Option<String>,
    /// It changed too often, and stays down until every check has been good for 5 minutes.
    pub damped: bool,
    /// How long its last good check took, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Checks so far, and how many of them were bad.
    #[serde(skip)]
    pub counted: (u64, u64),
}

/// What a monitor finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MonitorState {
    /// Good.
    Up,
    /// Bad.
    Down,
    /// Not known (yet).
    Unknown,
}

impl Desk {
    /// The monitors and rules of this node, in the order of the configuration.
    pub(crate) fn monitors(&self) -> Vec<MonitorView> {
        let view = |live: &crate::actors::live::Live| {
            let seen = live.seen();
            MonitorView {
                name: live.name.clone(),
                kind: live.kind,
                target: live.target.clone(),
                upstream: live.upstream.clone(),
                state: match seen.health {
                    Health::Up | Health::Slow => MonitorState::Up,
                    Health::Down => MonitorState::Down,
                    Health::Unknown => MonitorState::Unknown,
                },
                degraded: seen.health == Health::Slow,
                since: seen.since,
                last_checked: seen.last_checked,
                detail: seen.detail.clone(),
                damped: seen.damped,
                latency_ms: seen.latency.map(|latency| (latency.as_secs_f64() * 1e6).round() / 1e3),
                counted: live.counted(),
            }
        };
        self.shared.defined().monitors.iter().map(|live| view(live)).collect()
    }
}
