//! Every named point in the source is in some scenario. A point that is added without a scenario
//! fails here.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{dying::expand, handing_in, meeting, merging, migrating, receiving, starting, submitting, turned_away};

/// All points at which scenarios die, without counts.
fn covered() -> BTreeSet<String> {
    let lists = [
        submitting::ALL,
        receiving::ALL,
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

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What stands between quotes after each occurrence of `start`.
fn quoted<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(start).filter_map(move |(at, _)| text[at + start.len()..].split('"').next())
}

/// All points that the source names.
fn named() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut points) = (Vec::new(), BTreeSet::new());
    files(&root.join("src"), &mut found);
    files(&root.join("migrations"), &mut found);
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        let moments =
            |label: &str| ["before", "written", "flushed", "durable"].map(|moment| format!("writer.{label}.{moment}"));
        if file.starts_with(root.join("src/sync")) {
            let labels = quoted(&text, "commit(\"").chain(quoted(&text, "entries, now, \""));
            points.extend(labels.flat_map(moments));
        }
        if file.ends_with("src/store/migrate.rs") {
            // the first layouts are made where there is nothing to back up
            let moments: Vec<&str> = quoted(&text, "point(number, \"").collect();
            points.extend(
                moments
                    .iter()
                    .filter(|moment| !moment.contains("backup"))
                    .flat_map(|moment| [1, 2].map(|number| format!("migration.{number}.{moment}"))),
            );
            points.extend(moments.iter().map(|moment| format!("migration.3.{moment}")));
        }
        let literal = |text: &str| !text.contains(['{', ' ']) && text.contains('.');
        for room in ["actors", "node", "peer", "control"] {
            if file.starts_with(root.join("src").join(room)) {
                let direct = text.split("crash_point(").skip(1).filter_map(|rest| rest.split(';').next());
                // every second piece between quotes is a name
                points.extend(
                    direct
                        .flat_map(|argument| argument.split('"').skip(1).step_by(2))
                        .filter(|name| literal(name))
                        .map(str::to_owned),
                );
                points.extend(quoted(&text, "\"repeater.reply.").map(|rest| format!("repeater.reply.{rest}")));
                points.extend(quoted(&text, "\"call.").map(|rest| format!("call.{rest}")));
            }
        }
        if file.starts_with(root.join("migrations")) {
            points.extend(quoted(&text, "crash_point(\"").map(str::to_owned));
        }
    }
    points
}

#[test]
fn every_named_point_is_died_at() {
    if std::env::var_os("CRASH_POINT").is_some() {
        return;
    }
    let (named, covered) = (named(), covered());
    let missing: Vec<_> = named.difference(&covered).collect();
    let unknown: Vec<_> = covered.difference(&named).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "no scenario dies at {missing:?}; the source does not name {unknown:?}"
    );
    assert!(named.len() > 100, "only {} points were found", named.len());
}
