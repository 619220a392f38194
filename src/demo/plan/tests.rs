//! The files parse, the greeting can be pasted, a taken port is named.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::Settings;
use crate::vocabulary::{Role, password};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn plan(data: &Path, base_port: u16) -> Plan {
    let options = Options { fresh: false, data: data.to_owned(), base_port };
    Plan::new(&options).unwrap()
}

#[test]
fn the_files_are_what_was_announced() {
    let folder = tempfile::tempdir().unwrap();
    // a folder whose name needs quoting in TOML
    let plan = plan(&folder.path().join("a \"b\" \\c"), 7100);
    plan.write().unwrap();
    fs::write(plan.nodes[2].log(), "old").unwrap();
    plan.write().unwrap();
    assert!(!plan.nodes[2].log().exists());
    assert!(plan.nodes[2].dir.join("node.previous.log").exists());
    for (index, node) in plan.nodes.iter().enumerate() {
        let mode = fs::metadata(node.config()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let settings = Settings::load(&node.config()).unwrap();
        assert_eq!(settings.node.name.as_str(), NAMES[index]);
        assert_eq!(settings.node.data, node.dir.join("store"));
        assert_eq!(settings.gate.listen, [format!("127.0.0.1:{}", 7100 + index).parse().unwrap()]);
        assert_eq!(settings.control.listen.port(), 7110 + index as u16);
        assert_eq!(settings.farm.peers.len(), 2);
        let names: Vec<&str> = settings.applications.iter().map(|a| a.name.as_str()).collect();
        let here: &[&str] = if index < 2 { &["mail", "phone", "chat", "start"] } else { &["mail", "phone", "start"] };
        assert_eq!(names, here);
        assert_eq!(settings.applications[1].uses, ["directory-db".parse().unwrap()]);
        assert_eq!(settings.applications[1].upstream[0].port(), 7121);
        assert_eq!(settings.tokens[0].role, Role::Operator);
        let sha256 = secrets::token_sha256(plan.token.expose_secret());
        assert_eq!(settings.tokens[0].sha256, sha256);
        let hash = settings.operators[0].password.expose_secret();
        assert!(password::verify(hash, plan.password.expose_secret()));
        assert!(settings.notes().is_empty());
    }
    let text = fs::read_to_string(plan.nodes[0].config()).unwrap();
    assert!(!text.contains(plan.password.expose_secret()));
    assert!(!text.contains(plan.token.expose_secret()));
}

#[test]
fn the_greeting_has_all_that_is_needed() {
    let text = plan(Path::new("/tmp/x"), 7100).greeting(Duration::from_millis(1_250));
    assert!(text.contains("Ready after 1."), "{text}");
    assert!(text.contains("node c   users http://127.0.0.1:7102  (/mail /phone)   operators"));
    assert_eq!(text.matches("\n  curl ").count(), 3);
    // what is to be pasted into a shell is one command and JSON
    let json = text.split("-d '").nth(1).unwrap().split('\'').next().unwrap();
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    crate::availability::Submission::parse(&value).unwrap();
}

#[test]
fn a_taken_port_is_named_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), 7100);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = || SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    for node in &mut plan.nodes {
        (node.gate, node.control) = (free(), free());
    }
    plan.applications = vec![free(), free(), free(), free()];
    assert_eq!(plan.reserve_ports().unwrap().applications.len(), 4);
    plan.nodes[1].control.set_port(taken.local_addr().unwrap().port());
    let error = plan.reserve_ports().unwrap_err().to_string();
    let port = taken.local_addr().unwrap().port();
    assert!(error.contains(&format!("port {port} (control listener of node b)")), "{error}");
    assert!(error.contains("--base-port"), "{error}");
}
