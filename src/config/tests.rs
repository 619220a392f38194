//! The file as a whole: the contract's own example and the defaults; the refusals are in `refusals`.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::vocabulary::{Fanout, Initial, Notifier, Role, Route};

mod monitors;
mod pages;
mod refusals;

/// The least that is accepted.
const LEAST: &str = "[node]\nname = \"a\"\ndata = \"./data/a\"\n";

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(text, Path::new("f.toml"))
}

fn message(text: &str) -> String {
    parse(text).map(drop).unwrap_err().to_string()
}

/// `text` after the least (so that it begins at line 4) must be refused with exactly one problem,
/// which begins with `wanted`.
#[track_caller]
fn refused(text: &str, wanted: &str) {
    let message = message(&format!("{LEAST}{text}"));
    assert!(
        message.starts_with(&format!("f.toml:{wanted}")) && message.lines().count() == 1,
        "wanted {wanted}\n got   {message}"
    );
}

#[track_caller]
fn accepted(text: &str) -> Settings {
    parse(&format!("{LEAST}{text}")).unwrap_or_else(|error| panic!("{error}"))
}

fn phc() -> String {
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        .to_owned()
}

/// The example of docs/contract.md#configuration, with values where it has dots.
fn whole_file() -> String {
    let sha256 = "ab".repeat(32);
    let phc = phc();
    format!(
        r#"
[node]
name = "a"
data = "./data/a"
reserve = "10MB"
[gate]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1/32", "2001:db8::/32"]
[control]
listen = "127.0.0.1:7070"
advertise = "http://A.example:7070/"
time_zone = "Europe/Berlin"
trusted_proxies = ["192.0.2.0/24"]
[farm]
secret = "0123456789abcdef"
peers = ["http://127.0.0.1:7071"]
fanout = 2
max_clock_skew = "30s"
lapse = "7d"
[farm.queue]
kind = "embedded"
[farm.merge]
references = 3
order = "random"
mode = "parallel"
timeout = "500ms"
every = "1m"
[[application]]
name = "mail"
title = "Mail"
routes = ["/mail", "Mail.Example.com/", "shop.example.com/cart/"]
upstream = ["http://127.0.0.1:9001", "http://[::1]"]
uses = ["mail-store"]
critical = true
agree = 2
[[resource]]
name = "mail-store"
[[reason]]
code = 100
name = "licence-expired"
title = "its licence has expired"
[[token]]
name = "ci"
role = "monitor"
sha256 = "{sha256}"
targets = ["application:mail*", "resource:*"]
expires = "2027-01-31T12:00:00+01:00"
[[operator]]
name = "alice"
password = "{phc}"
[[operator]]
name = "vera"
password = "{phc}"
role = "viewer"
"#
    )
}

