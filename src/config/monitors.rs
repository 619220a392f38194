//! `[[monitor]]`: what this node watches by itself.
//!
//! What must stay true: a monitor has exactly one probe, and one whose words count only here speaks
//! about something that is here.

use std::num::NonZeroU32;
use std::time::Duration;

use super::lists::entries;
use super::reader::Reader;
use super::sections::one_of;
use super::settings::{Application, MonitorScope, MonitorSettings, Probe, Resource};
use super::types::MonitorTarget;
use super::{addresses, values};

/// The keys that say how a monitor finds out.
const PROBES: [&str; 5] = ["http", "tcp", "command", "farm", "passive"];

/// Probes in a row that may be demanded.
const MAX_IN_A_ROW: u32 = 1_000;

pub(super) fn monitors(
    root: &mut Reader<'_>,
    applications: &[Application],
    resources: &[Resource],
) -> Vec<MonitorSettings> {
    let scopes = [("node", MonitorScope::Node), ("farm", MonitorScope::Farm)];
    entries(root, "monitor", |entry, names| {
        let name = names.next(entry);
        let target = entry.required("target", values::target);
        let probe = probe(entry);
        let scope = entry.text("scope", one_of(&scopes));
        let scope = scope.unwrap_or(MonitorScope::Node);
        let limits = Duration::from_millis(100)..=Duration::from_secs(86_400);
        let every = entry.text("every", values::duration_in(limits));
        let limits = Duration::from_millis(10)..=Duration::from_secs(600);
        let timeout = entry.text("timeout", values::duration_in(limits));
        let fail_after = entry.number("fail_after", 1..=MAX_IN_A_ROW);
        let recover_after = entry.number("recover_after", 1..=MAX_IN_A_ROW);
        let is_here = match &target {
            None | Some(MonitorTarget::System) => true,
            Some(MonitorTarget::Application(name)) => applications.iter().any(|a| a.name == *name),
            Some(MonitorTarget::Resource(name)) => resources.iter().any(|r| r.name == *name),
        };
        if scope == MonitorScope::Node && !is_here {
            let problem = "is not configured here, and with scope = \"node\" nobody would notice";
            entry.problem("target", problem);
        }
        Some(MonitorSettings {
            name: name?,
            target: target?,
            probe: probe?,
            scope,
            every: every.unwrap_or(Duration::from_secs(5)),
            timeout: timeout.unwrap_or(Duration::from_secs(2)),
            fail_after: fail_after.and_then(NonZeroU32::new).unwrap_or(THREE),
            recover_after: recover_after.and_then(NonZeroU32::new).unwrap_or(TWO),
        })
    })
}

const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
const THREE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

/// The one probe. Every key is asked for, so that a second one is not called unknown.
fn probe(entry: &mut Reader<'_>) -> Option<Probe> {
    let there: Vec<&str> = PROBES.into_iter().filter(|key| entry.has(key)).collect();
    match there.as_slice() {
        [_] => {}
        [] => entry.problem("http", format!("is required, or one of {}", PROBES[1..].join(", "))),
        [_, second, ..] => {
            entry.problem(second, format!("must be the only one of {}", PROBES.join(", ")));
        }
    }
    let http = entry.text("http", addresses::probe_url).map(Probe::Http);
    let tcp = entry.text("tcp", addresses::host_port).map(Probe::Tcp);
    let farm = entry.text("farm", addresses::probe_url).map(Probe::Farm);
    let command = entry.has("command").then(|| entry.words("command"));
    if command.as_ref().is_some_and(|words| words.first().is_none_or(String::is_empty)) {
        entry.problem("command", "must name a program");
    }
    let command = command.map(Probe::Command);
    let has_passive = entry.has("passive");
    let passive = entry.flag("passive", true);
    if has_passive && !passive {
        entry.problem("passive", "can only be true; leave it out otherwise");
    }
    let passive = has_passive.then_some(Probe::Passive);
    http.or(tcp).or(command).or(farm).or(passive)
}
