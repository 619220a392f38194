//! What the bar of an application's own pages says (docs/contract.md#the-script): that it is closed, or when it is
//! going to be. Two places are left for the reader's clock and zone: `{distance}` and `{back}`.

use serde_json::{Value, json};

use super::{Snapshot, general::general, is_general};
use crate::{availability::Moment, text::Language};

/// See the module. None: it is open, and nothing is planned for everybody.
pub fn bar_json(snapshot: &Snapshot, clock: Moment, language: &Language) -> Option<Value> {
    let (weighed, node, app) = (snapshot.weighed_at(clock), snapshot.node(), snapshot.app());
    let verdict = general(&weighed, node);
    let app = language.application(app.name().as_str(), &app.title);
    let tell = |id: &str, cause: &str| {
        language.tell(id, &[("app", &app), ("cause", cause), ("distance", "{distance}"), ("back", "{back}")])
    };
    if let Some(cause) = verdict.first() {
        let back = verdict.expected_back_at().filter(|back| *back > clock);
        let id = if back.is_some() { "bar-down-return" } else { "bar-down" };
        let text = tell(id, &language.cause(&cause.entry.notification.reason));
        return Some(json!({"down": true, "at": back, "back": back, "text": text}));
    }
    let upcoming = weighed.upcoming();
    let mut plans = upcoming.iter().map(|entry| &entry.notification);
    let plan = plans.find(|plan| is_general(plan.criteria.as_ref(), node.as_str()))?;
    let id = if plan.expected_back_at.is_some() { "bar-begins-return" } else { "bar-begins" };
    let text = tell(id, &language.cause(&plan.reason));
    Some(json!({"down": false, "at": plan.since(), "back": plan.expected_back_at, "text": text}))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        answer::fixtures::{after, entry, four, snapshot},
        text::Texts,
    };

    #[test]
    fn before_during_and_after() {
        let texts = Texts::default();
        let said = |members: Value, tag: &str| {
            bar_json(&snapshot([entry(members)], four()), four(), texts.wanted([tag.as_bytes()]))
        };
        let plan = said(json!({"goes_down_at": after(600), "expected_back_at": after(1_200)}), "en").unwrap();
        assert_eq!(
            plan,
            json!({"down": false, "at": after(600), "back": after(1_200),
                "text": "Mail goes down {distance} (planned maintenance) and is expected back at {back}."})
        );
        let down = said(json!({"expected_back_at": after(60)}), "de").unwrap();
        assert_eq!(
            (&down["down"], &down["text"]),
            (
                &json!(true),
                &json!("Mail ist nicht verfügbar (geplante Wartung), voraussichtlich wieder da: {distance}.")
            )
        );
        assert_eq!(said(json!({}), "en").unwrap()["text"], "Mail is down (planned maintenance).");
        assert_eq!(said(json!({"criteria": {"methods": ["POST"]}}), "en"), None);
    }
}
