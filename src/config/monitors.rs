//! `[[monitor]]` and `[[rule]]` (docs/contract.md#monitors).
//!
//! What must stay true: a monitor has one kind of check, and only keys that this kind reads; what it is about is
//! configured on this node; a rule is checked completely, down to the names in it.

use std::{collections::BTreeMap, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method};
use rustls::RootCertStore;
use url::Url;

use super::{
    lists::{self, Names},
    reader::Reader,
    settings::{Application, Resource},
    values,
};
use crate::{
    availability::{Glob, Name, Reason, Reasons, Target},
    monitor::{
        Check, CommandCheck, FarmCheck, HttpCheck, PassiveCheck, Rule, Scope, StatusSet, TcpCheck, Watch, Watched,
        rule::Names as RuleNames,
    },
    tls::authorities,
    vocabulary::{HttpUrl, host_name},
};

/// The most monitors and rules of a node.
const MAX_MONITORS: usize = 1_000;
/// The keys of which a monitor has exactly one.
const KINDS: [&str; 5] = ["http", "tcp", "command", "farm", "passive"];
/// Keys that belong to one kind.
const OF_HTTP: [&str; 5] = ["expect_status", "expect_body", "method", "headers", "redirects"];
const OF_WEB: [&str; 1] = ["tls_ca"];
const OF_PASSIVE: [&str; 2] = ["fail_ratio", "min_requests"];
/// The longest argument, header or message that a monitor has, in bytes.
const MAX_TEXT: usize = 2_000;
/// The most arguments of a command, and the most headers of a request.
const MAX_WORDS: usize = 64;
/// The interval of checks.
const EVERY: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
const HOUR: Duration = Duration::from_secs(3_600);

/// What the rest of the file says that monitors refer to.
pub(super) struct Here<'a> {
    pub(super) node: Option<&'a Name>,
    pub(super) applications: &'a [Application],
    pub(super) resources: &'a [Resource],
    pub(super) reasons: &'a [Reason],
    pub(super) file: &'a Path,
}

/// All monitors, then all rules.
pub(super) fn monitors(root: &mut Reader<'_>, here: &Here<'_>) -> Vec<Watch> {
    let mut names = Names::default();
    let mut monitors = Vec::new();
    for (at, mut entry) in root.sections("monitor").into_iter().enumerate() {
        here.check_node(&entry, at);
        monitors.extend(monitor(&mut entry, &mut names, here));
        entry.finish();
    }
    let known: Vec<&str> = monitors.iter().map(|monitor: &Watch| monitor.name.as_str()).collect();
    let applications: Vec<&str> = here.applications.iter().map(|application| application.name.as_str()).collect();
    let rule_names = RuleNames { monitors: &known, applications: &applications };
    let mut rules = Vec::new();
    for (at, mut entry) in root.sections("rule").into_iter().enumerate() {
        here.check_node(&entry, known.len() + at);
        rules.extend(rule(&mut entry, &mut names, &rule_names, here));
        entry.finish();
    }
    monitors.extend(rules);
    monitors
}

impl Here<'_> {
    fn check_node(&self, entry: &Reader<'_>, at: usize) {
        // The reporter is NODE/MONITOR; these nodes would speak as tokens, alerts or farms.
        if let Some(node) = self.node.filter(|node| ["token", "alert", "farm"].contains(&node.as_str())) {
            entry.problem("name", format!("cannot speak on a node named \"{node}\": choose another node.name"));
        }
        if at == MAX_MONITORS {
            entry.problem("name", format!("is one too many: at most {MAX_MONITORS} monitors and rules"));
        }
    }

    fn target(&self, text: &str) -> Result<Target, String> {
        let target = text.parse::<Target>().map_err(str::to_owned)?;
        match &target {
            Target::Application(name) if self.applications.iter().all(|one| one.name != *name) => {
                Err(format!("there is no [[application]] named \"{name}\""))
            }
            Target::Resource(name) if self.resources.iter().all(|one| one.name != *name) => {
                Err(format!("there is no [[resource]] named \"{name}\""))
            }
            _ => Ok(target),
        }
    }
}

