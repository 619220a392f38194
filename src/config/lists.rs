//! The lists: `[[application]]`, `[[resource]]`, `[[reason]]`, `[[token]]`, `[[operator]]`, `[[alert]]`.
//!
//! What must stay true: names are unique within their list, and every reference to another list is resolved. An
//! incomplete entry is reported and left out.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;

use super::reader::Reader;
use super::settings::{Application, Operator, Resource, Token};
use super::{tls, values};
use crate::availability::{Glob, Moment, Name, Reason, Target, path_glob};
use crate::vocabulary::{
    AlertRule, Balance, HeaderRules, HttpUrl, Rate, Role, Route, Secret, password, rate, token_sha256,
};

/// `agree` can demand at most as many reporters as one target can have.
const MAX_AGREE: u32 = 256;
/// The most exempt paths of one application: each is compared with every request while it is closed.
const MAX_EXEMPT: usize = 64;

/// The longest name or value of an alert's label, in bytes.
const MAX_LABEL: usize = 1_024;

/// Names seen so far in one list.
#[derive(Default)]
pub(super) struct Names(BTreeSet<Name>);

impl Names {
    /// The entry's `name`; the same one a second time is a problem.
    pub(super) fn next(&mut self, entry: &mut Reader<'_>) -> Option<Name> {
        let name = entry.required("name", values::name)?;
        if !self.0.insert(name.clone()) {
            entry.problem("name", format!("\"{name}\" is used twice"));
        }
        Some(name)
    }
}

