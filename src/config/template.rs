//! The commented configuration that `forewarn init FILE` writes.
//!
//! What must stay true: the file works as it is (`forewarn serve --config FILE`), it parses with
//! [`Settings::parse`](super::Settings::parse), it is readable by its owner only, and an existing
//! file is never touched. The password and the token are shown once; the file has only their
//! hashes. The farm's secret is in the file, because the other nodes need it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{ConfigError, secrets};
use crate::tls::issue::Authority;
use crate::vocabulary::Secret;

/// Name of the operator in a fresh file.
pub const OPERATOR: &str = "admin";

/// Name of the API token in a fresh file.
pub const TOKEN: &str = "ci";

/// What is shown once, and is nowhere written in this form.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Password of the operator [`OPERATOR`].
    pub password: Secret,
    /// The API token [`TOKEN`], role operator.
    pub token: Secret,
    /// The file of the farm's own authority, if one was made.
    pub authority: Option<String>,
}

/// Whom certificates are made for, beside this machine's loopback.
#[derive(Clone, Copy, Debug)]
pub struct Hosts<'a> {
    /// Names and addresses.
    pub more: &'a [String],
    /// The present year.
    pub year: i32,
}

/// Writes a fresh configuration to `file`, mode 0600.
///
/// # Errors
///
/// [`ConfigError::Exists`] when there is anything under that name, [`ConfigError::Unwritable`] when
/// it cannot be created (its folder must exist), [`ConfigError::Hash`] without randomness.
pub fn init(file: &Path, tls: Option<Hosts<'_>>) -> Result<Fresh, ConfigError> {
    let (mut text, mut fresh) = fresh()?;
    if file.exists() {
        return Err(ConfigError::Exists { file: file.to_path_buf() });
    }
    if let Some(hosts) = tls {
        fresh.authority = Some(certificates(file, hosts)?);
        text = with_tls(&text);
    }
    let unwritable = |source| ConfigError::Unwritable { file: file.to_path_buf(), source };
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|source| {
        match source.kind() {
            io::ErrorKind::AlreadyExists => ConfigError::Exists { file: file.to_path_buf() },
            _ => unwritable(source),
        }
    })?;
    // the secrets are shown only once, so the file must really be there by then
    let written = created.write_all(text.as_bytes());
    match written.and_then(|()| created.sync_all()) {
        Ok(()) => Ok(fresh),
        Err(source) => {
            // half a configuration would only stand in the way of the next try; if even that
            // fails, what is reported is still the first error
            let _ = std::fs::remove_file(file);
            Err(unwritable(source))
        }
    }
}

/// The text of a fresh configuration, and its secrets.
///
/// # Errors
///
/// [`ConfigError::Hash`] without randomness for the password's salt.
pub fn fresh() -> Result<(String, Fresh), ConfigError> {
    let password = secrets::new_password();
    let token = secrets::new_token();
    let text = TEMPLATE
        .replace("@SECRET@", &secrets::new_farm_secret())
        .replace("@OPERATOR@", OPERATOR)
        .replace("@PASSWORD@", &secrets::hash_password(&password)?)
        .replace("@TOKEN@", TOKEN)
        .replace("@SHA256@", &hex::encode(secrets::token_sha256(&token)));
    let fresh = Fresh { password: Secret::new(password), token: Secret::new(token), authority: None };
    Ok((text, fresh))
}

/// Makes an authority and a certificate of it in the folder `tls` beside the configuration; the path of the authority.
fn certificates(file: &Path, hosts: Hosts<'_>) -> Result<String, ConfigError> {
    let folder = file.parent().unwrap_or(Path::new("")).join("tls");
    let unwritable = |source| ConfigError::Unwritable { file: folder.clone(), source };
    let refused = |error: rcgen::Error| unwritable(io::Error::other(error));
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    let names: Vec<&str> =
        ["localhost", "127.0.0.1", "::1"].into_iter().chain(hosts.more.iter().map(String::as_str)).collect();
    let authority = Authority::new("Forewarn farm", hosts.year).map_err(refused)?;
    let node = authority.issue(&names, hosts.year, 5).map_err(refused)?;
    let ca = authority.issued();
    for (name, text) in
        [("farm-ca.pem", ca.cert), ("farm-ca.key", ca.key), ("node.pem", node.cert), ("node.key", node.key)]
    {
        let mode = if name.ends_with(".key") { 0o600 } else { 0o644 };
        let path = folder.join(name);
        let created = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        created.and_then(|mut created| created.write_all(text.as_bytes())).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ConfigError::Exists { file: path.clone() },
            _ => ConfigError::Unwritable { file: path.clone(), source },
        })?;
    }
    Ok(folder.join("farm-ca.pem").display().to_string())
}

