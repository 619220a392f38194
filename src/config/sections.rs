//! The single sections except `[gate]`: `[node]`, `[control]`, `[farm]`.
//!
//! Each function takes its section, reads every key, and fills in the defaults of
//! docs/contract.md#configuration. Facts that span sections (a listener other than loopback needs the farm's
//! secret) are arguments.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;

use super::reader::Reader;
use super::settings::{
    ControlSettings, FarmSettings, MergeMode, MergeOrder, MergeSettings, NodeSettings, References, SandboxMode,
};
use super::{tls, values};
use crate::vocabulary::{Broker, Fanout, HttpUrl, Initial, Notifier, Secret, host_name};

/// The shortest farm secret, in bytes.
const MIN_SECRET: usize = 16;
/// The longest farm secret, in bytes.
const MAX_SECRET: usize = 4_096;
/// The largest number of children or reference nodes.
const MAX_NODES: u32 = 10_000;

/// The most nodes of `notifier.nodes`.
const MAX_INITIAL: usize = 64;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn node(mut section: Reader<'_>) -> Option<NodeSettings> {
    let name = section.required("name", values::name);
    let data = section.required("data", |text| match text.is_empty() || text.contains('\0') {
        true => Err("must be a folder".to_owned()),
        false => Ok(PathBuf::from(text)),
    });
    let reserve = section.text("reserve", |text| match values::size(text)? {
        size @ 65_536..=17_592_186_044_416 => Ok(size),
        _ => Err("must be from 64KiB to 16TiB".to_owned()),
    });
    let log = section.text("log", levels);
    let modes = [("auto", SandboxMode::Auto), ("on", SandboxMode::On), ("off", SandboxMode::Off)];
    let sandbox = section.text("sandbox", values::one_of(&modes)).unwrap_or_default();
    section.finish();
    Some(NodeSettings { name: name?, data: data?, reserve: reserve.unwrap_or(64 * 1024 * 1024), log, sandbox })
}

/// Levels of the log, each for all or for a module.
fn levels(text: &str) -> Result<String, String> {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    let is_module =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b));
    let fits = |part: &str| match part.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(part),
    };
    match text.len() <= 1_024 && text.split(',').all(fits) {
        true => Ok(text.to_owned()),
        false => Err("must be levels such as \"debug\" or \"info,forewarn::peer=debug\"".to_owned()),
    }
}

pub(super) fn control(mut section: Reader<'_>, has_secret: bool, file: &Path) -> ControlSettings {
    let listen = section.text("listen", listen_address);
    let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)));
    let advertise = section.text("advertise", str::parse::<HttpUrl>);
    let time_zone = section.text("time_zone", |text| {
        let zone = text.parse::<Tz>();
        zone.map_err(|error| format!("must be a time zone such as \"Europe/Berlin\": {error}"))
    });
    let trusted_proxies = section.texts("trusted_proxies", values::network);
    if !has_secret && !listen.ip().is_loopback() {
        section.problem(
            "listen",
            "is not a loopback address, and without farm.secret any host could act as a node: \
             set farm.secret (or farm.secret_file), or listen on 127.0.0.1",
        );
    } else if listen.ip().is_unspecified() && !section.has("advertise") {
        section.problem(
            "advertise",
            "is required when control.listen is a wildcard address, \
             for peers cannot connect to that: write the address they reach this node at",
        );
    }
    let tls = tls::control(section.section("tls"), file);
    let hosts = section.texts("hosts", host_name);
    section.finish();
    ControlSettings { listen, advertise, tls, time_zone: time_zone.unwrap_or(Tz::UTC), trusted_proxies, hosts }
}

pub(super) fn farm(mut section: Reader<'_>, file: &Path) -> FarmSettings {
    let secret = secret(&mut section, file, ["secret", "secret_file"]);
    let previous_secret = previous(&mut section, file, secret.as_ref());
    let peers = section.texts("peers", str::parse::<HttpUrl>);
    let wants_secret = section.has("secret") || section.has("secret_file");
    if !peers.is_empty() && !wants_secret {
        let problem = "needs farm.secret (or farm.secret_file), the same on every node: \
                       what nodes say to one another is signed with it";
        section.problem("peers", problem);
    }
    let fanout = section.all_or_number("fanout", MAX_NODES);
    let skew = values::duration_in(Duration::from_millis(10)..=HOUR);
    let max_clock_skew = section.text("max_clock_skew", skew);
    let lapse = section.text("lapse", values::duration_in(SECOND..=365 * DAY));
    let broker = queue(section.section("queue"), file, wants_secret);
    let merge = merge(section.section("merge"));
    let pass_key = section.text("pass_key", check_secret);
    let tls = tls::farm(&mut section, file);
    section.finish();
    FarmSettings {
        secret,
        previous_secret,
        pass_key,
        peers,
        fanout: fanout.and_then(some).map_or(Fanout::All, Fanout::Some),
        max_clock_skew: max_clock_skew.unwrap_or(60 * SECOND),
        lapse: lapse.unwrap_or(DAY),
        tls,
        broker,
        merge,
    }
}

pub(super) fn notifier(mut section: Reader<'_>, has_secret: bool) -> Notifier {
    let choices = [("self", Initial::Oneself), ("listed", Initial::Listed), ("least-loaded", Initial::LeastLoaded)];
    let initial = section.text("initial", values::one_of(&choices)).unwrap_or_default();
    let nodes = section.texts("nodes", str::parse::<HttpUrl>);
    let problem = match (initial, nodes.len()) {
        (Initial::Oneself, 1..) => Some("has no effect with initial = \"self\""),
        (Initial::Listed | Initial::LeastLoaded, 0) => {
            Some("is required: the control addresses of the nodes to choose from")
        }
        (_, count) if count > MAX_INITIAL => Some("must be at most 64 addresses"),
        (Initial::Listed | Initial::LeastLoaded, _) if !has_secret => {
            Some("needs farm.secret (or farm.secret_file): what is handed in is signed with it")
        }
        _ => None,
    };
    if let Some(problem) = problem {
        section.problem("nodes", problem);
    }
    section.finish();
    Notifier { initial, nodes }
}

