//! Which keys take effect when the file is read again (docs/contract.md#reading-it-again), and in which keys two files
//! differ.
//!
//! What must stay true: every key that the file may have is in one of the two lists. A test compares them with the keys
//! that the readers ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use toml::Value;

/// Keys of the node as it is put together: what listens, what it is to its farm, and its store.
pub const NEED_RESTART: &[&str] = &[
    "control.advertise",
    "control.listen",
    "control.time_zone",
    "control.trusted_proxies",
    "farm.fanout",
    "farm.lapse",
    "farm.max_clock_skew",
    "farm.merge.every",
    "farm.merge.mode",
    "farm.merge.order",
    "farm.merge.references",
    "farm.merge.timeout",
    "farm.pass_key",
    "farm.peers",
    "farm.previous_secret",
    "farm.previous_secret_file",
    "farm.queue.credentials",
    "farm.queue.kind",
    "farm.queue.max_bytes",
    "farm.queue.stream",
    "farm.queue.tls_ca",
    "farm.queue.url",
    "farm.queue.urls",
    "farm.secret",
    "farm.secret_file",
    "farm.tls_ca",
    "farm.tls_cert",
    "farm.tls_key",
    "gate.h2c",
    "gate.listen",
    "gate.max_connections",
    "gate.proxy_protocol",
    "gate.redirect",
    "node.data",
    "node.name",
    "node.reserve",
    "node.sandbox",
    "notifier.initial",
    "notifier.nodes",
];

/// Keys whose new values are in effect at once.
pub const IN_PLACE: &[&str] = &[
    "alert.match",
    "alert.reason",
    "alert.target",
    "application.agree",
    "application.balance",
    "application.critical",
    "application.exempt",
    "application.host",
    "application.inject",
    "application.max_body",
    "application.name",
    "application.proxy_protocol",
    "application.rate_burst",
    "application.rate_limit",
    "application.remove_answer_headers",
    "application.remove_request_headers",
    "application.routes",
    "application.set_answer_headers",
    "application.set_request_headers",
    "application.strip_prefix",
    "application.title",
    "application.upstream",
    "application.upstream_ca",
    "application.upstream_protocol",
    "application.uses",
    "control.hosts",
    "control.tls.cert",
    "control.tls.client_ca",
    "control.tls.key",
    "gate.access_log",
    "gate.access_log_format",
    "gate.cors",
    "gate.inject",
    "gate.languages",
    "gate.max_body",
    "gate.not_kept",
    "gate.page.colour",
    "gate.page.colour_dark",
    "gate.page.contact",
    "gate.page.logo",
    "gate.page.offers",
    "gate.pages",
    "gate.per_client.connections",
    "gate.per_client.streams",
    "gate.request_ids",
    "gate.timeouts.body",
    "gate.timeouts.connect",
    "gate.timeouts.header",
    "gate.timeouts.idle",
    "gate.timeouts.upstream",
    "gate.tls.cert",
    "gate.tls.certificates.cert",
    "gate.tls.certificates.key",
    "gate.tls.hsts",
    "gate.tls.key",
    "gate.trusted_proxies",
    "mail.events",
    "mail.from",
    "mail.password",
    "mail.server",
    "mail.to",
    "monitor.command",
    "monitor.degraded_above",
    "monitor.every",
    "monitor.expect_body",
    "monitor.expect_status",
    "monitor.fail_after",
    "monitor.fail_ratio",
    "monitor.farm",
    "monitor.headers",
    "monitor.http",
    "monitor.message",
    "monitor.method",
    "monitor.min_requests",
    "monitor.name",
    "monitor.passive",
    "monitor.reason",
    "monitor.recover_after",
    "monitor.redirects",
    "monitor.scope",
    "monitor.target",
    "monitor.tcp",
    "monitor.timeout",
    "monitor.tls_ca",
    "monitor.upstream",
    "node.log",
    "operator.name",
    "operator.password",
    "operator.role",
    "operator.targets",
    "reason.code",
    "reason.name",
    "reason.title",
    "resource.agree",
    "resource.name",
    "rule.every",
    "rule.fail_after",
    "rule.message",
    "rule.name",
    "rule.reason",
    "rule.recover_after",
    "rule.scope",
    "rule.target",
    "rule.when",
    "status_page.title",
    "status_page.url",
    "token.expires",
    "token.name",
    "token.role",
    "token.sha256",
    "token.targets",
    "webhook.events",
    "webhook.format",
    "webhook.name",
    "webhook.secret",
    "webhook.tls_ca",
    "webhook.url",
];

/// Where settings come from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What is in it.
    pub written: Written,
}

/// The values of a file by their keys. The entries of a list count together.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written(BTreeMap<String, Vec<String>>);

impl fmt::Debug for Written {
    /// Without the values: there are secrets among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

impl Written {
    /// Of a text that has been read; one that cannot be read has no keys.
    pub(super) fn of(text: &str) -> Self {
        let mut written = Self::default();
        if let Ok(table) = text.parse::<toml::Table>() {
            for (key, value) in &table {
                written.add(key, value, 2);
            }
        }
        written
    }

