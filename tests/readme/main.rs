//! What the README tells a newcomer to type is typed here, as it stands there: the demo with its
//! three lines, and the blocks of "A node of your own" one after the other in one shell.
//!
//! Only addresses and secrets are replaced, so that tests beside this one are not disturbed. Lines
//! that build the program or run these tests are not run.

#![allow(clippy::unwrap_used)]

mod image;
mod package;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
};

use support::{binary, own_address};

const README: &str = include_str!("../../README.md");

/// The fenced blocks of this language below the heading `from`, up to the heading `to`.
fn blocks(language: &str, from: &str, to: &str) -> Vec<String> {
    let (_, text) = README.split_once(&format!("\n{from}\n")).unwrap_or_else(|| panic!("README has no {from}"));
    let (text, _) = text.split_once(&format!("\n{to}\n")).unwrap_or_else(|| panic!("README has no {to} after {from}"));
    let (mut blocks, mut rest) = (Vec::new(), text);
    while let Some((_, begun)) = rest.split_once(&format!("\n```{language}\n")) {
        let (block, after) = begun.split_once("\n```").unwrap();
        blocks.push(block.to_owned());
        rest = after;
    }
    blocks
}

fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("SKIPPED: curl is missing");
    }
    found
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["120", "bash", "-euo", "pipefail", "-c", script]).stdin(Stdio::null());
    command
}

/// Ends a process in order when the test ends, however it ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.0.wait().ok();
    }
}

// ---- the demo

/// Ports from here to 23 further are free.
fn base_port() -> u16 {
    let start = u16::try_from(std::process::id() % 400).unwrap();
    (0..400)
        .map(|step| 20_000 + (start + step) % 400 * 100)
        .find(|base| (0..24).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, base + port)).is_ok()))
        .expect("a free range of ports")
}

/// What differs between two runs: secrets, the time it took.
fn without_chance(text: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some(("Ready", _)) => "Ready after …".to_owned(),
        _ => line.split(' ').map(word).collect::<Vec<_>>().join(" "),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn word(word: &str) -> String {
    let bare = word.trim_end_matches('\'');
    let groups: Vec<usize> = bare.split('-').map(str::len).collect();
    match () {
        () if bare.starts_with("fw_") => word.replace(bare, "TOKEN"),
        () if groups == [5; 4] => "PASSWORD".to_owned(),
        () => word.to_owned(),
    }
}

/// The text with the README's ports in place of this run's.
fn as_in_readme(text: &str, base: u16) -> String {
    (0..24).fold(text.to_owned(), |text, port| {
        text.replace(&format!("127.0.0.1:{}", base + port), &format!("127.0.0.1:{}", 7100 + port))
    })
}

#[test]
fn the_demo_is_as_the_readme_shows_it() {
    if !has_curl() {
        return;
    }
    let shown = blocks("text", "## The first five minutes", "## A node of your own");
    let folder = tempfile::tempdir().unwrap();
    let base = base_port();
    let mut demo = Command::new(binary())
        .args(["demo", "--fresh", "--base-port", &base.to_string(), "--data"])
        .arg(folder.path().join("demo"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(demo.stdout.take().unwrap());
    let _demo = Ended(demo);
    let greeting: Vec<String> = output.lines().map(Result::unwrap).take(shown[0].lines().count()).collect();
    let greeting = greeting.join("\n");
    assert_eq!(without_chance(&as_in_readme(&greeting, base)), without_chance(&shown[0]));

    // what it tells to type, typed
    let commands = greeting.split("Try it:").nth(1).unwrap();
    let lines = commands.lines().filter(|line| line.starts_with("  "));
    let script = lines.collect::<Vec<_>>().join("\n").replace("curl ", "curl -sS ");
    let done = shell(&script).output().unwrap();
    let answers = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{answers}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(answers.starts_with("HTTP/1.1 200 OK"), "{answers}");
    let denial = answers.rsplit("HTTP/1.1").next().unwrap();
    let (head, body) = denial.split_once("\r\n\r\n").unwrap();
    let (shown_head, shown_body) = shown[1].split_once("\n\n").unwrap();
    assert_eq!(format!("HTTP/1.1{}", head.lines().next().unwrap()), shown_head.lines().next().unwrap());
    for line in shown_head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        let answered = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        let answered = answered.unwrap_or_else(|| panic!("no {name} in {head}"));
        match name {
            "retry-after" => assert!((590..=630).contains(&answered.parse::<u32>().unwrap()), "{answered}"),
            "forewarn-notification" => assert_eq!(answered.len(), value.len()),
            _ => assert_eq!(answered, value, "{name}"),
        }
    }
    assert!(body.starts_with(shown_body.split('…').next().unwrap()), "{body}");
}

// ---- a farm of one's own

#[test]
fn the_pair_of_nodes_works_when_pasted() {
    if !has_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let address = own_address().to_string();
    // as an installed program would be, but on an address of its own
    let program = folder.path().join("forewarn");
    let wrapper = format!(
        "#!/usr/bin/env bash\nset -eo pipefail\nif [ \"$1\" = init ]; then\n  {0:?} \"$@\" | tee init.out\n  \
         sed -i 's/127\\.0\\.0\\.1/{address}/' \"$2\"\nelse\n  exec {0:?} \"$@\"\nfi\n",
        binary()
    );
    fs::write(&program, wrapper).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut script = "trap 'kill $(jobs -p); wait' EXIT\n".to_owned();
    for block in blocks("sh", "## A node of your own", "## Configuration") {
        script.push_str(&block);
        script.push('\n');
    }
    let token = "$(grep -o 'fw_[0-9a-f]*' init.out)";
    assert!(script.contains("FOREWARN_TOKEN=fw_…"), "{script}");
    let script = script.replace("fw_…", token).replace("127.0.0.1", &address);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let done = shell(&script).current_dir(folder.path()).env("PATH", path).output().unwrap();
    let (shown, log) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{shown}\n---- standard error\n{log}");
    // in this order
    let mut rest = &shown[..];
    for wanted in [
        "a.toml: all right",
        "b.toml: all right",
        "\"ready\"",
        "b     applied",
        "mail         unavailable  planned-maintenance",
        "HTTP/1.1 503 Service Unavailable",
        "forewarn-application: mail",
        "mail is unavailable for POST /mail/send",
        "b     ready",
        "\"application\":\"mail\"",
        "HTTP/1.1 204 No Content",
    ] {
        let found = rest.find(wanted).unwrap_or_else(|| panic!("no {wanted:?} in\n{rest}\n---- all of it\n{shown}"));
        rest = &rest[found + wanted.len()..];
    }
}

/// A block that nobody runs would rot.
#[test]
fn every_block_of_commands_is_run_or_only_builds() {
    let all = README.matches("\n```sh\n").count();
    let run = blocks("sh", "## A node of your own", "## Configuration").len();
    let building = README.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let building = building.filter(|block| {
        block.lines().all(|line| line.starts_with("cargo run --release -- demo ") || line.starts_with("./tests/run "))
    });
    assert_eq!(all, run + building.count());
}