impl Here<'_> {
    /// The upstream of the target that a monitor is about.
    fn upstream(&self, entry: &mut Reader<'_>, target: Option<&Target>) -> Option<Watched> {
        let of =
            |target: &Target| self.applications.iter().find(|one| Target::Application(one.name.clone()) == *target);
        let application = target.and_then(of);
        entry.text("upstream", |text| {
            let url: HttpUrl = text.parse()?;
            let Some(application) = application else {
                return Err("is one of an application: the target must be one".to_owned());
            };
            let all: Vec<String> = application.upstream.iter().map(ToString::to_string).collect();
            match application.upstream.contains(&url) {
                true => Ok(Watched { upstream: url.to_string(), all }),
                false => Err(format!("is no upstream of {}, which has {}", application.name, all.join(", "))),
            }
        })
    }
}

/// The keys that monitors and rules have in common.
struct Common {
    name: Option<Name>,
    target: Option<Target>,
    scope: Scope,
    reason: Option<Name>,
    message: Option<String>,
    every: Duration,
    fail_after: Option<NonZeroU32>,
    recover_after: Option<NonZeroU32>,
    upstream: Option<Watched>,
}

impl Common {
    fn read(entry: &mut Reader<'_>, names: &mut Names, here: &Here<'_>) -> Self {
        let name = names.next(entry);
        let target = entry.required("target", |text| here.target(text));
        let scopes = [("node", Scope::Node), ("farm", Scope::Farm)];
        let scope = entry.text("scope", values::one_of(&scopes));
        let reason = entry.text("reason", |text| lists::reason(text, here.reasons));
        let message = entry.text("message", |text| match (1..=MAX_TEXT).contains(&text.chars().count()) {
            true => Ok(text.to_owned()),
            false => Err(format!("must be 1 to {MAX_TEXT} characters")),
        });
        let every = entry.text("every", values::duration_in(Duration::from_millis(100)..=HOUR));
        let fail_after = entry.number("fail_after", 1..=1_000).and_then(NonZeroU32::new);
        let recover_after = entry.number("recover_after", 1..=1_000).and_then(NonZeroU32::new);
        let (scope, every) = (scope.unwrap_or(Scope::Node), every.unwrap_or(EVERY));
        Self { name, target, scope, reason, message, every, fail_after, recover_after, upstream: None }
    }

    /// `fail` and `recover`: after so many checks where nothing else is written.
    fn watch(
        self,
        check: Check,
        timeout: Duration,
        slow: Option<Duration>,
        [fail, recover]: [u32; 2],
    ) -> Option<Watch> {
        let or = |given: Option<NonZeroU32>, usual| given.or(NonZeroU32::new(usual)).unwrap_or(NonZeroU32::MIN);
        // The built-in reason's name is one.
        let reason = self.reason.or_else(|| "unplanned-outage".parse().ok());
        Some(Watch {
            name: self.name?,
            target: self.target?,
            check,
            upstream: self.upstream,
            scope: self.scope,
            reason: reason?,
            message: self.message,
            every: self.every,
            timeout,
            fail_after: or(self.fail_after, fail),
            recover_after: or(self.recover_after, recover),
            degraded_above: slow,
        })
    }
}

