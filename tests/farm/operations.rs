//! What operators rely on beside the program: metrics, alerting rules, dashboard, units (docs/operations.md).

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    closing,
    support::{Farm, own_address, tls::Tls, upstream::Upstream, wait::poll_until},
};

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Every name of a metric in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics = words.filter(|word| word.starts_with("forewarn_") && !word.starts_with("forewarn_target"));
    metrics.map(str::to_owned).collect()
}

/// The types of a page of metrics, by name.
fn types(page: &str) -> Vec<(String, String)> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// A program; without it the test is skipped and says so.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        println!("SKIPPED {:?}: {name} is not installed", std::thread::current().name());
    }
    found
}

/// Runs it with this input and expects that it finds no fault.
fn passes(program: &Path, args: &[&str], input: &str) {
    let mut command = Command::new(program);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{program:?} {args:?}: {}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn the_metrics_are_those_of_the_documentation_rules_and_dashboard() {
    let tls = Tls::new();
    let receiver = Upstream::start(own_address());
    let more = format!(
        "[[webhook]]\nname = \"ops\"\nurl = \"http://{}/ops\"\n\
         [[monitor]]\nname = \"mail-http\"\ntarget = \"application:mail\"\nhttp = \"http://{0}/\"\nupstream = \"http://{0}\"\nevery = \"1s\"\n\
         [control.tls]\n{}",
        receiver.address,
        tls.issue("site", &["site.example", "127.0.0.1"], 5)
    );
    // The gate's certificate suffices for the metric; control stays without TLS.
    let more = more.replace("[control.tls]", "[gate.tls]");
    let mail = "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\n";
    let own = format!("{mail}upstream = [\"http://{}\"]\n", receiver.address);
    let farm = Farm::new(2).applications(mail).applications_of(0, &own).more(0, &more).start().await;
    farm.wait_met().await;
    let node = &farm[0];
    farm[1].kill9().await;
    node.submit(closing("application:mail", json!({"timestamp": crate::in_seconds(-90.0)}))).await.expect(202);
    let page = async || node.control("GET", "/metrics", &[], None).await.expect(200).text();
    let checked = async || {
        let page = page().await;
        ["latency_seconds", "up"].iter().all(|name| page.contains(&format!("\nforewarn_monitor_{name}{{")))
    };
    poll_until("the monitor has made up its mind", checked).await;
    let page = page().await;

    // The outbox for the node that is away is as old as the notification in it.
    let start = "forewarn_outbox_oldest_seconds{peer=\"b\"} ";
    let age = page.lines().find_map(|line| line.strip_prefix(start)).unwrap().parse::<u64>().unwrap();
    assert!(age >= 90, "{age}");

    let real: BTreeSet<String> = types(&page).into_iter().map(|(name, _)| name).collect();
    let documented = text("docs/operations.md");
    let table = documented.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let rows = rows.iter().filter(|row| row.get(1).is_some_and(|cell| cell.starts_with("`forewarn_")));
    let rows: Vec<(String, String)> = rows.map(|row| (row[1].replace('`', ""), row[2].to_owned())).collect();
    let mut wanted = types(&page);
    let mut found = rows;
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted, "docs/operations.md and /metrics differ");

    for file in ["deploy/prometheus/forewarn.rules.yml", "deploy/grafana/forewarn.json"] {
        for name in named(&text(file)) {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            assert!(real.contains(family), "{file}: {name} is no metric");
        }
    }
    let Some(promtool) = program("promtool") else { return };
    passes(&promtool, &["check", "metrics"], &page);
}

#[test]
fn the_alerting_rules_pass_their_tests() {
    let Some(promtool) = program("promtool") else { return };
    passes(&promtool, &["check", "rules", "deploy/prometheus/forewarn.rules.yml"], "");
    passes(&promtool, &["test", "rules", "deploy/prometheus/forewarn.test.yml"], "");
    // Each alert is tried.
    let tried = text("deploy/prometheus/forewarn.test.yml");
    for alert in text("deploy/prometheus/forewarn.rules.yml").lines().filter_map(|line| line.split("alert: ").nth(1)) {
        assert!(tried.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
    }
}

#[test]
fn the_units_are_hardened() {
    let Some(analyze) = program("systemd-analyze") else { return };
    // Twenty is the exposure level 2.
    let unit = "deploy/systemd/forewarn.service";
    passes(&analyze, &["security", "--offline=true", "--threshold=20", unit], "");
}

/// An operator who searches for an event of the log finds it.
#[test]
fn every_warning_and_error_is_in_the_documentation() {
    let documented = text("docs/operations.md");
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut events = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        for call in ["log::error!(", "log::warn!("] {
            for rest in source.split(call).skip(1) {
                let end = rest.find("\")").map_or("", |end| &rest[..end]);
                let event = end.rsplit("; \"").next().unwrap_or_default().rsplit('"').next().unwrap_or_default();
                if !event.is_empty() && event.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    events.insert(event.to_owned());
                }
            }
        }
    }
    assert!(events.len() > 30, "too few events are found: {events:?}");
    let lacking: Vec<&String> = events.iter().filter(|event| !documented.contains(&format!("`{event}`"))).collect();
    assert!(lacking.is_empty(), "docs/operations.md lacks {lacking:?}");
}
