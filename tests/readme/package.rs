//! What `deploy/release` makes: the same bytes twice; a Debian package that is installed on a clean root, works there,
//! and leaves nothing behind but what the administrator has made; a list of everything that is built in; an image.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{image, support::binary};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command; what it prints.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

/// Whether there are the programs that make and install packages, and whether this may install some.
fn can_pack() -> bool {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let can = ["dpkg-deb", "strip", "python3"].into_iter().all(has) && rustix::process::geteuid().is_root();
    if !can {
        println!("SKIPPED: no dpkg, strip or python3, or not root");
    }
    can
}

fn release(program: &Path, out: &Path) -> PathBuf {
    let mut command = Command::new(Path::new(ROOT).join("deploy/release"));
    command.arg("--binary").arg(program).arg("--out").arg(out).args(["--compression", "none"]);
    run(command.env("SOURCE_DATE_EPOCH", "1795881600"));
    out.to_owned()
}

/// The file of a release that ends so.
fn file(release: &Path, end: &str) -> PathBuf {
    let mut files = fs::read_dir(release).unwrap().map(|file| file.unwrap().path());
    files.find(|file| file.to_string_lossy().ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
}

fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), found);
        } else {
            found.insert(entry.path());
        }
    }
}

#[test]
fn a_release_is_the_same_twice_its_package_is_installed_and_removed_and_its_image_runs() {
    if !can_pack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    run(Command::new("strip").arg("-o").arg(place("program")).arg(binary()));
    let made = release(&place("program"), &place("one"));
    release(&place("program"), &place("two"));
    let sums = |out: &str| fs::read_to_string(place(out).join("SHA256SUMS")).unwrap();
    assert_eq!(sums("one"), sums("two"));
    assert_eq!(sums("one").lines().count(), 5, "{}", sums("one"));
    everything_is_listed(&file(&made, &format!("{}.cdx.json", env!("CARGO_PKG_VERSION"))));
    package_comes_and_goes(&file(&made, ".deb"), folder.path());
    image::runs_as_it_says(&file(&made, ".image.tar"), folder.path());
}

/// Everything that is built in, with its version and sum.
fn everything_is_listed(list: &Path) {
    let list: serde_json::Value = serde_json::from_slice(&fs::read(list).unwrap()).unwrap();
    let parts = list["components"].as_array().unwrap();
    let named = |name: &str| parts.iter().find(|part| part["name"] == name);
    assert!(parts.len() > 200 && named("sled").unwrap()["version"] == "0.34.7", "{}", parts.len());
    assert!(named("rustls").unwrap()["hashes"][0]["content"].as_str().unwrap().len() == 64);
    assert!(named("proptest").is_none(), "tests are not built in");
}

/// On a root with nothing in it but dpkg's own book.
fn package_comes_and_goes(package: &Path, folder: &Path) {
    let root = folder.join("root");
    fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = || {
        let mut command = Command::new("dpkg");
        // the libraries that it depends on are not there either
        command.arg(format!("--root={}", root.display())).args(["--force-depends", "--force-script-chrootless"]);
        command
    };
    let installed = run(dpkg().arg("-i").arg(package));
    for step in ["forewarn init", "node.data", "chown root:forewarn", "systemctl enable --now"] {
        assert!(installed.contains(step), "{step}: {installed}");
    }
    let there = |path: &str| root.join(path).exists();
    for path in ["usr/bin/forewarn", "usr/lib/systemd/system/forewarn.socket", "usr/share/man/man1/forewarn.1.gz"] {
        assert!(there(path), "{path}");
    }
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/forewarn.service")).unwrap();
    assert!(unit.starts_with("[Unit]"), "{unit}");
    assert!(unit.contains("ExecStart=/usr/bin/forewarn serve") && !unit.contains("/usr/local"), "{unit}");
    // it works from there
    let program = root.join("usr/bin/forewarn");
    let version = run(Command::new(&program).arg("--version"));
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let config = root.join("etc/forewarn/forewarn.toml");
    run(Command::new(&program).arg("init").arg(&config));
    run(Command::new(&program).arg("check").arg(&config));
    fs::create_dir_all(root.join("var/lib/forewarn")).unwrap();
    fs::write(root.join("var/lib/forewarn/forewarn-store"), "a store").unwrap();

    run(dpkg().args(["-P", "forewarn"]));
    let mut left = BTreeSet::new();
    files_below(&root, &mut left);
    left.retain(|file| !file.starts_with(root.join("var/lib/dpkg")) && !file.starts_with(root.join("var/log")));
    // who was made for it stays, as Debian does it: files may still be theirs
    left.retain(|file| {
        !["passwd", "group", "shadow", "gshadow"].iter().any(|name| {
            file.parent() == Some(&root.join("etc"))
                && file.file_name().unwrap().to_string_lossy().trim_end_matches('-') == *name
        })
    });
    left.retain(|file| file != &root.join("etc/.pwd.lock"));
    let own = ["etc/forewarn/forewarn.toml", "var/lib/forewarn/forewarn-store"].map(|path| root.join(path));
    assert_eq!(left, own.into_iter().collect(), "what the administrator has made stays, and nothing else");
}
