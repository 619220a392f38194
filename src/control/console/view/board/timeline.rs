//! The last 24 hours and the next 7 days of an application, as a bar: what was closed, and what is planned.
//!
//! Must stay true: what colours and places say is also said in words; the bar takes a bounded number of bytes,
//! however many plans there are; it changes every few minutes, not with every look.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    availability::{Entry, Moment, Name},
    control::console::when::{self, Face},
    outside::Record,
};

/// The bar is so wide; the present is at `NOW`. An hour of the past is three steps, one of the future a step.
pub(super) const WIDTH: u64 = 240;
const NOW: u64 = 72;
/// So far back.
pub(crate) const BACK: Duration = Duration::from_secs(24 * 3_600);
const AHEAD: Duration = Duration::from_secs(7 * 86_400);
const HOUR: u64 = 3_600;

/// A time in which an application was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    from: Moment,
    until: Moment,
    planned: bool,
}

/// When each application was closed, as far as the history of this node goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past(HashMap<Name, Vec<Closed>>);

impl Past {
    /// Of a record about these applications.
    pub(crate) fn new(record: &Record, applications: &[Name], now: Moment) -> Self {
        let mut past: HashMap<Name, Vec<Closed>> = HashMap::new();
        for outage in &record.outages {
            let Some(name) = applications.get(outage.application) else { continue };
            let (from, until) = (outage.from.max(now.before(BACK)), outage.until.unwrap_or(now).min(now));
            if from < until {
                past.entry(name.clone()).or_default().push(Closed { from, until, planned: outage.planned });
            }
        }
        Self(past)
    }

    /// Of one application, by beginning.
    pub(super) fn of(&self, name: &Name) -> &[Closed] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// See the module. The paths are those of SVG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// What was closed without a plan: the whole height of the bar.
    pub down: String,
    /// What was or will be closed as planned: the lower half.
    pub planned: String,
    /// The same in words.
    pub words: String,
}

impl Timeline {
    /// Of what was, and of what is planned.
    pub(super) fn new(past: &[Closed], upcoming: &[Arc<Entry>], face: &Face) -> Self {
        let now = face.now;
        let back = |at: Moment| NOW - (now.since(at).as_secs() * 3).div_ceil(HOUR).min(NOW);
        let ahead = |at: Moment| NOW + (at.since(now).as_secs() / HOUR).min(WIDTH - NOW);
        let was = |planned: bool| {
            let closed = past.iter().filter(move |closed| closed.planned == planned);
            closed.map(|closed| (back(closed.from), back(closed.until)))
        };
        let end = now.after(AHEAD);
        let soon: Vec<Moment> = upcoming.iter().map(|plan| plan.notification.since()).filter(|at| *at < end).collect();
        let plans = upcoming.iter().map(|plan| &plan.notification).filter(|n| n.since() < end);
        let will_be = plans.map(|n| (ahead(n.since()), n.expected_back_at.map_or(WIDTH, ahead)));
        let down: u64 = past.iter().map(|closed| closed.until.since(closed.from).as_secs()).sum();
        let before = match down {
            0 => "available".to_owned(),
            seconds => format!("unavailable for {}", when::words(Duration::from_secs(seconds))),
        };
        let after = match (soon.len(), soon.iter().min()) {
            (1, Some(first)) => format!("1 plan, in {}", face.until(*first)),
            (n, Some(first)) => format!("{n} plans, the first in {}", face.until(*first)),
            (_, None) => "nothing planned".to_owned(),
        };
        Self {
            down: path(was(false), 0),
            planned: path(was(true).chain(will_be), 4),
            words: format!("Last 24 hours: {before}. Next 7 days: {after}."),
        }
    }
}

/// Rectangles from `top` to the bottom; those that touch become one.
fn path(spans: impl Iterator<Item = (u64, u64)>, top: u64) -> String {
    let mut spans: Vec<(u64, u64)> = spans.map(|(from, until)| (from.min(WIDTH - 1), until.max(from + 1))).collect();
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, until) in spans {
        match joined.last_mut() {
            Some((_, end)) if *end >= from => *end = until.max(*end),
            _ => joined.push((from, until)),
        }
    }
    joined.iter().map(|(from, until)| format!("M{from} {top}H{until}V8H{from}z")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{availability::Author, control::console::samples};
    use serde_json::json;

    fn closed(from: &str, until: &str, planned: bool) -> Closed {
        Closed { from: samples::at(from), until: samples::at(until), planned }
    }

    #[test]
    fn what_was_and_what_will_be_has_its_place_and_its_words() {
        let plan = |n, begins: &str, seconds: u32| {
            let value = json!({"targets": ["application:chat"], "status": "unavailable", "goes_down_at": begins, "duration_seconds": seconds});
            samples::entry(n, "2026-11-23T12:00:00Z", &Author::operator("bob"), &value)
        };
        // It is 16:40. The last hour of the past is three steps.
        let past = [closed("2026-11-23T15:40:00Z", "2026-11-23T16:40:00Z", false)];
        let upcoming = [
            plan(1, "2026-11-24T16:40:00Z", 7_200),
            plan(2, "2026-11-24T18:40:00Z", 60),
            plan(3, "2026-12-09T00:00:00Z", 60),
        ];
        let line = Timeline::new(&past, &upcoming, &samples::face());
        assert_eq!((line.down.as_str(), line.planned.as_str()), ("M69 0H72V8H69z", "M96 4H99V8H96z"));
        assert_eq!(line.words, "Last 24 hours: unavailable for 1 h. Next 7 days: 2 plans, the first in 1 day.");
        let calm = Timeline::new(&[], &[], &samples::face());
        assert_eq!(calm.words, "Last 24 hours: available. Next 7 days: nothing planned.");
        assert!(calm.down.is_empty() && calm.planned.is_empty());
    }

    #[test]
    fn a_bar_is_bounded_and_stays_within_its_width() {
        let all: Vec<Closed> = (0..5_000)
            .map(|n| {
                let from = samples::now().before(Duration::from_secs(86_400 - n * 17));
                Closed { from, until: from.after(Duration::from_secs(1)), planned: n % 2 == 0 }
            })
            .collect();
        let line = Timeline::new(&all, &[], &samples::face());
        assert!(line.down.len() + line.planned.len() < 2_000, "{line:?}");
        assert_eq!(path([(239, 240), (500, 600)].into_iter(), 0), "M239 0H600V8H239z", "cut off by its box");
    }
}
