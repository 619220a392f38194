//! What `why` says of a word is true: each reason is tried against the naive side, which has its own
//! idea of it, and against what happens without the word.

use std::collections::BTreeSet;

use forewarn::availability::{Because, Says, Stamp, Target, Weighed};

use crate::{
    naive::{Application, Ask, Naive, Outcome},
    verdicts::told_of,
};

/// Every word that is left on what the application needs is considered once on each of its targets; those
/// that are said to close are the causes of the verdict (`expected` by the naive side) and nothing else is;
/// and each reason holds.
pub fn assert_true(
    weighed: &Weighed,
    naive: &Naive,
    application: &Application,
    ask: &Ask,
    (now, expected): (i64, &Outcome),
) {
    let (verdict, considered) = weighed.explain(&ask.facts());
    assert_eq!(told_of(&verdict), *expected, "explained otherwise than decided");
    let mut closing: BTreeSet<(Target, Stamp)> =
        expected.causes.iter().map(|(target, stamp, _)| (target.clone(), *stamp)).collect();
    let mut seen = BTreeSet::new();
    for (at, one) in considered.iter().enumerate() {
        let target: Target = match one.layer.as_str() {
            "own" => application.name.clone(),
            other => other.parse().unwrap(),
        };
        let (stamp, because) = (*one.word.stamp(), &one.because);
        assert!(seen.insert((target.clone(), stamp)), "considered twice");
        let closes = closing.remove(&(target.clone(), stamp));
        assert_eq!(*because == Because::Closes, closes, "{because:?} of {stamp:?} on {target} at {now}");
        let advises = expected.advisories.contains(&(target.clone(), stamp));
        assert_eq!(*because == Because::Advises, advises, "{because:?} of {stamp:?} on {target} at {now}");
        assert!(
            naive.holds(because, (application, &target), &stamp, ask, now),
            "{because:?} of {stamp:?} on {target} at {now}, for {ask:?}"
        );
        // Without a closing that is said to make no difference, everybody would be told the same. (One that
        // is over or silenced may have replaced what would count again.) Costly: not each of them each time.
        let idle = !matches!(because, Because::Closes | Because::Over(_) | Because::Silenced);
        if idle && one.word.says == Says::Closing && (at + now.unsigned_abs() as usize).is_multiple_of(8) {
            let told = naive.without(&stamp, &target).verdict(application, ask, now);
            // One that closes too little still has taken the place of what its speaker said before.
            let decides = matches!(because, Because::TooFew { .. } | Because::OpenedLater);
            let same = told == *expected || (decides && told.causes == expected.causes);
            assert!(same, "{because:?} is said of {stamp:?}, which makes a difference: {told:?} {expected:?}");
        }
    }
    assert!(closing.is_empty(), "causes that nobody has considered: {closing:?}");
}
