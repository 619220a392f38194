//! Circles of imports among the parts of one folder: files and folders side by side.
//!
//! A part uses another one if a file in it names something of the other, also by a name that their parent
//! re-exports. A parent and its own parts may name each other: they are one idea in several files. Tests are
//! left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::read::Named;

/// Who uses whom among the parts of one module.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The paths that each module names, by its place in the crate.
#[derive(Default)]
pub struct Crate(BTreeMap<Vec<String>, Vec<Vec<String>>>);

impl Crate {
    /// Adds a module.
    pub fn add(&mut self, module: &[String], named: &[Named]) {
        let is_test = module.iter().any(|name| name.ends_with("tests"));
        let outside = named.iter().filter(|one| !one.in_tests && !is_test);
        let paths = outside.map(|one| match one.path.strip_prefix(&["crate".to_owned()]) {
            Some(path) => path.to_vec(),
            // A part of this module, by its bare name; or a library, which is no part of anything.
            None => [module, &one.path].concat(),
        });
        self.0.entry(module.to_vec()).or_default().extend(paths);
    }

    /// Every circle, as `a → b → a`, by the module whose parts are in it.
    pub fn circles(&self) -> BTreeMap<String, Vec<String>> {
        let all = self.0.keys().map(|parent| (parent.join("::"), circles(&self.uses(parent))));
        all.filter(|(_, circles)| !circles.is_empty()).collect()
    }

    /// Who uses whom among the parts of this module.
    fn uses(&self, parent: &[String]) -> Uses {
        let deep = parent.len();
        let part = |path: &[String]| path.get(deep).filter(|_| path.starts_with(parent)).cloned();
        let parts: BTreeSet<String> = self.0.keys().filter_map(|module| part(module)).collect();
        // What the parent re-exports, and whose it is.
        let exported: BTreeMap<&String, String> = self.0[parent]
            .iter()
            .filter(|path| path.len() == deep + 2)
            .filter_map(|path| Some((path.last()?, part(path)?)))
            .collect();
        let mut uses = Uses::new();
        for (module, paths) in &self.0 {
            let Some(user) = part(module) else { continue };
            for name in paths.iter().filter_map(|path| part(path)) {
                let used = if parts.contains(&name) { Some(name) } else { exported.get(&name).cloned() };
                if let Some(used) = used.filter(|used| *used != user && parts.contains(used)) {
                    uses.entry(user.clone()).or_default().insert(used);
                }
            }
        }
        uses
    }
}

/// A circle through each part that is in one, as short as possible; each circle once.
fn circles(uses: &Uses) -> Vec<String> {
    let mut found = BTreeMap::new();
    for start in uses.keys() {
        let mut waiting = std::collections::VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::new();
        'search: while let Some(way) = waiting.pop_front() {
            for next in uses.get(way[way.len() - 1]).into_iter().flatten() {
                if next == start {
                    let members: BTreeSet<&String> = way.iter().copied().collect();
                    let names: Vec<&str> = way.iter().map(|name| name.as_str()).collect();
                    found.entry(members).or_insert_with(|| format!("{} → {start}", names.join(" → ")));
                    break 'search;
                }
                if seen.insert(next) {
                    waiting.push_back([&way[..], &[next]].concat());
                }
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Source;

    #[test]
    fn a_circle_is_found_also_through_a_re_export() {
        let read = |files: &[(&str, &str)]| {
            let mut all = Crate::default();
            for (module, text) in files {
                let module: Vec<String> = module.split("::").map(str::to_owned).collect();
                all.add(&module, &Source::read(text, &module).named);
            }
            all.circles()
                .into_iter()
                .map(|(parent, circles)| format!("{parent}: {}", circles.join(", ")))
                .collect::<Vec<_>>()
        };
        let parent = ("room", "mod a; mod b; mod c; pub use b::Thing;");
        assert_eq!(read(&[parent, ("room::a", "use super::b::Thing;"), ("room::b", ""), ("room::c", "")]), [""; 0]);
        assert_eq!(
            read(&[
                parent,
                ("room::a", "use super::Thing;"),
                ("room::b", "use super::c::X;"),
                ("room::c::d", "use crate::room::a::Y;")
            ]),
            ["room: a → b → c → a"]
        );
        assert_eq!(
            read(&[
                parent,
                ("room::a", "use super::Thing;"),
                ("room::b", "#[cfg(test)] mod tests { use super::super::a::Y; }")
            ]),
            [""; 0]
        );
    }
}
