//! The crate's verdict, from a ledger that drops what is dead, is the naive one over everything
//! that was ever said: for every request, at every instant at which anything could change.

use std::{collections::BTreeSet, sync::Arc};

use forewarn::availability::{
    Entry, Ledger, Moment, Name, Stamp, Target, Weighed,
    verdict::{Definition, Layer, Use, Verdict, View},
};
use proptest::prelude::*;

use crate::{
    because, cases,
    farm::{ASKS, CONSTANTS, DELTA, LAPSE, acts, applications, entries, grid, rules},
    naive::{Application, Ask, Naive, Outcome},
};

const SEEDS: &str = "tests/laws/proptest-regressions/verdicts.txt";

/// The name of an application or a resource.
pub fn name(target: &Target) -> Name {
    match target {
        Target::Application(name) | Target::Resource(name) => name.clone(),
        Target::System => unreachable!("has no name"),
    }
}

/// What a ledger has on this application.
pub fn view(ledger: &Ledger, application: &Application) -> View {
    // In the wrong order on purpose: causes are named by name.
    let uses = application.uses.iter().rev().map(|(resource, agree)| Use { resource: name(resource), agree: *agree });
    let definition = Definition { name: name(&application.name), uses: uses.collect(), agree: application.agree };
    View::of(ledger, &definition)
}

/// The same, weighed at this instant.
pub fn weighed(ledger: &Ledger, application: &Application, now: i64) -> Weighed {
    view(ledger, application).weigh(ledger.rules().clock(Moment::from_millis(now), ledger.limit()))
}

/// The crate's verdict in the naive side's terms.
pub fn outcome(weighed: &Weighed, ask: &Ask) -> Outcome {
    told_of(&weighed.decide(&ask.facts()))
}

/// A verdict in the naive side's terms.
pub fn told_of(verdict: &Verdict) -> Outcome {
    assert_eq!(verdict.is_open(), verdict.causes.is_empty());
    for cause in &verdict.causes {
        let expected = match cause.target {
            Target::Application(_) => Layer::Own,
            Target::System => Layer::System,
            Target::Resource(_) => Layer::Resource,
        };
        assert_eq!(cause.layer, expected);
    }
    Outcome {
        causes: verdict.causes.iter().map(|c| (c.target.clone(), c.entry.stamp, c.since.millis())).collect(),
        since: verdict.since().map(Moment::millis),
        back: verdict.expected_back_at().map(Moment::millis),
        advisories: verdict.advisories.iter().map(|c| (c.target.clone(), c.entry.stamp)).collect(),
    }
}

/// Every instant at which something could change, one millisecond before and after, and the ends of
/// the world.
fn instants(all: &[Arc<Entry>], limit: i64) -> Vec<i64> {
    let mut edges = BTreeSet::from([0, limit, limit - 2 * DELTA, limit + 2 * DELTA, grid(200)]);
    for entry in all {
        let n = &entry.notification;
        edges.extend([entry.stamp.time.millis(), entry.stamp.time.millis() + LAPSE]);
        edges.extend([n.goes_down_at, n.expected_back_at].into_iter().flatten().map(Moment::millis));
    }
    let around = |edge: &i64| [edge - 1, *edge, edge + 1];
    edges.iter().flat_map(around).filter(|at| *at >= 0).collect::<BTreeSet<_>>().into_iter().collect()
}

fn stamps(plans: &[Arc<Entry>]) -> Vec<Stamp> {
    plans.iter().map(|plan| plan.stamp).collect()
}

/// Every verdict, every list of plans and every reason, at every instant and for every request, is the
/// naive one; and what was weighed at one instant is true of every other one that it is said to hold at.
pub fn assert_as_naive(ledger: &Ledger, naive: &Naive, all: &[Arc<Entry>], agree: (usize, usize)) {
    let instants = instants(all, naive.limit());
    let living = naive.living();
    for application in applications(agree.0, agree.1) {
        let view = view(ledger, &application);
        let mut seen: Vec<(Moment, Weighed, Vec<Outcome>, Vec<Stamp>)> = Vec::new();
        for (at, now) in instants.iter().enumerate() {
            let clock = rules().clock(Moment::from_millis(*now), ledger.limit());
            let weighed = view.weigh(clock);
            assert!(weighed.holds_at(clock) && weighed.until().is_none_or(|until| until > clock));
            let told: Vec<Outcome> = ASKS.iter().map(|ask| outcome(&weighed, ask)).collect();
            for (which, (ask, told)) in ASKS.iter().zip(&told).enumerate() {
                assert_eq!(told, &naive.verdict(&application, ask, *now), "{:?} {ask:?} at {now}", application.name);
                // Costly: every request at some of the instants.
                if at % 7 == which {
                    because::assert_true(&weighed, &living, &application, ask, (*now, told));
                }
            }
            if weighed.criteria().next().is_none() {
                assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "uniform, but not for these requests");
            }
            let upcoming = stamps(&weighed.upcoming());
            assert_eq!(upcoming, naive.upcoming(&application, *now), "upcoming at {now}");
            seen.push((clock, weighed, told, upcoming));
        }
        for (_, weighed, told, upcoming) in &seen {
            for (_, _, then, plans) in seen.iter().filter(|(clock, ..)| weighed.holds_at(*clock)) {
                assert_eq!((told, upcoming), (then, plans), "changed within the time that it was said to hold for");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(8_000, SEEDS))]

    #[test]
    fn no_verdict_differs_from_the_naive_one_over_everything_ever_said(
        (all, told) in acts(14).prop_flat_map(|acts| {
            let all = entries(&acts);
            (Just(all.clone()), Just(all).prop_shuffle())
        }),
        limit in 0u8..24, agree in 1usize..4, resource_agree in 1usize..3,
    ) {
        let naive = Naive::new(CONSTANTS, grid(limit), &all);
        let mut ledger = Ledger::new(rules());
        for entry in &told {
            ledger.admit(entry);
        }
        ledger.advance(Moment::from_millis(grid(limit)));
        assert_as_naive(&ledger, &naive, &all, (agree, resource_agree));
    }

    #[test]
    fn one_target_alone_is_an_application_that_nothing_else_touches(acts in acts(10), agree in 1usize..3) {
        let all = entries(&acts);
        let naive = Naive::new(CONSTANTS, 0, &all);
        let mut ledger = Ledger::new(rules());
        for entry in &all {
            ledger.admit(entry);
        }
        // The naive side asks about an application that nobody mentions, so that one layer is left.
        let [mail, _] = applications(agree, agree);
        let (resource, _) = &mail.uses[0];
        let nobody = Application { name: "application:nobody".parse().unwrap(), agree: 1, uses: vec![(resource.clone(), agree)] };
        for now in instants(&all, naive.limit()) {
            let clock = rules().clock(Moment::from_millis(now), ledger.limit());
            for ask in &ASKS {
                let told = View::alone(&ledger, resource.clone(), agree).weigh(clock).decide(&ask.facts());
                let causes: Vec<Stamp> = told.causes.iter().map(|cause| cause.entry.stamp).collect();
                let expected = naive.verdict(&nobody, ask, now).causes;
                let of_resource = expected.iter().filter(|(target, ..)| target == resource).map(|(_, stamp, _)| *stamp);
                prop_assert_eq!(causes, of_resource.collect::<Vec<_>>());
            }
        }
    }
}
