//! `[[monitor]]` and `[[rule]]`: the contract's examples, and every refusal.

use super::*;
use crate::{
    availability::Target,
    monitor::{Check, Scope},
};

const MAIL: &str = "[[application]]\nname = \"mail\"\n[[resource]]\nname = \"mail-store\"\n";

/// One entry behind an application and a resource; its lines begin at 9, with its name.
fn entry(list: &str, lines: &str) -> String {
    format!("{MAIL}[[{list}]]\nname = \"x\"\n{lines}\n")
}

fn monitor(lines: &str) -> String {
    entry("monitor", &format!("target = \"application:mail\"\n{lines}"))
}

fn rule(lines: &str) -> String {
    entry("rule", &format!("target = \"resource:mail-store\"\n{lines}"))
}

#[test]
fn monitors_and_rules_become_watches() {
    let text = monitor(
        "http = \"https://mail.example/health?x=1\"\nscope = \"farm\"\nfail_after = 5\nexpect_status = \"200\"",
    ) + "[[rule]]\nname = \"y\"\ntarget = \"system\"\nwhen = 'rate(\"upstream_errors\", \"30s\") > 5.0 || down(\"x*\") >= 1'\n";
    let monitors = accepted(&text).monitors;
    assert_eq!(monitors.len(), 2);
    let one = &monitors[0];
    assert_eq!(
        (one.target.to_string().as_str(), one.scope, one.reason.as_str()),
        ("application:mail", Scope::Farm, "unplanned-outage")
    );
    assert_eq!((one.every, one.timeout), (Duration::from_secs(5), Duration::from_secs(2)));
    assert_eq!((one.fail_after.get(), one.recover_after.get()), (5, 2));
    let Check::Http(http) = &one.check else { panic!("{one:?}") };
    assert!(http.url.as_str() == "https://mail.example/health?x=1" && !http.expect_status.contains(302));
    let two = &monitors[1];
    assert_eq!((&two.target, two.fail_after.get(), two.recover_after.get()), (&Target::System, 1, 1));
    let Check::Rule(rule) = &two.check else { panic!("{two:?}") };
    assert_eq!(rule.series().len(), 1);
    // Equal words are two words.
    let monitors = accepted(&monitor("command = [\"check\", \"-v\", \"-v\"]")).monitors;
    assert!(matches!(&monitors[0].check, Check::Command(check) if check.arguments == ["-v", "-v"]));
    let monitors = accepted(&monitor("tcp = \"[::1]:25\"")).monitors;
    assert!(matches!(&monitors[0].check, Check::Tcp(check) if (check.host.as_str(), check.port) == ("::1", 25)));
    let monitors = accepted(&monitor("passive = true\nfail_ratio = 1\nmin_requests = 5")).monitors;
    assert!(matches!(&monitors[0].check, Check::Passive(check) if check.min_requests.get() == 5));
    assert_eq!(monitors[0].fail_after.get(), 1, "one interval with too many failures is enough");
}

#[test]
fn a_monitor_of_an_upstream_names_one_of_its_target() {
    let of = |upstreams: &str, target: &str, lines: &str| {
        let application = format!("[[application]]\nname = \"mail\"\nupstream = {upstreams}\n");
        format!("{application}[[monitor]]\nname = \"x\"\ntarget = \"{target}\"\n{lines}\n")
    };
    let two = "[\"http://a:1\", \"http://b:1\"]";
    let tcp = "upstream = \"http://B:1/\"\ntcp = \"b:1\"";
    let watched = accepted(&of(two, "application:mail", tcp)).monitors[0].upstream.clone().unwrap();
    assert_eq!((watched.upstream.as_str(), watched.all.len()), ("http://b:1", 2));
    let wrong = |target: &str, lines: &str, told: &str| refused(&of(two, target, lines), told);
    wrong(
        "application:mail",
        "upstream = \"http://c:1\"\ntcp = \"c:1\"",
        "10: monitor.upstream: is no upstream of mail",
    );
    wrong("system", tcp, "10: monitor.upstream: is one of an application");
    wrong(
        "application:mail",
        "upstream = \"http://b:1\"\npassive = true",
        "10: monitor.upstream: goes with http and tcp",
    );
}

#[test]
fn a_monitor_has_one_check_and_only_its_keys() {
    refused(&monitor(""), "9: monitor.name: needs a check: one of http, tcp");
    refused(&monitor("tcp = \"a:1\"\ncommand = [\"x\"]"), "12: monitor.command: is a second check beside tcp");
    refused(&monitor("tcp = \"a:1\"\nexpect_status = \"200\""), "12: monitor.expect_status: goes with http only");
    refused(&monitor("tcp = \"a:1\"\nfail_ratio = 0.5"), "12: monitor.fail_ratio: goes with passive only");
    refused(&monitor("tcp = \"a:1\"\ncolour = \"red\""), "12: monitor.colour: unknown key");
    let farm = |address: &str| monitor(&format!("farm = \"{address}\""));
    for wrong in [
        "https://b",
        "ftp://b/.forewarn/availability/x",
        "http://b/.forewarn/availability/",
        "http://b/.forewarn/availability/x?y",
    ] {
        refused(&farm(wrong), "11: monitor.farm: must be the address of another farm's application");
    }
    refused(&farm("http://u:p@b/.forewarn/availability/x"), "11: monitor.farm: must not contain a user");
}

