//! The crate's verdict, from a ledger that drops what is dead, is the naive one over everything
//! that was ever said: for every request, at every instant at which anything could change.

use std::{collections::BTreeSet, sync::Arc};

use forewarn::availability::{
    Entry, Ledger, Moment, Name, NoHeaders, RequestFacts, Stamp, Target,
    verdict::{Definition, Layer, View, alone},
};
use proptest::prelude::*;

use crate::{
    cases,
    farm::{ASKS, CONSTANTS, DELTA, LAPSE, acts, applications, entries, grid, rules},
    naive::{Application, Ask, Naive, Outcome},
};

const SEEDS: &str = "tests/laws/proptest-regressions/verdicts.txt";

/// What the crate looks at in this request.
pub fn facts(ask: &Ask) -> RequestFacts<'static> {
    RequestFacts { method: ask.method, path: ask.path, query: "", headers: &NoHeaders, client: None, node: ask.node }
}

fn name(target: &Target) -> Name {
    match target {
        Target::Application(name) | Target::Resource(name) => name.clone(),
        Target::System => unreachable!("has no name"),
    }
}

fn definition(application: &Application) -> Definition {
    // In the wrong order on purpose: causes are named by name.
    let uses = application.uses.iter().rev().map(|(resource, _)| name(resource)).collect();
    Definition { name: name(&application.name), uses, agree: application.agree }
}

/// What a ledger has on this application.
pub fn view(ledger: &Ledger, application: &Application) -> (View, Definition) {
    let definition = definition(application);
    let agree =
        |wanted: &Name| application.uses.iter().find(|(r, _)| name(r) == *wanted).map_or(1, |(_, agree)| *agree);
    (View::of(ledger, &definition, agree), definition)
}

/// The crate's verdict in the naive side's terms.
pub fn outcome((view, definition): &(View, Definition), ask: &Ask, now: i64) -> Outcome {
    let verdict = view.decide(definition, &facts(ask), Moment::from_millis(now));
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

/// Every verdict and every list of plans, at every instant and for every request, is the naive one;
/// and nothing changes before the crate says it may.
pub fn assert_as_naive(ledger: &Ledger, naive: &Naive, all: &[Arc<Entry>], agree: (usize, usize)) {
    let instants = instants(all, naive.limit());
    for application in applications(agree.0, agree.1) {
        let view = view(ledger, &application);
        // What was true at the last instant, and until when at least.
        let mut last: Option<(Vec<Outcome>, Vec<Stamp>, Option<Moment>)> = None;
        for now in &instants {
            let told: Vec<Outcome> = ASKS.iter().map(|ask| outcome(&view, ask, *now)).collect();
            for (ask, told) in ASKS.iter().zip(&told) {
                assert_eq!(told, &naive.verdict(&application, ask, *now), "{:?} {ask:?} at {now}", application.name);
            }
            if view.0.is_uniform() {
                assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "uniform, but not for these requests");
            }
            let upcoming = stamps(&view.0.upcoming(Moment::from_millis(*now)));
            assert_eq!(upcoming, naive.upcoming(&application, *now), "upcoming at {now}");
            let clock = rules().clock(Moment::from_millis(*now), ledger.limit());
            if let Some((before, plans, until)) = &last
                && until.is_none_or(|until| clock < until)
            {
                assert_eq!((before, plans), (&told, &upcoming), "changed before next_change, at {now}");
            }
            let next = view.0.next_change(clock);
            assert!(next.is_none_or(|next| next > clock), "next_change has passed already");
            last = Some((told, upcoming, next));
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
                let words = ledger.words(resource).cloned().unwrap_or_default();
                let told = alone(&words, resource, agree, &facts(ask), rules(), clock);
                let causes: Vec<Stamp> = told.causes.iter().map(|cause| cause.entry.stamp).collect();
                let expected = naive.verdict(&nobody, ask, now).causes;
                let of_resource = expected.iter().filter(|(target, ..)| target == resource).map(|(_, stamp, _)| *stamp);
                prop_assert_eq!(causes, of_resource.collect::<Vec<_>>());
            }
        }
    }
}
