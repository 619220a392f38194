//! The map of `src/lib.rs`, enforced: reads the source of the crate, follows its modules, and fails
//! when a room names one that it may not use, or a library that it must not know.
//!
//! What must stay true: a breach is reported with file, line and a sentence; a room that is not on
//! the map is a breach, and so is a file that no module declares. Tests inside `src` obey nearly the same
//! rules. It reads tokens, not types: what a macro builds out of pieces, it does not see.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/pages.rs"]
mod pages;
#[path = "architecture/read.rs"]
mod read;
#[path = "architecture/rules.rs"]
mod rules;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use circles::Crate;
use read::Source;

/// Follows the modules from a crate root; returns the breaches and the files that were read.
fn follow(root: &Path, file: &str, breaches: &mut Vec<String>, read: &mut BTreeSet<PathBuf>) -> Crate {
    let mut all = Crate::default();
    let mut waiting = vec![(PathBuf::from(file), Vec::new(), true)];
    while let Some((file, module, owns_folder)) = waiting.pop() {
        let text = match std::fs::read_to_string(root.join(&file)) {
            Ok(text) => text,
            Err(error) => {
                breaches.push(format!("{}: cannot be read: {error}", file.display()));
                continue;
            }
        };
        let source = Source::read(&text, &module);
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        for declared in source.modules {
            let mut child = module.clone();
            child.extend(declared.inside.iter().cloned());
            child.push(declared.name.clone());
            // Without #[path]: beside this file, or in the folder that has its name.
            let (place, owns) = match declared.path {
                Some(path) => (folder.join(path), true),
                None => {
                    let mut home = folder.clone();
                    if !owns_folder {
                        home.push(file.file_stem().unwrap_or_default());
                    }
                    home.extend(&declared.inside);
                    let single = home.join(format!("{}.rs", declared.name));
                    if root.join(&single).exists() {
                        (single, false)
                    } else {
                        (home.join(&declared.name).join("mod.rs"), true)
                    }
                }
            };
            waiting.push((place, child, owns));
        }
        all.add(&module, &source.named);
        let room = module.first().map_or(if file.ends_with("main.rs") { "main" } else { "lib" }, String::as_str);
        for named in source.named {
            if let Err(sentence) = rules::judge(room, &named.path, named.in_tests) {
                breaches.push(format!("{}:{}: {sentence}", file.display(), named.line));
            }
        }
        read.insert(std::fs::canonicalize(root.join(&file)).unwrap_or(file));
    }
    all
}

/// Every source file below a folder.
fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(std::fs::canonicalize(&path).unwrap_or(path));
        }
    }
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut breaches, mut read) = (Vec::new(), BTreeSet::new());
    follow(root, "src/lib.rs", &mut breaches, &mut read);
    follow(root, "src/main.rs", &mut breaches, &mut read);
    let mut all = BTreeSet::new();
    files_below(&root.join("src"), &mut all);
    files_below(&root.join("migrations"), &mut all);
    // One convention: unit tests stand at the end of their file, or in a file `tests.rs` of its folder.
    let elsewhere = all.iter().filter(|file| file.to_string_lossy().ends_with("_tests.rs"));
    breaches.extend(elsewhere.map(|file| format!("{}: unit tests are in NAME/tests.rs", file.display())));
    breaches.extend(all.difference(&read).map(|file| format!("{}: no module declares this file", file.display())));
    // A checker that reads nothing finds nothing.
    assert!(read.len() > 50, "only {} files were read", read.len());
    breaches.sort();
    assert!(breaches.is_empty(), "{} breaches of the map in src/lib.rs:\n{}", breaches.len(), breaches.join("\n"));
}

/// Files that use each other in a circle can only be read, tested and replaced together.
#[test]
fn no_files_of_a_room_use_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let circles = follow(root, "src/lib.rs", &mut Vec::new(), &mut BTreeSet::new()).circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_map_is_drawn_twice_alike_and_every_room_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |file: &str| std::fs::read_to_string(root.join(file)).expect("a file of the project");
    let (library, page) = (text("src/lib.rs"), text("ARCHITECTURE.md"));
    let drawn: Vec<&str> = rules::map_lines(&library, "//! ").collect();
    assert_eq!(drawn, rules::map_lines(&page, "").collect::<Vec<_>>(), "src/lib.rs and ARCHITECTURE.md differ");
    assert!(rules::rooms().count() > 10, "a map that is not read forbids nothing");
    let src = root.join("src");
    for room in rules::rooms() {
        let there = src.join(format!("{room}.rs")).exists() || src.join(room).join("mod.rs").exists();
        assert!(there, "the map has a room {room:?} that is gone");
    }
}

/// What stands between hyphens in a link to a heading: GitHub's form of it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Code and pages refer to the contract by its headings; a heading that is renamed takes them along.
#[test]
fn every_link_to_the_contract_leads_to_a_heading() {
    const CONTRACT: &str = "contract.md#";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contract = std::fs::read_to_string(root.join("docs/contract.md")).expect("the contract");
    let headings: BTreeSet<String> = contract
        .lines()
        .filter_map(|line| Some(anchor(line.strip_prefix("##")?.trim_start_matches('#').trim())))
        .collect();
    let mut files = BTreeSet::from(
        ["README.md", "ARCHITECTURE.md", "docs/contract.md", "docs/security.md"].map(|file| root.join(file)),
    );
    for folder in ["src", "migrations", "tests", "benches"] {
        files_below(&root.join(folder), &mut files);
    }
    let (mut dead, mut links) = (Vec::new(), 0);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file of the project");
        let own = if file.ends_with("contract.md") { "](#" } else { CONTRACT };
        for (at, _) in text.match_indices(own) {
            let rest = &text[at + own.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(rest.len());
            let link = rest[..end].trim_end_matches('-');
            // this test's own constant
            if link.is_empty() {
                continue;
            }
            links += 1;
            if !headings.contains(link) {
                dead.push(format!("{}: #{link}", file.display()));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert!(dead.is_empty(), "links to headings that docs/contract.md lacks:\n{}", dead.join("\n"));
}

#[test]
fn what_pages_say_about_files_tests_and_crates_is_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(pages::dead_links(root), [""; 0], "links to files that are not there");
    assert_eq!(pages::missing_tests(root), [""; 0], "docs/security.md names what is not there");
    assert_eq!(pages::not_reviewed(root), [""; 0], "the review of crates in docs/security.md");
}