#[test]
fn every_value_of_a_monitor_has_limits() {
    for (line, wanted) in [
        ("http = \"mail\"", "http: must be an address"),
        ("http = \"ftp://a/\"", "http: must be an address"),
        ("http = \"http://u:hunter2@a/\"", "http: must not contain a user"),
        ("tcp = \"a\"", "tcp: must be a host and a port"),
        ("tcp = \"a:0\"", "tcp: must be a host and a port"),
        ("tcp = \"a b:1\"", "tcp: must be a host and a port"),
        ("command = \"x\"", "command: must be a list"),
        ("command = [\"\"]", "command: must be a program"),
        ("command = []", "command: must be a program"),
        ("passive = false", "passive: can only be true"),
    ] {
        let message = message(&format!("{LEAST}{}", monitor(line)));
        assert!(message.starts_with(&format!("f.toml:11: monitor.{wanted}")), "{line}: {message}");
    }
    for (line, wanted) in [
        ("every = \"99ms\"", "every: must be from 100ms to 1h"),
        ("timeout = \"6m\"", "timeout: must be from 10ms to 5m"),
        ("degraded_above = \"2s\"", "degraded_above: must be shorter than the timeout"),
        ("fail_after = 0", "fail_after: must be from 1 to 1000"),
        ("scope = \"all\"", "scope: must be \"node\" or \"farm\""),
        ("reason = \"x\"", "reason: there is no [[reason]] named"),
        ("message = \"\"", "message: must be 1 to 2000"),
        ("expect_status = \"2xx\"", "expect_status: must be statuses"),
        ("expect_body = \"[\"", "expect_body: "),
        ("method = \"DELETE\"", "method: must be \"GET\" or"),
        ("headers = { \"a b\" = \"x\" }", "headers: has the header \"a b\", which is no name"),
        ("headers = { Connection = \"x\" }", "headers: has the header \"Connection\", which is set by"),
        ("redirects = 6", "redirects: must be from 0 to 5"),
        ("tls_ca = \"/no/such/file\"", "tls_ca: /no/such/file cannot be read"),
        ("tls_ca = \"/dev/null\"", "tls_ca: /dev/null has no certificate"),
    ] {
        refused(&monitor(&format!("http = \"http://a/\"\n{line}")), &format!("12: monitor.{wanted}"));
    }
    refused(&monitor("passive = true\nfail_ratio = 1.5"), "12: monitor.fail_ratio: must be above 0");
    let of_resource = entry("monitor", "target = \"resource:mail-store\"\npassive = true");
    refused(&of_resource, "11: monitor.passive: looks at the requests of one application");
}

#[test]
fn names_are_unique_and_targets_are_known() {
    let target = |target: &str| entry("monitor", &format!("target = {target:?}\ntcp = \"a:1\""));
    refused(&target("application:phone"), "10: monitor.target: there is no [[application]] named \"phone\"");
    refused(&target("resource:mail"), "10: monitor.target: there is no [[resource]] named \"mail\"");
    refused(&target("mail"), "10: monitor.target: is none of");
    accepted(&target("system"));
    let twice = monitor("tcp = \"a:1\"") + "[[rule]]\nname = \"x\"\ntarget = \"system\"\nwhen = \"true\"\n";
    refused(&twice, "13: rule.name: \"x\" is used twice");
    let odd = format!("[node]\nname = \"alert\"\ndata = \"d\"\n{}", monitor("tcp = \"a:1\""));
    assert!(message(&odd).contains("monitor.name: cannot speak on a node named \"alert\""));
}

#[test]
fn a_rule_is_checked_down_to_its_names() {
    refused(&rule(""), "8: rule.when: is required");
    for (when, wanted) in [
        ("rate(", "is not a valid expression"),
        ("rate('requests', '30s')", "must be true or false"),
        ("rate('nothing', '30s') > 1.0", "unknown; known are requests"),
        ("rate('requests', '30s', 'phone') > 1.0", "has the application"),
        ("down('mail-*') > 0", "matches no monitor"),
    ] {
        let message = message(&format!("{LEAST}{}", rule(&format!("when = \"{when}\""))));
        assert!(message.starts_with("f.toml:11: rule.when: ") && message.contains(wanted), "{when}: {message}");
    }
    refused(&rule("when = \"true\"\ntimeout = \"1s\""), "12: rule.timeout: unknown key");
}
