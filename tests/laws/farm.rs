//! What a farm could have said: generated acts, turned into entries.
//!
//! Two applications, two resources, the system; two operators, three reporters, and two speakers of a
//! kind that this version does not know; three criteria, and four with what it does not know in them;
//! times on a grid of 10 ms with δ = 15 ms and lapse = 50 ms, so that nearly every comparison of
//! the rules is an equality in some case. Only what can arise is made:
//!
//! - a cancel comes from the speaker of its plan, with its targets, criteria and times, and a newer
//!   stamp: the initial node knows the plan when it accepts the cancel, and its clock has seen it;
//! - the times of plans are in order (begin after the stamp, end after the beginning): submissions
//!   that are not are refused. With a plan that ends before it begins, `upcoming` would lose it by
//!   rule 4;
//! - one id is one content.

use std::{sync::Arc, time::Duration};

use forewarn::availability::{
    Criteria, Entry, Moment, Name, NodeId, Notification, Priority, Reason, Restore, Rules, Source, Status, Target,
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::naive::{Application, Ask, Constants};

pub const DELTA: i64 = 15;
pub const LAPSE: i64 = 50;
const BASE: i64 = 1_000_000;
const UNIT: i64 = 10;

/// δ and lapse for the naive side.
pub const CONSTANTS: Constants = Constants { delta: DELTA, lapse: LAPSE };

/// δ and lapse for the crate.
pub fn rules() -> Rules {
    Rules {
        max_clock_skew: Duration::from_millis(DELTA.unsigned_abs()),
        lapse: Duration::from_millis(LAPSE.unsigned_abs()),
    }
}

/// The instant this many units after the beginning of the farm.
pub fn grid(units: u8) -> i64 {
    BASE + i64::from(units) * UNIT
}

/// Every kind of request that the criteria tell apart.
pub const ASKS: [Ask; 5] = [
    Ask { method: "GET", path: "/mail/inbox", node: "a" },
    Ask { method: "GET", path: "/mail/inbox", node: "b" },
    Ask { method: "POST", path: "/mail/send", node: "b" },
    Ask { method: "POST", path: "/chat", node: "a" },
    Ask { method: "GET", path: "/chat", node: "b" },
];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The targets by their bit.
pub fn all_targets() -> [Target; 5] {
    [
        Target::System,
        Target::Application(name("mail")),
        Target::Application(name("chat")),
        Target::Resource(name("db")),
        Target::Resource(name("disk")),
    ]
}

/// Mail uses both resources, chat one of them.
pub fn applications(agree: usize, resource_agree: usize) -> [Application; 2] {
    let [_, mail, chat, db, disk] = all_targets();
    [
        Application { name: mail, agree, uses: vec![(db.clone(), resource_agree), (disk, 1)] },
        Application { name: chat, agree: 1, uses: vec![(db, resource_agree)] },
    ]
}

/// What somebody does.
#[derive(Debug, Clone)]
pub enum What {
    Open,
    /// At once, or since some units ago; back so many units after the stamp.
    Degrade {
        since: Option<u8>,
        back: Option<i8>,
        automatic: bool,
    },
    /// At once, or since some units ago; back so many units after the stamp. That may lie before it:
    /// the end was checked against a clock that the stamps of others are ahead of.
    Close {
        since: Option<u8>,
        back: Option<i8>,
        automatic: bool,
    },
    /// Begins so many units after the stamp, lasts so many.
    Plan {
        ahead: u8,
        lasts: Option<u8>,
        automatic: bool,
    },
    /// Takes one of the plans so far back.
    Cancel {
        which: prop::sample::Index,
    },
    /// Takes one back and says something else in its place, at the same time.
    Replace {
        which: prop::sample::Index,
        ahead: u8,
        lasts: Option<u8>,
        automatic: bool,
    },
}

/// One act: what, who, where, about which requests, when.
#[derive(Debug, Clone)]
pub struct Act {
    what: What,
    /// 0 and 1: operators; 2 to 4: reporters; 5 and 6: a newer version's operator and reporter.
    speaker: u8,
    /// Bits of [`all_targets`].
    targets: u8,
    criteria: u8,
    /// With a restore and a priority of a newer version.
    newer: bool,
    time: u8,
    counter: u8,
    /// Who stamps it; 0: it brought its own time, and may be handed in at two nodes.
    node: u8,
    twice: bool,
}

fn what() -> impl Strategy<Value = What> {
    let ending = || (prop::option::weighted(0.7, 1u8..5), any::<bool>());
    prop_oneof![
        4 => Just(What::Open),
        2 => (prop::option::weighted(0.3, 0u8..5), prop::option::weighted(0.7, -2i8..5), any::<bool>())
            .prop_map(|(since, back, automatic)| What::Degrade { since, back, automatic }),
        5 => (prop::option::weighted(0.3, 0u8..5), prop::option::weighted(0.7, -2i8..5), any::<bool>())
            .prop_map(|(since, back, automatic)| What::Close { since, back, automatic }),
        4 => (1u8..9, ending()).prop_map(|(ahead, (lasts, automatic))| What::Plan { ahead, lasts, automatic }),
        2 => any::<prop::sample::Index>().prop_map(|which| What::Cancel { which }),
        1 => (any::<prop::sample::Index>(), 0u8..9, ending())
            .prop_map(|(which, ahead, (lasts, automatic))| What::Replace { which, ahead, lasts, automatic }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let targets = prop_oneof![3 => Just(2u8), 4 => (0u8..5).prop_map(|bit| 1 << bit), 3 => 1u8..32];
    let criteria = prop_oneof![6 => Just(0u8), 6 => 1u8..4, 3 => 4u8..8];
    let speaker = prop_oneof![6 => 0u8..5, 1 => 5u8..7];
    (what(), speaker, targets, criteria, prop::bool::weighted(0.15), 0u8..15, 0u8..2, 0u8..3, any::<bool>()).prop_map(
        |(what, speaker, targets, criteria, newer, time, counter, node, twice)| Act {
            what,
            speaker,
            targets,
            criteria,
            newer,
            time,
            counter,
            node,
            twice,
        },
    )
}

/// Up to so many acts; in a third of the cases all of them on one target, by the operators and one
/// reporter, about all requests, one kind or one that nobody here can tell, so that long chains of
/// words meet.
pub fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let wide = || prop::collection::vec(act(), 1..=most);
    let narrow = wide().prop_map(|mut acts| {
        for act in &mut acts {
            let criteria = if act.criteria < 4 { act.criteria.min(1) } else { 4 };
            (act.targets, act.speaker, act.criteria) = (2, act.speaker % 3, criteria);
        }
        acts
    });
    prop_oneof![2 => wide(), 1 => narrow]
}

fn criteria(which: u8) -> Option<Criteria> {
    let value = match which {
        0 => return None,
        1 => json!({"methods": ["GET"]}),
        2 => json!({"paths": ["/mail/*"]}),
        3 => json!({"nodes": ["a"]}),
        4 => json!({"moon": ["full"]}),
        5 => json!({"moon": ["new"]}),
        6 => json!({"methods": ["GET"], "moon": ["full"]}),
        _ => json!({"methods": {"not": ["GET"]}}),
    };
    // As peers give them: a submission with the last four is refused.
    Some(serde_json::from_value(value).unwrap())
}

/// An immediate opening by an operator, to be changed by whoever asks for it.
pub fn blank(id: u128, at: i64, targets: Vec<Target>) -> Notification {
    Notification {
        id: Uuid::from_u128(id),
        timestamp: Moment::from_millis(at),
        targets,
        status: Some(Status::Available),
        degraded: false,
        cancels: None,
        replaces: None,
        reason: Reason::default(),
        component: None,
        message: None,
        goes_down_at: None,
        last_entry_seconds: None,
        schedule: None,
        expected_back_at: None,
        restore: Restore::Manual,
        criteria: None,
        priority: Priority::Normal,
        operator: Some("alice".to_owned()),
        source: Source::Operator,
        reporter: None,
        node: name("a"),
        extra: serde_json::Map::new(),
    }
}

/// A cancel of this plan, by its speaker.
pub fn cancel_of(plan: &Notification, id: u128, at: i64) -> Notification {
    Notification {
        id: Uuid::from_u128(id),
        timestamp: Moment::from_millis(at),
        status: None,
        cancels: Some(plan.id),
        replaces: None,
        ..plan.clone()
    }
}

/// Makes `n` the word of a reporter.
pub fn by_reporter(mut n: Notification, reporter: &str) -> Notification {
    (n.operator, n.source, n.reporter) = (None, Source::Monitor, Some(reporter.to_owned()));
    n
}

fn say(act: &Act, id: u128) -> Notification {
    let at = grid(act.time);
    let targets = all_targets().into_iter().enumerate().filter(|(bit, _)| act.targets & (1 << bit) != 0);
    let mut n = blank(id, at, targets.map(|(_, target)| target).collect());
    n.targets.sort();
    n.criteria = criteria(act.criteria);
    match act.speaker {
        0 => {}
        1 => n.operator = Some("bob".to_owned()),
        5 => n.source = "robot".parse().unwrap(),
        6 => {
            n = by_reporter(n, "a/probe");
            n.source = "robot".parse().unwrap();
        }
        other => n = by_reporter(n, ["a/probe", "b/probe", "token/ci"][usize::from(other) - 2]),
    }
    let (begins, back, automatic) = match act.what {
        What::Open | What::Cancel { .. } => return n,
        What::Close { since, back, automatic } | What::Degrade { since, back, automatic } => {
            let back = back.map(|units| at + i64::from(units) * UNIT);
            (since.map(|units| at - i64::from(units) * UNIT), back, automatic)
        }
        What::Plan { ahead, lasts, automatic } | What::Replace { ahead, lasts, automatic, .. } => {
            let begins = at + i64::from(ahead) * UNIT;
            (Some(begins), lasts.map(|units| begins + i64::from(units) * UNIT), automatic)
        }
    };
    n.degraded = matches!(act.what, What::Degrade { .. });
    n.status = Some(if n.degraded { Status::Available } else { Status::Unavailable });
    n.goes_down_at = begins.map(Moment::from_millis);
    n.expected_back_at = back.map(Moment::from_millis);
    // Automatic without an end is refused on submit.
    n.restore = if automatic && back.is_some() { Restore::Automatic } else { Restore::Manual };
    if act.newer {
        (n.restore, n.priority) = ("by-steps".parse().unwrap(), "urgent".parse().unwrap());
    }
    n
}

/// Everything that these acts make known, in the order of the acts.
pub fn entries(acts: &[Act]) -> Vec<Arc<Entry>> {
    let mut made: Vec<Arc<Entry>> = Vec::new();
    let push = |made: &mut Vec<Arc<Entry>>, act: &Act, counter: u32, n: Notification| {
        let node = if act.node == 0 { NodeId::NONE } else { NodeId(Uuid::from_u128(act.node.into())) };
        let entry = Entry::stamped(n, if act.node == 0 { 0 } else { counter }, node);
        if act.node == 0 && act.twice {
            let mut twin = (*entry).clone();
            twin.notification.node = name("b");
            made.push(Arc::new(twin));
        }
        made.push(entry);
    };
    for (at, act) in acts.iter().enumerate() {
        let id = |part: u128| (at as u128) * 2 + part + 1;
        let mut act = act.clone();
        if let What::Cancel { which } | What::Replace { which, .. } = &act.what {
            let plans: Vec<&Arc<Entry>> = made.iter().filter(|entry| entry.notification.is_plan()).collect();
            if plans.is_empty() {
                continue;
            }
            let plan = Arc::clone(plans[which.index(plans.len())]);
            // A node's own stamp is above what it has seen; a time of one's own must be later.
            let least = (plan.stamp.time.millis() - BASE) / UNIT + i64::from(act.node == 0);
            act.time = act.time.max(u8::try_from(least).unwrap());
            let counter = plan.stamp.counter + 1 + u32::from(act.counter);
            push(&mut made, &act, counter, cancel_of(&plan.notification, id(0), grid(act.time)));
            if matches!(act.what, What::Replace { .. }) {
                let mut new = say(&act, id(1));
                new.replaces = Some(plan.notification.id);
                push(&mut made, &act, counter + 1, new);
            }
        } else {
            push(&mut made, &act, act.counter.into(), say(&act, id(0)));
        }
    }
    made
}
