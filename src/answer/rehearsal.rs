//! What a notification would do, before it is sent: the ledger as it would be is evaluated by the one evaluator
//! (docs/contract.md#one-evaluator), beside the ledger as it is.
//!
//! Cost: that of the words on the targets of the applications that it is about, however large the ledger is.
//!
//! Both are asked at the instant at which the notification takes effect (a plan: when it begins), about a request
//! that its criteria match, and no others but those of all requests. Must stay true: what is foretold here is what
//! the gate does if nothing else is said until then (`tests/laws`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{App, Denial, general::among};
use crate::availability::{
    Entry, Ledger, Moment, Name, Stamp, Status, Target, Weighed,
    verdict::{Cause, Definition, Verdict, View},
};

/// See the module.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// What would be stated.
    pub entry: Arc<Entry>,
    /// It would count; otherwise a later notification makes it void at once.
    pub counts: bool,
    /// What becomes of each application that it is about.
    pub effects: BTreeMap<Name, Effect>,
    /// The closings, advisories and plans that would no longer count, for any request.
    pub replaces: Vec<Uuid>,
    /// The time of verdicts at which it takes effect.
    pub clock: Moment,
}

/// The verdicts on one application without the notification and with it.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Without.
    pub before: Verdict,
    /// With it.
    pub after: Verdict,
}

impl Effect {
    /// It makes the application available.
    pub fn opens(&self) -> bool {
        !self.before.is_open() && self.after.is_open()
    }

    /// Since when this entry closes the application, if it does.
    pub fn closes(&self, entry: &Entry) -> Option<Moment> {
        self.after.causes.iter().find(|cause| cause.entry.stamp == entry.stamp).map(|cause| cause.since)
    }
}

impl Rehearsal {
    /// What users of an application would be told from then on, if it is closed.
    pub fn denial(&self, app: &Arc<App>, node: &Name) -> Option<Denial> {
        Denial::of(app, node, self.effects.get(app.name())?.after.clone(), self.clock)
    }

    /// Admits these entries (the last one is what is stated; a cancel may go before it) to a copy of the ledger.
    /// `None` without entries.
    pub fn of(
        before: &Ledger,
        entries: &[Arc<Entry>],
        definitions: &[Definition],
        node: &Name,
        now: Moment,
    ) -> Option<Self> {
        let entry = Arc::clone(entries.last()?);
        let n = &entry.notification;
        let about = |definition: &&Definition| definition.targets().iter().any(|target| n.targets.contains(target));
        let about: Vec<&Definition> = definitions.iter().filter(about).collect();
        let stated = entries.iter().flat_map(|entry| entry.notification.targets.iter().cloned());
        let used = about.iter().flat_map(|definition| definition.targets());
        let concerned: BTreeSet<Target> = stated.chain(used).collect();
        let mut after = before.part(&concerned);
        for entry in entries {
            after.admit(entry);
        }
        let begins = if n.is_plan() { now.max(n.since()) } else { now };
        let clock = after.rules().clock(begins, after.limit());
        // What is only for other nodes is looked at as one of them sees it.
        let named = n.criteria.as_ref().map(|criteria| criteria.nodes()).unwrap_or_default();
        let node = if named.contains(node) { node } else { named.first().unwrap_or(node) };
        let verdict = |ledger: &Ledger, definition: &Definition| {
            among(&View::of(ledger, definition).weigh(clock), n.criteria.as_ref(), node)
        };
        let effect = |definition: &Definition| {
            let (before, after) = (verdict(before, definition), verdict(&after, definition));
            (definition.name.clone(), Effect { before, after })
        };
        let effects = about.into_iter().map(effect).collect();
        let counting = |ledger: &Ledger| -> [BTreeMap<Stamp, Uuid>; 2] {
            let weighed = n.targets.iter().map(|target| View::alone(ledger, target.clone(), 1).weigh(clock));
            let weighed: Vec<Weighed> = weighed.collect();
            let closing = |weighed: &Weighed| -> Vec<Cause> {
                let kinds = weighed.criteria().map(Some).chain([None]);
                kinds.flat_map(|criteria| among(weighed, criteria, node).causes).collect()
            };
            let by_stamp = |entry: Arc<Entry>| (entry.stamp, entry.notification.id);
            let closing = weighed.iter().filter(|_| n.status == Some(Status::Available)).flat_map(closing);
            let in_force = weighed.iter().flat_map(Weighed::in_force);
            [in_force.map(by_stamp).collect(), closing.map(|cause| by_stamp(cause.entry)).collect()]
        };
        // What is dropped or replaced, and closings of monitors that an opening silences.
        let (was, is) = (counting(before), counting(&after));
        let mut replaced: BTreeMap<Stamp, Uuid> = BTreeMap::new();
        for (was, is) in was.into_iter().zip(&is) {
            replaced.extend(was.into_iter().filter(|(stamp, _)| !is.contains_key(stamp)));
        }
        let mut replaces: Vec<Uuid> = replaced.into_values().collect();
        replaces.sort();
        Some(Self { counts: after.get(&entry.stamp).is_some(), entry, effects, replaces, clock })
    }
}