    /// Sections lie at most `depth` deep: what is a table below that is a value, such as `match`.
    fn add(&mut self, key: &str, value: &Value, depth: usize) {
        match value {
            Value::Table(table) if depth > 0 => {
                let list = !matches!(key, "gate" | "control" | "farm");
                for (name, value) in table {
                    self.add(&format!("{key}.{name}"), value, if list { 0 } else { depth - 1 });
                }
            }
            Value::Array(entries) if entries.iter().any(Value::is_table) => {
                for (at, entry) in entries.iter().enumerate() {
                    let Value::Table(table) = entry else { continue };
                    for (name, value) in table {
                        // With its place: an entry that moves has changed.
                        self.0.entry(format!("{key}.{name}")).or_default().push(format!("{at} {value}"));
                    }
                }
            }
            value => self.0.entry(key.to_owned()).or_default().push(value.to_string()),
        }
    }

    fn differing(&self, other: &Self, of: &[&str]) -> Vec<String> {
        let all: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let differs = all.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key));
        differs.filter(|key| of.contains(&key.as_str())).cloned().collect()
    }

    /// The keys in which this file differs from the one before it, and whose values are in effect at once.
    pub fn changed_in_place(&self, before: &Self) -> Vec<String> {
        self.differing(before, IN_PLACE)
    }

    /// The keys in which this file differs from the one with which the node has started, and which need a restart.
    pub fn needs_restart(&self, started: &Self) -> Vec<String> {
        let mut keys = self.differing(started, NEED_RESTART);
        // Certificates change in place; whether there is TLS at all does not.
        for section in ["control.tls", "gate.tls"] {
            if self.has_section(section) != started.has_section(section) {
                keys.push(section.to_owned());
            }
        }
        keys
    }

    fn has_section(&self, section: &str) -> bool {
        self.0.keys().any(|key| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader::{Reader, Report};

    /// A file in which every section stands, so that every reader asks for its keys.
    const EVERY_SECTION: &str = r#"
[node]
[gate]
[gate.tls]
cert = "x"
[[gate.tls.certificates]]
[control]
[control.tls]
[farm]
tls_cert = "x"
[notifier]
[[application]]
[[resource]]
[[reason]]
[[token]]
[[operator]]
[[alert]]
[[monitor]]
http = "http://127.0.0.1:1/"
[[monitor]]
farm = "http://127.0.0.1:1/.forewarn/availability/x"
[[rule]]
[[webhook]]
events = ["closed"]
[mail]
events = ["closed"]
[status_page]
"#;

    #[test]
    fn every_key_is_in_one_list() {
        let report = Report::new(EVERY_SECTION);
        let tree = report.tree(EVERY_SECTION);
        let root = tree.as_ref().map(|tree| Reader::root(tree.get_ref(), &report));
        root.and_then(|root| crate::config::whole(root, std::path::Path::new("a.toml"), EVERY_SECTION));
        let asked = report.keys.borrow().clone();
        let is_section = |key: &String| asked.iter().any(|other| other.starts_with(&format!("{key}.")));
        let known: BTreeSet<String> = asked.iter().filter(|key| !is_section(key)).cloned().collect();
        let listed: Vec<String> = IN_PLACE.iter().chain(NEED_RESTART).map(|key| (*key).to_owned()).collect();
        let once: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!(once.len(), listed.len(), "a key is in both lists, or twice in one");
        let missing: Vec<&String> = known.difference(&once).collect();
        let unknown: Vec<&String> = once.difference(&known).collect();
        assert_eq!((missing, unknown), (vec![], vec![]), "every key says whether it needs a restart");
    }

    #[test]
    fn files_differ_in_keys() {
        let file = |more: &str| Written::of(&format!("[node]\nname = \"a\"\n[gate.timeouts]\nbody = \"1s\"\n{more}"));
        let token = |role: &str| format!("[[token]]\nname = \"x\"\nrole = \"{role}\"\n");
        let before = file(&token("operator"));
        assert!(before.changed_in_place(&before).is_empty() && before.needs_restart(&before).is_empty());
        assert_eq!(file(&token("viewer")).changed_in_place(&before), ["token.role"]);
        assert_eq!(file("").changed_in_place(&before), ["token.name", "token.role"]);
        let other = Written::of("[node]\nname = \"b\"\n[gate.timeouts]\nbody = \"2s\"\n[farm.merge]\nevery = \"1s\"\n");
        assert_eq!(other.changed_in_place(&file("")), ["gate.timeouts.body"]);
        assert_eq!(other.needs_restart(&file("")), ["farm.merge.every", "node.name"]);
        let matches = |name: &str| Written::of(&format!("[[alert]]\nmatch = {{ a = \"{name}\" }}\n"));
        assert_eq!(matches("x").changed_in_place(&matches("y")), ["alert.match"]);
        assert_eq!(format!("{before:?}"), "Written(…)");
    }
}