#[test]
fn the_whole_file_becomes_settings() {
    let s = parse(&whole_file()).unwrap();
    assert_eq!(s.node.reserve, 10_000_000);
    assert_eq!(s.gate.listen, ["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(s.gate.trusted_proxies.len(), 2);
    let advertise = s.control.advertise.as_ref().unwrap();
    assert_eq!(advertise.to_string(), "http://a.example:7070");
    assert_eq!(s.control.time_zone, chrono_tz::Europe::Berlin);
    assert_eq!(s.farm.fanout, Fanout::Some(2.try_into().unwrap()));
    assert_eq!(s.farm.max_clock_skew, Duration::from_secs(30));
    assert_eq!(s.farm.lapse, Duration::from_secs(7 * 86_400));
    assert_eq!(s.farm.merge.references, References::Count(3.try_into().unwrap()));
    assert_eq!(s.farm.merge.order, MergeOrder::Random);
    assert_eq!(s.farm.merge.mode, MergeMode::Parallel);
    assert_eq!(s.farm.merge.timeout, Duration::from_millis(500));
    let mail = &s.applications[0];
    let routes: Vec<String> = mail.routes.iter().map(Route::to_string).collect();
    assert_eq!(routes, ["/mail", "mail.example.com/", "shop.example.com/cart"]);
    assert_eq!(mail.upstream[1].authority(), "[::1]:80");
    assert!(mail.critical);
    assert_eq!(mail.agree.get(), 2);
    assert_eq!(s.tokens[0].sha256, [0xab; 32]);
    let targets: Vec<&str> = s.tokens[0].targets.iter().flatten().map(|glob| glob.as_str()).collect();
    assert_eq!(targets, ["application:mail*", "resource:*"]);
    assert_eq!(s.tokens[0].expires.unwrap().to_string(), "2027-01-31T11:00:00Z");
    let roles: Vec<Role> = s.operators.iter().map(|operator| operator.role).collect();
    assert_eq!((roles, &s.operators[0].targets), (vec![Role::Operator, Role::Viewer], &None));
    assert_eq!(s.control.trusted_proxies[0].to_string(), "192.0.2.0/24");
}

/// The contract shows a whole file. It must be one.
#[test]
fn the_example_of_the_contract_is_accepted() {
    let contract = include_str!("../../docs/contract.md");
    let (_, example) = contract.split_once("\n```toml\n").unwrap();
    let (example, _) = example.split_once("\n```").unwrap();
    let example = example
        .replace("secret = \"…\"", "secret = \"0123456789abcdef\"")
        .replace("pass_key = \"…\"", "pass_key = \"0123456789abcdef\"")
        .replace("sha256 = \"…\"", &format!("sha256 = \"{}\"", "ab".repeat(32)))
        .replace("$argon2id$…", &phc());
    assert!(!example.contains('…') || example.contains("2, 3 …"), "{example}");
    // The files that it names stand beside it.
    let folder = tempfile::tempdir().unwrap();
    let authority = crate::tls::issue::Authority::new("test", 2026).unwrap();
    for name in ["site", "shop", "node"] {
        let issued = authority.issue(&["a.example"], 2026, 5).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), issued.cert).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), issued.key).unwrap();
    }
    std::fs::write(folder.path().join("farm-ca.pem"), authority.issued().cert).unwrap();
    Settings::parse(&example, &folder.path().join("f.toml")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn defaults_are_those_of_the_contract() {
    let s = accepted("[[application]]\nname = \"m\"\n");
    assert_eq!(s.node.reserve, 64 * 1024 * 1024);
    assert_eq!(s.gate.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert!(s.gate.trusted_proxies.is_empty());
    assert_eq!(s.control.listen.to_string(), "127.0.0.1:7070");
    let bound = "127.0.0.1:7171".parse().unwrap();
    assert_eq!(s.control.advertised(bound).to_string(), "http://127.0.0.1:7171");
    assert_eq!(s.control.time_zone, chrono_tz::UTC);
    assert!(s.farm.secret.is_none());
    assert_eq!(s.farm.fanout, Fanout::All);
    assert_eq!(s.farm.max_clock_skew, Duration::from_secs(60));
    assert_eq!(s.farm.lapse, Duration::from_secs(86_400));
    assert_eq!(s.farm.merge.references, References::All);
    assert_eq!(s.farm.merge.order, MergeOrder::Listed);
    assert_eq!(s.farm.merge.mode, MergeMode::Series);
    assert_eq!(s.farm.merge.timeout, Duration::from_secs(5));
    assert_eq!(s.farm.merge.every, Duration::from_secs(30));
    let application = &s.applications[0];
    assert_eq!(application.title, "m");
    assert_eq!(application.agree.get(), 1);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let shown = format!("{:?}", parse(&whole_file()).unwrap());
    assert!(!shown.contains("0123456789abcdef"));
    assert!(!shown.contains("argon2id"));
    // nor in messages
    let message = message(&format!("{LEAST}[farm]\nsecret = \"tooshort\"\n"));
    assert!(!message.contains("tooshort"), "{message}");
}
