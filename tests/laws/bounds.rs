//! A million submissions to ten applications leave a ledger that is bounded by its targets.

use std::{sync::Arc, time::Duration};

use forewarn::availability::{
    Criteria, Entry, Ledger, MAX_CANCELS, MAX_CRITERIA, MAX_PLANS, MAX_REPORTERS, Moment, NodeId, Notification,
    Restore, Rules, Stamp, Status, Target,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    chance::Chance,
    farm::{blank, by_reporter, cancel_of},
};

const SUBMISSIONS: u64 = 1_000_000;
const APPLICATIONS: u64 = 10;
/// Of one target: the operators keep, per criteria and without any, an opening and a later closing;
/// a reporter one word of either; plans and cancels have their own bound.
const PER_TARGET: usize = (MAX_CRITERIA + 1) * (2 + MAX_REPORTERS) + MAX_CANCELS;

/// Hashing a million contents would take longer than everything else: the number does as well.
fn stamped(n: Notification, number: u64) -> Arc<Entry> {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    let stamp = Stamp { time: n.timestamp, counter: 0, node: NodeId::NONE, hash };
    Arc::new(Entry { stamp, notification: n })
}

#[test]
fn a_million_submissions_to_ten_applications_leave_a_bounded_ledger() {
    let mut dice = Chance::new(42);
    // More of everything than the bounds allow. Nothing lapses: time does not help here.
    let kinds: Vec<Option<Criteria>> =
        (0..MAX_CRITERIA * 2).map(|at| Criteria::parse(&json!({"paths": [format!("/{at}/*")]})).unwrap()).collect();
    let targets: Vec<Target> = (0..APPLICATIONS).map(|at| format!("application:a{at}").parse().unwrap()).collect();
    let mut ledger =
        Ledger::new(Rules { max_clock_skew: Duration::from_secs(60), lapse: Duration::from_secs(1 << 30) });
    let (mut refused, mut greatest) = (std::collections::BTreeMap::new(), 0);
    let mut at = 1_700_000_000_000;
    let mut plan: Option<Notification> = None;
    for number in 0..SUBMISSIONS {
        // Half the submissions share a time with the one before.
        at += i64::try_from(dice.below(2)).unwrap();
        let target = &targets[usize::try_from(dice.below(APPLICATIONS)).unwrap()];
        let mut n = blank(number.into(), at, vec![target.clone()]);
        // Seldom something for all requests by an operator, which replaces nearly everything else.
        match if dice.below(2_000) == 0 { 16 } else { dice.below(16) } {
            0 => {
                // A plan, mostly for later than this test lasts; some end by themselves, soon.
                let soon = dice.below(4) == 0;
                let begins = at + if soon { 1_000 } else { 100_000_000 };
                n.status = Some(Status::Unavailable);
                n.goes_down_at = Some(Moment::from_millis(begins));
                n.expected_back_at = Some(Moment::from_millis(begins + 5_000));
                n.restore = if soon { Restore::Automatic } else { Restore::Manual };
            }
            1 | 2 if plan.is_some() => {
                // Takes the last plan back that was accepted.
                let last = plan.take().unwrap();
                n = cancel_of(&last, number.into(), at.max(last.timestamp.millis() + 1));
            }
            1..=6 => n.criteria = kinds[usize::try_from(dice.below(kinds.len() as u64)).unwrap()].clone(),
            7..=15 => n = by_reporter(n, &format!("r{}", dice.below(MAX_REPORTERS as u64 * 3 / 2))),
            _ => {}
        }
        if n.cancels.is_none() && n.goes_down_at.is_none() && dice.below(2) == 0 {
            n.status = Some(Status::Unavailable);
        }
        match ledger.check_bounds(&n) {
            Ok(()) => {
                if n.is_plan() {
                    plan = Some(n.clone());
                }
                ledger.admit(&stamped(n, number));
            }
            Err(full) => {
                let immediate = n.cancels.is_none() && !n.is_plan();
                let unlimited = n.criteria.is_none() && n.reporter.is_none();
                assert!(!(immediate && unlimited), "an operators' immediate word is always taken: {full}");
                assert!(n.cancels.is_none(), "a plan can always be taken back: {full}");
                *refused.entry(full.what).or_insert(0u32) += 1;
            }
        }
        greatest = greatest.max(ledger.len());
        if number % 50_000 == 0 {
            for (target, words) in ledger.targets() {
                // a glob compares by its text, whatever it has compiled
                #[allow(clippy::mutable_key_type)]
                let distinct: std::collections::BTreeSet<_> = words.iter().filter_map(|word| word.criteria()).collect();
                assert!(distinct.len() <= MAX_CRITERIA, "{target}: {} criteria", distinct.len());
                assert!(words.iter().filter(|word| word.plan).count() <= MAX_PLANS, "{target}: plans");
                assert!(words.reporters().count() <= MAX_REPORTERS, "{target}: reporters");
            }
        }
    }
    assert!(greatest <= targets.len() * PER_TARGET, "{greatest} entries");
    // All the bounds were met, so this was a trial of them.
    assert!(refused.len() == 4, "{refused:?}");
    assert!(greatest > targets.len() * MAX_REPORTERS, "{greatest} entries only");
    println!("at most {greatest} entries; refused: {refused:?}");
}

#[test]
fn a_full_target_says_of_what_and_takes_what_it_must() {
    let mut ledger = Ledger::new(Rules::default());
    let at = 1_700_000_000_000;
    let on_mail = |id: u128| {
        let mut n = blank(id, at, vec!["application:mail".parse().unwrap()]);
        n.status = Some(Status::Unavailable);
        n
    };
    let plan = |id: u128| Notification { goes_down_at: Some(Moment::from_millis(at + 3_600_000)), ..on_mail(id) };
    for id in 0..MAX_PLANS as u128 {
        ledger.check_bounds(&plan(id)).unwrap();
        ledger.admit(&Entry::stamped(plan(id), 0, NodeId::NONE));
    }
    let full = ledger.check_bounds(&plan(1_000)).unwrap_err();
    assert_eq!(full.to_string(), "application:mail has 64 open plans already, the most that are kept");
    // One that takes another's place, a cancel, and what people need in an outage, still are.
    ledger.check_bounds(&Notification { replaces: Some(Uuid::from_u128(3)), ..plan(1_000) }).unwrap();
    ledger.check_bounds(&cancel_of(&plan(3), 1_001, at + 1)).unwrap();
    ledger.check_bounds(&on_mail(1_002)).unwrap();
    assert!(ledger.check_bounds(&Notification { replaces: Some(Uuid::from_u128(2_000)), ..plan(1_000) }).is_err());
    // Taken back, it no longer counts as open; but it is remembered, and that has its bound, too.
    ledger.admit(&Entry::stamped(cancel_of(&plan(3), 1_001, at + 1), 0, NodeId::NONE));
    ledger.check_bounds(&plan(1_000)).unwrap();
    let mut last = 0;
    for id in (10_000..).step_by(2).take(2 * MAX_CANCELS) {
        last = id;
        if ledger.check_bounds(&plan(id)).is_err() {
            break;
        }
        ledger.admit(&Entry::stamped(plan(id), 0, NodeId::NONE));
        ledger.admit(&Entry::stamped(cancel_of(&plan(id), id + 1, at + 1), 0, NodeId::NONE));
    }
    assert_eq!(ledger.check_bounds(&plan(last)).unwrap_err().limit, MAX_CANCELS);
    assert!(ledger.len() <= MAX_CANCELS);
}
