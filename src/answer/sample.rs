//! The answer that users of an application would get, to be looked at by operators.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{Decision, Denial, Snapshot, general::nothing_but};
use crate::availability::{Entry, Ledger, Moment, NodeId, Notification, Rules, verdict::View};

const HOUR: Duration = Duration::from_secs(3_600);

/// The denial of an application that is closed; for one that is open, an example: planned maintenance of three
/// hours, one of which has passed.
pub fn sample(snapshot: &Snapshot, clock: Moment) -> Option<Arc<Denial>> {
    let request = nothing_but(snapshot.node().as_str());
    let decided = |snapshot: &Snapshot| match snapshot.decide(&request, clock) {
        Decision::Closed(denial) => Some(denial),
        Decision::Open(_) => None,
    };
    decided(snapshot).or_else(|| {
        let notification = json!({
            "id": uuid::Uuid::nil(), "timestamp": clock.before(HOUR), "status": "unavailable",
            "targets": [format!("application:{}", snapshot.app().name())], "source": "operator", "node": snapshot.node(),
            "reason": "planned-maintenance", "reason_code": 1, "expected_back_at": clock.after(2 * HOUR),
            "component": "An example", "message": "This is an example: the application is not closed now.",
        });
        let notification: Notification = serde_json::from_value(notification).ok()?;
        let mut ledger = Ledger::new(Rules::default());
        ledger.admit(&Entry::stamped(notification, 0, NodeId::NONE));
        let view = View::of(&ledger, &snapshot.app().definition);
        decided(&Snapshot::build(Arc::clone(snapshot.app()), snapshot.node().clone(), view, clock))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        answer::fixtures::{after, entry, four, snapshot},
        text::english,
    };

    #[test]
    fn what_is_closed_is_shown_and_what_is_open_has_an_example() {
        let closed =
            sample(&snapshot([entry(json!({"reason": "testing", "reason_code": 3}))], four()), four()).unwrap();
        assert!(closed.detail(english()).starts_with("Mail is down for testing."));
        let example = sample(&snapshot([], four()), four()).unwrap();
        assert_eq!((example.since(), example.expected_back_at()), (four().before(HOUR), Some(after(7_200))));
    }
}
