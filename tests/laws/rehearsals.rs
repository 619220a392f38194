//! What a preview foretells is what the gate does: the verdict by the naive rules over everything that was said,
//! the new notification included, at the instant at which it takes effect.

use std::{collections::BTreeSet, sync::Arc};

use forewarn::{
    answer::{Rehearsal, is_general},
    availability::{
        Ledger, Moment,
        verdict::{Definition, Use},
    },
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    cases,
    farm::{ASKS, CONSTANTS, acts, applications, entries, grid, rules},
    naive::{Ask, Naive, Outcome},
    verdicts::{name, told_of},
};

const SEEDS: &str = "tests/laws/proptest-regressions/rehearsals.txt";

proptest! {
    #![proptest_config(cases(3_000, SEEDS))]

    #[test]
    fn what_is_foretold_is_what_the_gate_does(acts in acts(12), now in 0u8..40, agree in 1usize..4) {
        let all = entries(&acts);
        let Some((new, said)) = all.split_last() else { return Ok(()) };
        let mut ledger = Ledger::new(rules());
        said.iter().for_each(|entry| _ = ledger.admit(entry));
        let applications = applications(agree, 2);
        let definitions: Vec<Definition> = applications
            .iter()
            .map(|one| Definition {
                name: name(&one.name),
                uses: one.uses.iter().map(|(used, agree)| Use { resource: name(used), agree: *agree }).collect(),
                agree: one.agree,
            })
            .collect();
        let now = Moment::from_millis(grid(now));
        let foretold = Rehearsal::of(&ledger, &[Arc::clone(new)], &definitions, &"a".parse().unwrap(), now).unwrap();

        let n = &new.notification;
        let at = if n.is_plan() { now.max(n.since()) } else { now }.millis();
        let (before, after) = (Naive::new(CONSTANTS, 0, said), Naive::new(CONSTANTS, 0, &all));
        // The farm's clock may be ahead of this node's; both verdicts are for the instant at which it counts.
        let at = at.max(after.limit() - 2 * CONSTANTS.delta);
        for application in &applications {
            let Some(effect) = foretold.effects.get(&name(&application.name)) else {
                let ask = &ASKS[0];
                let causes = |naive: &Naive| naive.verdict(application, ask, at).causes;
                prop_assert_eq!(causes(&before), causes(&after), "it is not about this application");
                continue;
            };
            // Requests that its criteria match, and no others but those that speak about all requests of a node.
            let named = n.criteria.as_ref().map(|criteria| criteria.nodes()).unwrap_or_default();
            let node = named.iter().map(|name| name.as_str()).min_by_key(|name| *name != "a").unwrap_or("a");
            let own = |ask: &&Ask| {
                all.iter().all(|entry| {
                    let criteria = entry.notification.criteria.as_ref();
                    ask.fits(entry) == (criteria == n.criteria.as_ref() || is_general(criteria, node))
                })
            };
            for ask in ASKS.iter().filter(own) {
                let (was, is) = (before.verdict(application, ask, at), after.verdict(application, ask, at));
                prop_assert_eq!(&told_of(&effect.before), &was);
                prop_assert_eq!(&told_of(&effect.after), &is);
                let closes = |outcome: &Outcome| outcome.causes.iter().any(|(_, stamp, _)| *stamp == new.stamp);
                prop_assert_eq!(effect.closes(new).is_some(), closes(&is));
                prop_assert_eq!(effect.opens(), !was.causes.is_empty() && is.causes.is_empty());
            }
        }
        // Whatever closed something without it, and does not with it, has been replaced or was opened in one place.
        let replaced: BTreeSet<Uuid> = foretold.replaces.iter().copied().collect();
        prop_assert!(!replaced.contains(&n.id) || !foretold.counts);
        let settles = n.criteria.is_none() && !n.is_plan();
        for application in applications.iter().filter(|one| n.targets.contains(&one.name) && settles) {
            for ask in &ASKS {
                let own = |naive: &Naive| -> BTreeSet<Uuid> {
                    let causes = naive.verdict(application, ask, at).causes;
                    let own = causes.into_iter().filter(|(target, ..)| *target == application.name);
                    own.filter_map(|(_, stamp, _)| all.iter().find(|entry| entry.stamp == stamp)).map(|entry| entry.notification.id).collect()
                };
                let gone: BTreeSet<Uuid> = own(&before).difference(&own(&after)).copied().collect();
                let told = gone.is_subset(&replaced);
                prop_assert!(told || application.agree > 1, "{gone:?} of {replaced:?}");
            }
        }
    }
}