/// The same configuration with TLS on both listeners and between nodes.
fn with_tls(text: &str) -> String {
    let certificate = "cert = \"tls/node.pem\"               # made by forewarn init --tls; relative to this file\nkey = \"tls/node.key\"\n";
    let (gate, control) = ("# For operators, programs and the other nodes.", "# The other nodes.");
    text.replace(gate, &format!("[gate.tls]\n{certificate}\n{gate}"))
        .replace(control, &format!("[control.tls]\n{certificate}\n{control}"))
        .replace("# peers = [\"http:", "tls_ca = \"tls/farm-ca.pem\"\n# peers = [\"https:")
        .replace("# advertise = \"http:", "# advertise = \"https:")
}

/// Commented settings are optional, and show the default unless stated otherwise.
const TEMPLATE: &str = r##"# Configuration of one Forewarn node.
#   forewarn check FILE            reports every problem
#   forewarn serve --config FILE   runs the node

[node]
name = "a"                       # for people; each node of a farm has its own
data = "./data/a"                # the node's store; relative to the folder it is started in
# reserve = "64MiB"              # free space below which submissions are refused
# sandbox = "auto"               # what the process may still do once it runs: docs/contract.md#sandbox

# The public listener: every request of users arrives here.
[gate]
listen = "127.0.0.1:8080"
# trusted_proxies = ["127.0.0.1/32"]   # proxies whose X-Forwarded-… are trusted; default: none
# access_log = "-"                     # a line for each request, or a file; access_log_format = "json"

# The look of the page that users see while an application is unavailable. Own texts, languages and
# whole pages: docs/contract.md#languages
# [gate.page]
# contact = "mailto:help@example.com"
# colour = "#1f5f8f"                   # with enough contrast for text; by default one for each kind of closing
# colour_dark = "#85bde6"

# For operators, programs and the other nodes. Keep it private.
[control]
listen = "127.0.0.1:7070"
# advertise = "http://127.0.0.1:7070"  # where the other nodes reach this one
# time_zone = "UTC"                    # of times typed into the form, such as "Europe/Berlin"

# The other nodes. All of them need the same secret; keep this file to yourself.
[farm]
secret = "@SECRET@"
# peers = ["http://127.0.0.1:7071"]    # one is enough, the others are learned; by default none
# fanout = "all"                       # 1: along a chain, 2, 3 …: through a tree
# max_clock_skew = "60s"               # the same on all nodes
# lapse = "24h"                        # when a monitor's word no longer counts; the same on all

# [farm.merge]                         # how a node that starts learns what it missed
# references = "all"                   # how many nodes it asks
# order = "listed"                     # or "random"
# mode = "series"                      # or "parallel"
# timeout = "5s"                       # for all of it
# every = "30s"                        # and how often it asks one of them later

# An application is what users ask for. Requests below one of its routes are answered at once with
# the reason while it is unavailable, and passed on to its upstream otherwise.
[[application]]
name = "mail"
title = "Mail"
routes = ["/mail"]                     # a path, or a host and a path: "mail.example.com/"
upstream = ["http://127.0.0.1:9001"]   # where requests go; until something listens there: 502
uses = ["mail-store"]                  # unavailable as soon as one of these is
# critical = false                     # true: its notifications overtake all others
# agree = 1                            # how many monitors must agree that it is unavailable
# rate_limit = "20/s"                  # how often one client may ask; by default as often as it likes

[[resource]]
name = "mail-store"

# Reasons beyond unknown, planned-maintenance, unplanned-outage and testing, from code 100 up.
# [[reason]]
# code = 100
# name = "licence-expired"
# title = "its licence has expired"

# Operators, who sign in at the control listener. `forewarn hash-password` makes the second line.
[[operator]]
name = "@OPERATOR@"
password = "@PASSWORD@"

