//! What pages say about files, tests and crates, compared with what there is.

use std::{collections::BTreeSet, path::Path};

/// The pages of the project.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/contract.md",
    "docs/figures.md",
    "docs/operations.md",
    "docs/security.md",
];

fn read(root: &Path, file: &str) -> String {
    std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The targets of links to files of the project that are not there.
pub fn dead_links(root: &Path) -> Vec<String> {
    let (mut dead, mut links) = (Vec::new(), 0);
    for page in PAGES {
        let folder = root.join(page).parent().unwrap_or(root).to_owned();
        for (at, _) in read(root, page).match_indices("](") {
            let text = read(root, page);
            let Some((target, _)) = text[at + 2..].split_once(')') else { continue };
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.contains(char::is_whitespace) {
                continue;
            }
            links += 1;
            if !folder.join(file).exists() {
                dead.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(links > 50, "only {links} links were found");
    dead
}

/// What stands between single backquotes in a page.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Files and tests (`tests/farm/rights.rs::a_test`) that docs/security.md names and that are gone.
pub fn missing_tests(root: &Path) -> Vec<String> {
    let page = read(root, "docs/security.md");
    let named = code(&page).filter(|text| text.starts_with("tests/") || text.starts_with("src/"));
    let (mut missing, mut tests) = (Vec::new(), 0);
    for name in named {
        let (file, test) = name.split_once("::").unwrap_or((name, ""));
        tests += usize::from(!test.is_empty());
        let is_there =
            root.join(file).exists() && (test.is_empty() || read(root, file).contains(&format!("fn {test}(")));
        if !is_there {
            missing.push(name.to_owned());
        }
    }
    assert!(tests > 20, "only {tests} tests were found");
    missing
}

/// Dependencies that the review in docs/security.md does not name, and names there that are no crates.
pub fn not_reviewed(root: &Path) -> Vec<String> {
    let manifest = read(root, "Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let dependencies: BTreeSet<&str> = section
        .expect("a section of dependencies")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    let page = read(root, "docs/security.md");
    let review = page.split("\n## Crates that read outside bytes\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let review = review.expect("a review of crates");
    let rows = review.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|line| line.split(" | ").next());
    let others = review.lines().filter(|line| line.starts_with("The other direct dependencies"));
    let named: BTreeSet<&str> = rows.chain(others).flat_map(code).collect();
    let lock = read(root, "Cargo.lock");
    let gone = named
        .iter()
        .filter(|name| !lock.contains(&format!("name = \"{name}\"")))
        .map(|name| format!("{name}: no crate"));
    let new = dependencies.difference(&named).map(|name| format!("{name}: not reviewed"));
    new.chain(gone).collect()
}
