//! The configuration file (TOML, docs/contract.md#configuration) turned into checked settings.
//!
//! Parse, don't validate: after [`Settings::load`] every value is valid. Every limit, default and
//! cross-reference (an application's `uses`, a wildcard address without `advertise`) is resolved here, so that
//! no other room checks again.
//!
//! What must stay true: an unknown key is an error, never ignored, and so is a key whose effect is not built
//! yet; every problem names the key and the line; as many problems as possible are reported at once; no secret
//! appears in `Debug` output or in a message.
//!
//! The result consists of types that all rooms share (`vocabulary`, `text`, and the names and reasons of
//! `availability`), so that nothing is parsed a second time.
//!
//! ```text
//! reader     the file as a tree that remembers lines, and what was asked of it
//! values     one text → one checked value (names, durations, sizes, networks)
//! gate       [gate]
//! sections   [node] [control] [farm] [notifier]
//! lists      [[application]] [[resource]] [[reason]] [[token]] [[operator]] [[alert]]
//! monitors   [[monitor]] [[rule]]
//! pages      gate.languages, gate.pages, [gate.page]
//! settings   what comes out
//! keys       which keys take effect when the file is read again
//! tls        [gate.tls] [control.tls], and the certificates of [farm]
//! secrets    fresh passwords, tokens and farm secrets
//! template   the file that `forewarn init` writes
//! ```

mod error;
mod gate;
mod hooks;
pub mod keys;
mod lists;
mod monitors;
mod pages;
mod reader;
pub mod secrets;
mod sections;
mod settings;
mod status_page;
pub mod template;
mod tls;
pub mod values;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub use error::{ConfigError, Problem};
pub use keys::Source;
pub use settings::{
    Application, ControlSettings, ControlTls, FarmSettings, FarmTls, GateSettings, GateTls, Lasting, MergeMode,
    MergeOrder, MergeSettings, NodeSettings, Operator, PerClientSettings, References, Resource, SandboxMode, Settings,
    TimeoutSettings, Token,
};

use keys::Written;
use reader::{Reader, Report};

use crate::{availability::Moment, vocabulary::Listen};

/// The largest configuration file that is read, in bytes. It bounds every list in it as well.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

impl Settings {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unreadable`] when the file cannot be read, [`ConfigError::Wrong`] with every
    /// problem found in it otherwise. Files above 1 MiB are refused.
    pub fn load(path: &Path) -> Result<Settings, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: path.to_path_buf(), source };
        let mut bytes = Vec::new();
        File::open(path)
            .map_err(unreadable)?
            // One byte more than allowed shows that it is too large, without reading all of a huge file.
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(ConfigError::single(path, 1, "file", "is larger than 1 MiB"));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Settings::parse(text, path),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                Err(ConfigError::single(path, line, "file", "is not UTF-8 text"))
            }
        }
    }

    /// Checks `text` as the content of `file`. The path is used in messages, and its folder is
    /// where a relative `farm.secret_file` is looked for; only that file is read.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] with every problem found, in the order of their lines.
    pub fn parse(text: &str, file: &Path) -> Result<Settings, ConfigError> {
        let report = Report::new(text);
        let tree = report.tree(text);
        let parsed = tree.as_ref().and_then(|tree| whole(Reader::root(tree.get_ref(), &report), file, text));
        let problems = report.into_problems();
        match parsed {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(ConfigError::Wrong { file: file.to_path_buf(), problems }),
        }
    }
}

impl Settings {
    /// The certificates that are not valid at this time. The file is right all the same: a node that starts on them
    /// says so and serves.
    pub fn invalid_at(&self, now: Moment) -> Vec<Problem> {
        let problem = |lasting: &Lasting| {
            let problem = lasting.certificate.problem_at(now.millis() / 1_000)?;
            Some(Problem { line: lasting.line, key: lasting.key.clone(), problem })
        };
        self.certificates.iter().filter_map(problem).collect()
    }

    /// What is right but worth knowing, each with what to do; for `forewarn check` and the log of a
    /// node that starts.
    pub fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.operators.is_empty() && self.tokens.is_empty() {
            notes.push(
                "there is no [[operator]] and no [[token]], so nothing can be submitted: \
                 add one with `forewarn hash-password` or `forewarn token`",
            );
        }
        if self.applications.is_empty() {
            notes.push("there is no [[application]], so the gate answers everything with 404");
        }
        notes
    }
}

/// Two listeners cannot share a port, unless they listen on different addresses or let the system
/// choose.
fn same_port(root: &mut Reader<'_>, gate: &GateSettings, control: SocketAddr) {
    // `[::]` takes IPv4 too.
    let covers = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let shared = gate.listen.iter().chain(&gate.redirect).find_map(|listen| match listen {
        Listen::Tcp(gate) if gate.port() == control.port() && gate.port() != 0 => {
            let (gate_ip, control_ip) = (gate.ip(), control.ip());
            let same = gate_ip == control_ip || covers(gate_ip, control_ip) || covers(control_ip, gate_ip);
            same.then_some(gate)
        }
        _ => None,
    });
    if let Some(gate) = shared {
        let (section, other) = match root.has("control") {
            true => ("control", format!("gate.listen, {gate}")),
            false => ("gate", format!("control.listen, {control}")),
        };
        root.section(section).problem("listen", format!("shares its port with {other}; choose another one"));
    }
}

/// Reads every section. `None` means that something required is missing, which is then reported.
fn whole(mut root: Reader<'_>, file: &Path, text: &str) -> Option<Settings> {
    let node = sections::node(root.section("node"));
    let gate = gate::gate(root.section("gate"), file);
    let farm = sections::farm(root.section("farm"), file);
    let has_secret = farm.secret.is_some();
    let control = sections::control(root.section("control"), has_secret, file);
    let notifier = sections::notifier(root.section("notifier"), has_secret);
    same_port(&mut root, &gate, control.listen);

    // Settings that others refer to come first.
    let resources = lists::resources(&mut root);
    let applications = lists::applications(&mut root, &resources, file);
    for name in gate.texts.site().pages.applications() {
        if !applications.iter().any(|application| application.name.as_str() == name) {
            let problem = format!("denial.{name}.html: there is no [[application]] named \"{name}\"");
            root.section("gate").problem("pages", problem);
        }
    }
    let reasons = lists::reasons(&mut root);
    let tokens = lists::tokens(&mut root);
    let operators = lists::operators(&mut root);
    let alerts = lists::alerts(&mut root, &reasons);
    let status_page = status_page::status_page(&mut root);
    let here = monitors::Here {
        node: node.as_ref().map(|node| &node.name),
        applications: &applications,
        resources: &resources,
        reasons: &reasons,
        file,
    };
    let monitors = monitors::monitors(&mut root, &here);
    let hooks = hooks::hooks(&mut root, file);
    let certificates = root.lasting();
    root.finish();

    Some(Settings {
        source: Source { file: file.to_path_buf(), written: Written::of(text) },
        node: node?,
        gate,
        control,
        farm,
        notifier,
        applications,
        resources,
        reasons,
        tokens,
        operators,
        alerts,
        certificates,
        status_page,
        monitors,
        hooks,
    })
}