fn monitor(entry: &mut Reader<'_>, names: &mut Names, here: &Here<'_>) -> Option<Watch> {
    let mut common = Common::read(entry, names, here);
    common.upstream = here.upstream(entry, common.target.as_ref());
    let limits = Duration::from_millis(10)..=Duration::from_secs(300);
    let timeout = entry.text("timeout", values::duration_in(limits.clone())).unwrap_or(TIMEOUT);
    let slow = entry.text("degraded_above", values::duration_in(Duration::from_millis(1)..=*limits.end()));
    if slow.is_some_and(|slow| slow >= timeout) {
        entry.problem("degraded_above", format!("must be shorter than the timeout, {timeout:?}"));
    }
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| entry.has(kind)).collect();
    let keys = |of: &[&'static str], those: &[&str]| {
        for key in of.iter().filter(|key| entry.has(key) && !those.iter().any(|kind| kinds == [*kind])) {
            entry.problem(key, format!("goes with {} only", those.join(" and ")));
        }
    };
    keys(&OF_HTTP, &["http"]);
    keys(&OF_WEB, &["http", "farm"]);
    keys(&OF_PASSIVE, &["passive"]);
    keys(&["degraded_above"], &["http", "tcp", "command", "passive"]);
    keys(&["upstream"], &["http", "tcp", "command"]);
    match kinds.as_slice() {
        [_] => {}
        [] => entry.problem("name", format!("needs a check: one of {}", KINDS.join(", "))),
        [_, second, ..] => entry.problem(second, format!("is a second check beside {}: choose one", kinds[0])),
    }
    // Read all, so that every key is known here.
    let roots = entry.text("tls_ca", |text| authorities(&values::beside(here.file, text)));
    let http = http(entry, roots.clone()).map(|check| Check::Http(Box::new(check)));
    let farm = farm(entry, roots, here).map(|check| Check::Farm(Box::new(check)));
    let tcp = entry.text("tcp", tcp).map(Check::Tcp);
    let command = command(entry).map(Check::Command);
    let passive = passive(entry, common.target.as_ref(), here).map(Check::Passive);
    let usual = if kinds == ["passive"] { [1, 1] } else { [3, 2] };
    common.watch(http.or(tcp).or(command).or(farm).or(passive)?, timeout, slow, usual)
}

fn rule(entry: &mut Reader<'_>, names: &mut Names, known: &RuleNames<'_>, here: &Here<'_>) -> Option<Watch> {
    let common = Common::read(entry, names, here);
    let rule = entry.required("when", |text| Rule::compile(text, known));
    common.watch(Check::Rule(Arc::new(rule?)), TIMEOUT, None, [1, 1])
}

fn http(entry: &mut Reader<'_>, roots: Option<Arc<RootCertStore>>) -> Option<HttpCheck> {
    let url = entry.text("http", |text| {
        let wanted = "must be an address such as \"http://127.0.0.1:9001/health\"";
        let url = Url::parse(text).map_err(|error| format!("{wanted}: {error}"))?;
        let is_fine = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
        match (is_fine, url.username().is_empty() && url.password().is_none()) {
            (true, true) => Ok(url),
            // not repeated in the message: it may be a password
            (true, false) => Err("must not contain a user or a password; use headers".to_owned()),
            (false, _) => Err(format!("{wanted}, without a fragment")),
        }
    });
    let methods = [("GET", 0), ("HEAD", 1), ("OPTIONS", 2), ("POST", 3)].map(|(word, at)| (word, at));
    let method = entry.text("method", values::one_of(&methods));
    let method = [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST].into_iter().nth(method.unwrap_or(0));
    let expect_status = entry.text("expect_status", str::parse::<StatusSet>).unwrap_or_default();
    let expect_body = entry.text("expect_body", |text| Glob::submitted(text).map_err(|error| error.to_string()));
    let headers = entry.pairs("headers", header).map(BTreeMap::into_values).into_iter().flatten().collect::<Vec<_>>();
    if headers.len() > MAX_WORDS {
        entry.problem("headers", format!("must be at most {MAX_WORDS}"));
    }
    let redirects = entry.number("redirects", 0..=5).unwrap_or(5);
    if expect_body.is_some() && method == Some(Method::HEAD) {
        entry.problem("expect_body", "does not go with the method HEAD, whose answer has no body");
    }
    let method = method?;
    Some(HttpCheck { url: url?, method, headers, expect_status, expect_body, redirects, roots })
}

