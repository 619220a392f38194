//! Arguments that the command line accepts, and those it answered with status 2.

#![allow(clippy::unwrap_used)]

use super::*;
use clap::CommandFactory as _;
use std::time::Duration;

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = std::iter::once("forewarn").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command)
}

fn notify(line: &str) -> NotifyArgs {
    match parse(&format!("notify {line}")).unwrap() {
        Command::Notify(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn everything_of_the_contract_is_taken() {
    for line in [
        "init f.toml",
        "serve --config f.toml --log-format json",
        "demo --fresh --data d --base-port 9000",
        "preview system --unavailable --for 2h --json",
        "preview --cancel 019aaf3e-7c11-7000-8000-000000000000",
        "notify system --degraded --message slow",
        "notify system --unavailable --at 2026-11-23T16:00:00Z --for 2h --last-entry 10m",
        "status",
        "status mail --watch --json",
        "why mail --method post --path /mail/x --header A=b --query q=1 --client ::1 --node a --json",
        "node list --json",
        "node forget b",
        "check f.toml --json",
        "hash-password",
        "token --json",
        "store check --data d --json",
        "store backup --config f.toml to",
        "store export --data d",
        "store import --data d from",
        "store renew --data d",
        "store restamp --data d",
        "completions bash",
        "man --dir d",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn a_notification_has_all_its_fields() {
    let args = notify(
        "application:mail resource:db --unavailable --reason testing --message m --component c \
         --at 2026-11-23T17:00:00+01:00 --for 2h --restore automatic --priority critical \
         --method get --method PUT --path /mail/* --header X-Test=* --query a=b=c \
         --client 10.1.0.0/8 --node a --to http://a:1,http://b:2 --pick least-loaded \
         --wait all --timeout 500ms --id 019aaf3e-7c11-7000-8000-000000000000 --json",
    );
    assert_eq!(args.said.targets, ["application:mail", "resource:db"]);
    assert!(args.said.unavailable && !args.said.available && args.output.json);
    assert_eq!(args.said.at.unwrap().to_rfc3339(), "2026-11-23T16:00:00+00:00");
    assert_eq!(args.said.lasts.unwrap(), Duration::from_secs(7_200));
    assert_eq!(args.said.criteria.method, ["GET", "PUT"]);
    assert_eq!(args.said.criteria.header, [("x-test".to_owned(), "*".to_owned())]);
    assert_eq!(args.said.criteria.query, [("a".to_owned(), "b=c".to_owned())]);
    assert_eq!(args.said.criteria.client[0].to_string(), "10.0.0.0/8");
    assert_eq!(args.to.len(), 2);
    assert_eq!((args.pick, args.wait), (Pick::LeastLoaded, Some(Wait::All)));
    assert_eq!(args.timeout, Duration::from_millis(500));

    let plain = notify("system --available");
    assert_eq!((plain.pick, plain.timeout), (Pick::Listed, Duration::from_secs(5)));
    let id = "019aaf3e-7c11-7000-8000-000000000000";
    assert!(notify(&format!("--cancel {id}")).said.targets.is_empty());
    assert!(notify(&format!("system --unavailable --replace {id}")).said.replace.is_some());
}

#[test]
fn texts_may_begin_with_a_hyphen() {
    let words = ["forewarn", "notify", "system", "--unavailable", "--message", "-5 degrees", "--component", "-48V"];
    match Cli::try_parse_from(words).unwrap().command {
        Command::Notify(args) => {
            assert_eq!(
                (args.said.message.as_deref(), args.said.component.as_deref()),
                (Some("-5 degrees"), Some("-48V"))
            );
        }
        other => panic!("{other:?}"),
    }
    // a forgotten value does not swallow the next option
    assert!(parse("notify system --unavailable --message --reason testing").is_err());
}

#[test]
fn wrong_usage_is_status_2() {
    let id = "019aaf3e-7c11-7000-8000-000000000000";
    for line in [
        "",
        "sing",
        "completions tcsh",
        "serve",
        "serve --config f --log-format xml",
        "demo --base-port 80",
        "status two words",
        "why",
        "why mail --path mail",
        "node forget a/b",
        "store check",
        "store check --data d --config f",
        "store backup --data d",
        "notify",
        "notify system",
        "notify --available",
        "notify mail --available",
        "notify system --available --unavailable",
        &format!("notify system --cancel {id}"),
        &format!("notify --cancel {id} --for 2h"),
        &format!("notify system --unavailable --cancel {id} --replace {id}"),
        "notify --cancel 7",
        "notify system --unavailable --for 2",
        "notify system --unavailable --at tomorrow",
        "notify system --unavailable --for 2h --back-at 2026-11-23T16:00:00Z",
        "notify system --unavailable --header X",
        "notify system --unavailable --client 10.0.0.1/99",
        "notify system --unavailable --to nowhere",
        "notify system --degraded --at 2026-11-23T16:00:00Z",
        "notify system --unavailable --last-entry 10m",
        "preview system",
        "preview system --unavailable --wait all",
        "notify system --unavailable --pick listed",
        "notify system --unavailable --timeout 5s",
        &format!("notify system --unavailable --component {}", "x".repeat(201)),
        &format!("notify system --unavailable --message {}", "x".repeat(2_001)),
        &format!("notify {} --available", "system ".repeat(101)),
    ] {
        let error = parse(line).map(|command| panic!("{line}: {command:?}")).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    assert_eq!(parse("--help").unwrap_err().exit_code(), 0);
}
