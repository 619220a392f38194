//! A scenario dies at every crash point that there is. A point that is added without a scenario fails here.

use std::collections::BTreeSet;

use forewarn::store::crash::all_points;

use crate::{
    brokered, checkpointing, dying::expand, handing_in, meeting, merging, migrating, receiving, registering, slimming,
    starting, submitting, turned_away,
};

/// Migrations, with the one that exists for tests.
const MIGRATIONS: u32 = 4;

/// All points at which scenarios die, without counts.
fn covered() -> BTreeSet<String> {
    let lists = [
        submitting::ALL,
        receiving::ALL,
        brokered::ALL,
        checkpointing::ALL,
        registering::ALL,
        slimming::ALL,
        starting::ALL,
        merging::ALL,
        meeting::ALL,
        turned_away::ALL,
        migrating::ALL,
        handing_in::ALL,
    ];
    let all = lists.into_iter().flatten().flat_map(|points| expand(points));
    all.map(|point| point.split(':').next().unwrap().to_owned()).collect()
}

/// All points that a scenario can reach. The first layouts are made where there is nothing to back up, and history
/// is removed when it is 90 days old.
fn reachable() -> BTreeSet<String> {
    let is_first = |point: &str| (1..=3).any(|layout| point.starts_with(&format!("migration.{layout}.")));
    let is_too_early =
        |point: &str| point.starts_with("writer.prune.") || is_first(point) && point.ends_with("-backup");
    all_points(MIGRATIONS).into_iter().filter(|point| !is_too_early(point)).collect()
}

#[test]
fn a_scenario_dies_at_every_point() {
    if std::env::var_os("CRASH_POINT").is_some() {
        return;
    }
    let (there, covered) = (reachable(), covered());
    let missing: Vec<_> = there.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&there).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "no scenario dies at {missing:?}; there is no point {unknown:?}");
}