/// Every entry of the list `key` as `one` makes it.
pub(super) fn entries<T>(
    root: &mut Reader<'_>,
    key: &'static str,
    mut one: impl FnMut(&mut Reader<'_>, &mut Names) -> Option<T>,
) -> Vec<T> {
    let mut names = Names::default();
    let mut list = Vec::new();
    for mut entry in root.sections(key) {
        list.extend(one(&mut entry, &mut names));
        entry.finish();
    }
    list
}

pub(super) fn resources(root: &mut Reader<'_>) -> Vec<Resource> {
    entries(root, "resource", |entry, names| {
        let name = names.next(entry);
        let agree = agree(entry);
        Some(Resource { name: name?, agree })
    })
}

fn agree(entry: &mut Reader<'_>) -> NonZeroU32 {
    entry.number("agree", 1..=MAX_AGREE).and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

pub(super) fn applications(root: &mut Reader<'_>, resources: &[Resource], file: &Path) -> Vec<Application> {
    entries(root, "application", |entry, names| {
        let name = names.next(entry);
        let title = entry.text("title", values::title);
        let routes = entry.texts("routes", str::parse::<Route>);
        let upstream = entry.texts("upstream", str::parse::<HttpUrl>);
        let uses = entry.texts("uses", |text| {
            let name = values::name(text)?;
            match resources.iter().any(|resource| resource.name == name) {
                true => Ok(name),
                false => Err(format!("there is no [[resource]] named \"{name}\"")),
            }
        });
        let critical = entry.flag("critical", false);
        let agree = agree(entry);
        let balances = [("round-robin", Balance::RoundRobin), ("least-connections", Balance::LeastConnections)];
        let balance = entry.text("balance", values::one_of(&balances));
        let strip_prefix = entry.flag("strip_prefix", false);
        let inject = entry.flag("inject", false);
        let exempt = entry.texts("exempt", |text| path_glob(text).map_err(|error| error.to_string()));
        if exempt.len() > MAX_EXEMPT {
            entry.problem("exempt", format!("must be at most {MAX_EXEMPT} paths"));
        }
        let upstream_ca = tls::roots(entry, file, "upstream_ca");
        if upstream_ca.is_some() && !upstream.iter().any(HttpUrl::is_tls) {
            entry.problem("upstream_ca", "has no effect: no upstream is https");
        }
        let protocols = [("http/1.1", false), ("h2", true)];
        let http2 = entry.text("upstream_protocol", values::one_of(&protocols)).unwrap_or(false);
        let mut rules = |set, remove| {
            let added = entry.pairs(set, HeaderRules::field).map(BTreeMap::into_values).into_iter().flatten().collect();
            let removed = entry.texts(remove, HeaderRules::name);
            HeaderRules::new(added, removed)
        };
        let request_headers = rules("set_request_headers", "remove_request_headers");
        let answer_headers = rules("set_answer_headers", "remove_answer_headers");
        let keeps_host = entry.text("host", values::one_of(&[("keep", true), ("upstream", false)])).unwrap_or(true);
        let max_body = entry.text("max_body", values::body);
        let rate_limit = rate_limit(entry);
        let versions = [("v2", true)];
        let proxy_protocol = entry.text("proxy_protocol", values::one_of(&versions)).unwrap_or(false);
        let name = name?;
        Some(Application {
            title: title.unwrap_or_else(|| name.to_string()),
            name,
            routes,
            upstream,
            upstream_ca,
            http2,
            proxy_protocol,
            request_headers,
            answer_headers,
            keeps_host,
            max_body,
            rate_limit,
            balance: balance.unwrap_or_default(),
            strip_prefix,
            exempt,
            inject,
            uses,
            critical,
            agree,
        })
    })
}

/// How often one client may ask.
fn rate_limit(entry: &mut Reader<'_>) -> Option<Rate> {
    let rate = entry.text("rate_limit", str::parse::<Rate>);
    let burst = entry.number("rate_burst", 1..=rate::MOST).and_then(NonZeroU32::new);
    if entry.has("rate_burst") && !entry.has("rate_limit") {
        entry.problem("rate_burst", "needs rate_limit");
    }
    rate.map(|rate| rate.with_burst(burst))
}

/// The reasons beyond the built-in ones.
pub(super) fn reasons(root: &mut Reader<'_>) -> Vec<Reason> {
    let mut codes = BTreeSet::new();
    entries(root, "reason", |entry, names| {
        if !entry.has("code") {
            entry.problem("code", "is required");
        }
        let code = entry.number("code", 100..=999_999);
        if let Some(code) = code
            && !codes.insert(code)
        {
            entry.problem("code", format!("{code} is used twice"));
        }
        let name = names.next(entry);
        if let Some(name) = &name
            && Reason::BUILT_IN.iter().any(|(_, built_in)| *built_in == name.as_str())
        {
            entry.problem("name", format!("\"{name}\" is a built-in reason"));
        }
        let title = entry.text("title", values::title);
        let name = name?;
        Some(Reason { code: code?, title: Some(title.unwrap_or_else(|| name.to_string())), name })
    })
}

pub(super) fn tokens(root: &mut Reader<'_>) -> Vec<Token> {
    let mut hashes = BTreeSet::new();
    entries(root, "token", |entry, names| {
        let name = names.next(entry);
        let role = entry.required("role", str::parse::<Role>);
        let targets = target_globs(entry);
        let expires = entry.text("expires", |text| {
            let wanted = "must be a time such as \"2027-01-31T00:00:00Z\"";
            text.parse::<Moment>().map_err(|error| format!("{wanted}: {error}"))
        });
        let sha256 = entry.required("sha256", values::sha256);
        if let Some(sha256) = sha256 {
            if !hashes.insert(sha256) {
                // a submission must have one author
                entry.problem("sha256", "is another token's already");
            } else if sha256 == token_sha256("") {
                entry.problem("sha256", "is the hash of the empty text; `forewarn token` makes a token and its hash");
            }
        }
        Some(Token { name: name?, role: role?, targets, expires, sha256: sha256? })
    })
}

pub(super) fn operators(root: &mut Reader<'_>) -> Vec<Operator> {
    entries(root, "operator", |entry, names| {
        let name = names.next(entry);
        let password = entry.required("password", password::check_phc);
        let role = entry.text("role", |text| match text.parse::<Role>() {
            Ok(Role::Monitor) | Err(_) => Err("must be \"operator\" or \"viewer\"".to_owned()),
            Ok(role) => Ok(role),
        });
        let targets = target_globs(entry);
        let role = role.unwrap_or(Role::Operator);
        Some(Operator { name: name?, password: Secret::new(password?), role, targets })
    })
}

/// The alerts that become statements, and their targets, which may be those of other nodes of the farm.
pub(super) fn alerts(root: &mut Reader<'_>, reasons: &[Reason]) -> Vec<AlertRule> {
    entries(root, "alert", |entry, _| {
        let labels = entry.pairs("match", |name, value| match (1..=MAX_LABEL).contains(&name.len()) {
            true if value.len() <= MAX_LABEL => Ok(value.to_owned()),
            _ => Err(format!("must have names of 1 to {MAX_LABEL} bytes and texts of at most {MAX_LABEL}")),
        });
        if !entry.has("match") || labels.as_ref().is_some_and(BTreeMap::is_empty) {
            entry.problem("match", "must name a label, such as { alertname = \"MailDown\" }");
        }
        let target = entry.required("target", |text| text.parse::<Target>().map_err(str::to_owned));
        let reason = entry.text("reason", |text| reason(text, reasons));
        Some(AlertRule { labels: labels?, target: target?, reason })
    })
}

/// The name of a built-in reason, or of one of these.
pub(super) fn reason(text: &str, reasons: &[Reason]) -> Result<Name, String> {
    let is_built_in = Reason::BUILT_IN.iter().any(|(_, name)| *name == text);
    match is_built_in || reasons.iter().any(|reason| reason.name.as_str() == text) {
        true => values::name(text),
        false => Err(format!("there is no [[reason]] named \"{}\"", text.escape_debug())),
    }
}

/// `targets`: the targets about which statements are allowed, as globs such as `application:mail*`.
fn target_globs(entry: &mut Reader<'_>) -> Option<Vec<Glob>> {
    let present = entry.has("targets");
    let targets = entry.texts("targets", |text| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:*?".contains(&byte);
        let wanted = "must be \"system\", \"application:NAME\" or \"resource:NAME\", where NAME may have * and ?";
        match (1..=80).contains(&text.len()) && text.bytes().all(fits) {
            true => Glob::new(text).map_err(|error| format!("{wanted}: {error}")),
            false => Err(wanted.to_owned()),
        }
    });
    present.then_some(targets)
}