# Programs that may submit. `forewarn token` creates a token and the last line.
[[token]]
name = "@TOKEN@"
role = "operator"                      # or "monitor"
sha256 = "@SHA256@"

# A check that this node makes at intervals. It closes and opens the target for this node's users, or for all.
# [[monitor]]
# name = "mail-http"
# target = "application:mail"
# http = "http://127.0.0.1:9001/health"  # or tcp, command, farm, passive
# scope = "node"                         # "farm": for the users of all nodes
# every = "5s"
# timeout = "2s"
# fail_after = 3                         # bad checks in a row that close
# recover_after = 2                      # good ones that open
# upstream = "http://127.0.0.1:9001"     # only this upstream: it is left out, and mail closed when all are
# degraded_above = "800ms"               # no default: slower answers are reported as degraded

# A rule closes its target while an expression over this node's counters is true.
# [[rule]]
# name = "mail-errors"
# target = "application:mail"
# when = 'rate("upstream_errors", "30s", "mail") > 5.0'
# every = "5s"

# Maps Alertmanager's alerts (POST /api/v1/alerts) to targets. The labels forewarn_target and
# forewarn_reason do the same without such a section.
# [[alert]]
# match = { alertname = "MailDown" }
# target = "application:mail"
# reason = "unplanned-outage"

# Sends what closes, opens, is planned and begins soon to others. All nodes have the same sections.
# [[webhook]]
# name = "ops"
# url = "https://hooks.example.com/x"
# format = "json"              # or "slack", "teams", "ntfy"
# events = ["closed", "opened", "planned", "begins-soon"]
# secret = "…"                 # signs each message
# [mail]
# server = "smtps://forewarn@mail.example.com"
# password = "…"
# from = "Forewarn <forewarn@example.com>"
# to = ["ops@example.com"]

# The public status page at the gate's /.forewarn/status, with JSON, a feed and a calendar.
# [status_page]
# title = "Status of example.com"
# url = "https://www.example.com"
"##;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::vocabulary::{Role, password};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_fresh_file_parses_and_knows_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("forewarn.toml");
        let fresh = init(&file, None).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let settings = Settings::load(&file).unwrap();
        let operator = &settings.operators[0];
        let text = fresh.password.expose_secret();
        assert_eq!(operator.name.as_str(), OPERATOR);
        assert!(password::verify(operator.password.expose_secret(), text));
        let token = &settings.tokens[0];
        assert_eq!((token.name.as_str(), token.role), (TOKEN, Role::Operator));
        assert_eq!(token.sha256, secrets::token_sha256(fresh.token.expose_secret()));
        assert_eq!(settings.applications[0].name.as_str(), "mail");
        assert_eq!(settings.applications[0].upstream.len(), 1);

        let file_text = std::fs::read_to_string(&file).unwrap();
        assert!(!file_text.contains(text), "the password itself is in the file");
        assert!(!file_text.contains(fresh.token.expose_secret()));
        assert!(!format!("{fresh:?}").contains(text));
    }

    #[test]
    fn what_is_commented_out_parses_too() {
        let (text, _) = fresh().unwrap();
        // a comment whose text is a key or a section; the last word of the prose ones is not
        let is_setting = |line: &str| line.starts_with('[') || line.contains(" = ");
        let uncommented: Vec<&str> = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if is_setting(rest) => rest,
                _ => line,
            })
            .collect();
        let uncommented = uncommented.join("\n");
        let settings = Settings::parse(&uncommented, Path::new("fresh.toml")).unwrap();
        assert_eq!(settings.reasons[0].code, 100);
        assert_eq!(settings.farm.peers.len(), 1);
    }

    #[test]
    fn every_file_has_its_own_secret() {
        let secret = |text: &str| text.lines().find(|l| l.starts_with("secret")).map(str::to_owned);
        let (one, _) = fresh().unwrap();
        let (other, _) = fresh().unwrap();
        assert_ne!(secret(&one).unwrap(), secret(&other).unwrap());
    }

    #[test]
    fn an_existing_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("forewarn.toml");
        std::fs::write(&file, "mine").unwrap();
        assert!(matches!(init(&file, None), Err(ConfigError::Exists { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        let nowhere = folder.path().join("no/such/folder.toml");
        assert!(matches!(init(&nowhere, None), Err(ConfigError::Unwritable { .. })));
    }
}