/// The secret itself or a file that holds it, read now: a missing file is a problem of the
/// configuration, not one of the first peer's request.
fn secret(section: &mut Reader<'_>, file: &Path, [plain, from]: [&'static str; 2]) -> Option<Secret> {
    if section.has(plain) && section.has(from) {
        section.problem(from, format!("cannot be set together with farm.{plain}"));
    }
    let written = section.text(plain, check_secret);
    let read = section.text(from, |text| {
        let path = file.parent().unwrap_or(Path::new("")).join(text);
        let cannot = |error| format!("{} cannot be read: {error}", path.display());
        let mut content = String::new();
        File::open(&path).map_err(cannot)?.take(MAX_SECRET as u64 + 2).read_to_string(&mut content).map_err(cannot)?;
        check_secret(content.trim())
    });
    written.or(read)
}

/// The secret before the present one, or a file that holds it.
fn previous(section: &mut Reader<'_>, file: &Path, present: Option<&Secret>) -> Option<Secret> {
    let keys = ["previous_secret", "previous_secret_file"];
    let previous = secret(section, file, keys)?;
    let problem = match present.map(Secret::expose_secret) {
        None => "needs farm.secret (or farm.secret_file), the one that takes its place",
        Some(present) if present == previous.expose_secret() => {
            "is the same as farm.secret: write the secret that the other nodes still use, or leave it out"
        }
        Some(_) => return Some(previous),
    };
    let key = if section.has(keys[0]) { keys[0] } else { keys[1] };
    section.problem(key, problem);
    None
}

fn check_secret(text: &str) -> Result<Secret, String> {
    match text.len() {
        MIN_SECRET..=MAX_SECRET => Ok(Secret::new(text)),
        _ => Err(format!("must be {MIN_SECRET} to {MAX_SECRET} bytes")),
    }
}

/// `[farm.queue]`; nothing for the embedded one.
fn queue(mut section: Reader<'_>, file: &Path, has_secret: bool) -> Option<Broker> {
    let is_nats = section.text("kind", values::one_of(&[("embedded", false), ("nats", true)])).unwrap_or(false);
    let url = section.text("url", broker_url);
    let mut urls = section.texts("urls", broker_url);
    if url.is_some() && !urls.is_empty() {
        section.problem("urls", "cannot be set together with url");
    }
    urls.extend(url);
    let stream = section.text("stream", stream_name);
    let max_bytes = section.text("max_bytes", |text| match values::size(text)? {
        size @ 4_194_304..=1_099_511_627_776 => Ok(size),
        _ => Err("must be from 4MiB to 1TiB".to_owned()),
    });
    let beside = |text: &str| Ok(file.parent().unwrap_or(Path::new("")).join(text));
    let credentials = section.text("credentials", beside);
    let tls_ca = section.text("tls_ca", beside);
    if is_nats && !has_secret {
        section.problem("kind", "needs farm.secret (or farm.secret_file): what the broker carries is signed with it");
    }
    if !is_nats && (!urls.is_empty() || stream.is_some()) && !section.has("kind") {
        section.problem("kind", "is required with a url or stream: \"nats\"");
    }
    section.finish();
    if urls.is_empty() {
        urls.push("nats://127.0.0.1:4222".to_owned());
    }
    let stream = stream.unwrap_or_else(|| "forewarn".to_owned());
    is_nats.then_some(Broker { urls, stream, max_bytes: max_bytes.unwrap_or(64 << 20), credentials, tls_ca })
}

/// `nats://host:port` or `tls://host:port`. Credentials belong in a file.
fn broker_url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("is not an address such as nats://host:4222: {error}"))?;
    if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none() || !matches!(url.path(), "" | "/") {
        return Err("must be an address such as nats://host:4222 or tls://host:4222".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain credentials: write the name of a file into farm.queue.credentials".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A name that JetStream takes, and every file system.
fn stream_name(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match (1..=64).contains(&text.len()) && text.chars().all(is_good) {
        true => Ok(text.to_owned()),
        false => Err("must be 1 to 64 letters, digits, \"-\" and \"_\"".to_owned()),
    }
}

fn merge(mut section: Reader<'_>) -> MergeSettings {
    let references = section.all_or_number("references", MAX_NODES);
    let orders = [("listed", MergeOrder::Listed), ("random", MergeOrder::Random)];
    let order = section.text("order", values::one_of(&orders));
    let modes = [("series", MergeMode::Series), ("parallel", MergeMode::Parallel)];
    let mode = section.text("mode", values::one_of(&modes));
    let limits = Duration::from_millis(10)..=600 * SECOND;
    let timeout = section.text("timeout", values::duration_in(limits));
    let limits = Duration::from_millis(100)..=DAY;
    let every = section.text("every", values::duration_in(limits));
    section.finish();
    MergeSettings {
        references: references.and_then(some).map_or(References::All, References::Count),
        order: order.unwrap_or(MergeOrder::Listed),
        mode: mode.unwrap_or(MergeMode::Series),
        timeout: timeout.unwrap_or(5 * SECOND),
        every: every.unwrap_or(30 * SECOND),
    }
}

/// A number that is not zero.
fn some(number: u32) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::try_from(number).ok()?)
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|error: std::net::AddrParseError| {
        format!("must be an address and a port such as \"127.0.0.1:8080\": {error}")
    })
}