/// The availability of one application of another farm.
fn farm(entry: &mut Reader<'_>, roots: Option<Arc<RootCertStore>>, here: &Here<'_>) -> Option<FarmCheck> {
    let [url, events] = entry.text("farm", |text| {
        let wanted = "must be the address of another farm's application such as \"https://partner.example/.forewarn/availability/mail\"";
        let url = Url::parse(text).map_err(|error| format!("{wanted}: {error}"))?;
        let is_plain = url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(wanted.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user or a password".to_owned());
        }
        let (base, name) = url.path().split_once("/.forewarn/availability/").ok_or(wanted)?;
        let name = values::name(name).map_err(|_no_name| wanted.to_owned())?;
        let mut events = url.clone();
        events.set_path(&format!("{base}/.forewarn/events"));
        events.set_query(Some(&format!("application={name}")));
        Ok([url, events])
    })?;
    Some(FarmCheck { url, events, roots, reasons: Arc::new(Reasons::with(here.reasons.iter().cloned())) })
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong =
        |problem: &str| Err(format!("has the header {:?}, which {problem}", name.chars().take(64).collect::<String>()));
    let Ok(parsed) = name.parse::<HeaderName>() else { return wrong("is no name of a header") };
    if matches!(parsed.as_str(), "connection" | "content-length" | "transfer-encoding" | "upgrade" | "te" | "expect") {
        return wrong("is set by the connection");
    }
    match HeaderValue::from_str(value) {
        Ok(value) if value.len() <= MAX_TEXT => Ok((parsed, value)),
        Ok(_) => wrong(&format!("is longer than {MAX_TEXT} bytes")),
        Err(_) => wrong("has a value with characters that a header cannot have"),
    }
}

fn tcp(text: &str) -> Result<TcpCheck, String> {
    let wanted = "must be a host and a port such as \"127.0.0.1:5432\"";
    let (host, port) = text.rsplit_once(':').ok_or(wanted)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(wanted)?;
    let host = host_name(host).map_err(|error| format!("{wanted}: {error}"))?;
    Ok(TcpCheck { host: host.trim_matches(['[', ']']).to_owned(), port })
}

fn command(entry: &mut Reader<'_>) -> Option<CommandCheck> {
    let mut words = entry.words("command", |text| match text.len() <= MAX_TEXT && !text.contains('\0') {
        true => Ok(()),
        false => Err(format!("must have words of at most {MAX_TEXT} bytes, without the character NUL")),
    });
    if entry.has("command") && (words.first().is_none_or(String::is_empty) || words.len() > MAX_WORDS) {
        entry.problem("command", format!("must be a program and its arguments, 1 to {MAX_WORDS} texts"));
    }
    (!words.is_empty()).then(|| CommandCheck { program: words.remove(0), arguments: words })
}

fn passive(entry: &mut Reader<'_>, target: Option<&Target>, here: &Here<'_>) -> Option<PassiveCheck> {
    let is_on = entry.flag("passive", false);
    if entry.has("passive") && !is_on {
        entry.problem("passive", "can only be true");
    }
    if is_on && target.is_some_and(|target| !matches!(target, Target::Application(_))) {
        entry.problem("passive", "looks at the requests of one application: the target must be one");
    }
    let fail_ratio = entry.share("fail_ratio").unwrap_or(0.5);
    let min_requests = entry.number("min_requests", 1..=1_000_000).and_then(NonZeroU32::new);
    let min_requests = min_requests.or(NonZeroU32::new(20)).unwrap_or(NonZeroU32::MIN);
    let watched = here.applications.iter().find(|one| target == Some(&Target::Application(one.name.clone())));
    let upstreams = watched.into_iter().flat_map(|application| &application.upstream);
    let upstreams =
        upstreams.map(|url| TcpCheck { host: url.host().trim_matches(['[', ']']).to_owned(), port: url.port() });
    is_on.then(|| PassiveCheck { fail_ratio, min_requests, upstreams: upstreams.collect() })
}
