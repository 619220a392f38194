//! The settings: plain data with public fields, fully validated.
//!
//! What must stay true: a value of these types from [`Settings::load`] needs no second check. Secrets are
//! [`Secret`], whose `Debug` shows nothing. All durations are exact, never zero.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use rustls::RootCertStore;

use crate::availability::{Glob, Moment, Name, Reason};
use crate::monitor::Watch;
use crate::text::Texts;
use crate::tls::Certificate;
use crate::vocabulary::{
    AccessSettings, AlertRule, Balance, Broker, Cors, Fanout, HeaderRules, HttpUrl, Listen, Notifier, Rate, Role,
    Route, Secret,
};

/// Everything in the configuration file, defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they come from.
    pub source: super::Source,
    /// `[node]`
    pub node: NodeSettings,
    /// `[gate]`
    pub gate: GateSettings,
    /// `[control]`
    pub control: ControlSettings,
    /// `[farm]`
    pub farm: FarmSettings,
    /// `[notifier]`
    pub notifier: Notifier,
    /// `[[application]]`, names unique, in the order of the file.
    pub applications: Vec<Application>,
    /// `[[resource]]`, names unique, in the order of the file.
    pub resources: Vec<Resource>,
    /// `[[reason]]`, names and codes unique; the built-in reasons 0 to 3 are not among them.
    pub reasons: Vec<Reason>,
    /// `[[token]]`, names and hashes unique.
    pub tokens: Vec<Token>,
    /// `[[operator]]`, names unique.
    pub operators: Vec<Operator>,
    /// `[[monitor]]`, then `[[rule]]`: names unique among all of them.
    pub monitors: Vec<Watch>,
    /// `[[alert]]`, in the order of the file: of several that match, the first counts.
    pub alerts: Vec<AlertRule>,
    /// The certificates of the file, and where they stand.
    pub certificates: Vec<Lasting>,
    /// `[[webhook]]`, names unique, then `[mail]` under the name `mail`.
    pub hooks: Vec<crate::hook::Hook>,
    /// `[status_page]`; without it there is none.
    pub status_page: Option<crate::vocabulary::StatusSettings>,
}

/// A certificate, and where the configuration names it.
#[derive(Clone, Debug)]
pub struct Lasting {
    /// Line in the file, from 1.
    pub line: usize,
    /// As in `gate.tls.cert`.
    pub key: String,
    /// The certificate.
    pub certificate: Certificate,
}

/// This node and its disk.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// For people; the node's identity is in its store.
    pub name: Name,
    /// The store's folder; relative to the current directory.
    pub data: PathBuf,
    /// Bytes of free space below which submissions are refused. Default 64 MiB.
    pub reserve: u64,
    /// What is logged, unless the environment says it: levels, as in `info,forewarn::peer=debug`.
    pub log: Option<String>,
    /// Whether the process confines itself.
    pub sandbox: SandboxMode,
}

/// Whether the process of a node confines itself (docs/contract.md#sandbox).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// As far as the kernel can, unless monitors run programs.
    #[default]
    Auto,
    /// Always, and programs of monitors with it. A node does not start where the kernel cannot.
    On,
    /// Never.
    Off,
}

/// The public listener.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// Default 127.0.0.1:8080; port 0 lets the system choose. Not empty.
    pub listen: Vec<Listen>,
    /// Senders whose forwarding headers are believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// The largest body of a request that is forwarded, in bytes. Default 1 GiB.
    pub max_body: u64,
    /// Parts of names of form fields that are not given back when a form is refused. Absent: the usual names
    /// of passwords, cards and tokens.
    pub not_kept: Option<Vec<String>>,
    /// Connections of users that are served at a time; more wait. Default 20,000; fewer where the
    /// system allows fewer open files.
    pub max_connections: u32,
    /// Which pages of other origins may read denials. Default: all.
    pub cors: Cors,
    /// `[gate.tls]`; without it, the gate speaks plain HTTP.
    pub tls: Option<GateTls>,
    /// Trusted proxies say by the PROXY protocol for whom they speak. Default no.
    pub proxy_protocol: bool,
    /// Clients without TLS may speak HTTP/2 by prior knowledge. Default no.
    pub h2c: bool,
    /// A listener that sends browsers to `https`.
    pub redirect: Option<Listen>,
    /// What users read: `gate.languages`, `gate.pages`, `[gate.page]`.
    pub texts: Texts,
    /// Pages of all applications get the script. Default no.
    pub inject: bool,
    /// `[gate.timeouts]`
    pub timeouts: TimeoutSettings,
    /// `[gate.per_client]`
    pub per_client: PerClientSettings,
    /// A line for each request. Default: none.
    pub access_log: Option<AccessSettings>,
    /// Requests get an `X-Request-Id` and a `traceparent` where they have none. Default no.
    pub request_ids: bool,
}

/// TLS of the gate.
#[derive(Clone, Debug)]
pub struct GateTls {
    /// Chosen by the host that the client names; the first for all others. Not empty.
    pub certificates: Vec<Certificate>,
    /// How long browsers remember to use `https` only; `None`: they are not told.
    pub hsts: Option<Duration>,
}

/// TLS of the control listener.
#[derive(Clone, Debug)]
pub struct ControlTls {
    /// Its certificate.
    pub certificate: Certificate,
    /// Who has signed the certificates that other nodes must show; `None`: they need none.
    pub client_ca: Option<Arc<RootCertStore>>,
}

/// TLS between nodes.
#[derive(Clone, Debug, Default)]
pub struct FarmTls {
    /// Whom this node believes at `https` addresses of others; `None`: the system's authorities.
    pub roots: Option<Arc<RootCertStore>>,
    /// What it shows there.
    pub own: Option<Certificate>,
}

/// How long the gate waits: 10 ms to 1 h each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutSettings {
    /// From a head's first byte to its last. Default 10 s.
    pub header: Duration,
    /// Between two pieces of a body, reading or writing. Default 30 s.
    pub body: Duration,
    /// For the next request on a connection. Default 75 s.
    pub idle: Duration,
    /// For a connection to an upstream. Default 5 s.
    pub connect: Duration,
    /// For the head of an upstream's answer. Default 60 s.
    pub upstream: Duration,
}

/// How much one client may have at a time; a client is an IPv4 address or a /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerClientSettings {
    /// Connections; trusted proxies may have any number. Default 1,024.
    pub connections: u32,
    /// Event streams. Default 64.
    pub streams: u32,
}

/// The private listener: operators, API, peers.
#[derive(Clone, Debug)]
pub struct ControlSettings {
    /// Default 127.0.0.1:7070; port 0 lets the system choose. Loopback unless the farm has a secret.
    pub listen: SocketAddr,
    /// Where peers reach this node, if configured. See [`ControlSettings::advertised`].
    pub advertise: Option<HttpUrl>,
    /// `[control.tls]`; without it, the listener speaks plain HTTP.
    pub tls: Option<ControlTls>,
    /// The zone of local times in the form without scripts. Default UTC.
    pub time_zone: Tz,
    /// Senders whose forwarding headers are believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// The names under which it may be asked; none: all.
    pub hosts: Vec<String>,
}

impl ControlSettings {
    /// Where peers reach this node: the configured address, or else the `bound` one (which differs from `listen` if
    /// its port is 0). It is never a wildcard address: a configuration that listens on one needs `advertise`.
    pub fn advertised(&self, bound: SocketAddr) -> HttpUrl {
        self.advertise.clone().unwrap_or_else(|| HttpUrl::of_socket(bound, self.tls.is_some()))
    }
}

/// The farm: its secret, its nodes, and its protocol.
#[derive(Clone, Debug)]
pub struct FarmSettings {
    /// Signs the messages between nodes; at least 16 bytes.
    pub secret: Option<Secret>,
    /// The secret before it, which is believed as well while the farm changes its secret.
    pub previous_secret: Option<Secret>,
    /// Signs testers' passes together with the secret: changing it ends all of them.
    pub pass_key: Option<Secret>,
    /// Peers to begin with; membership spreads from there. Needs the secret.
    pub peers: Vec<HttpUrl>,
    /// To how many nodes a node sends a notification directly; these relay it to the rest. Default all.
    pub fanout: Fanout,
    /// δ (docs/contract.md#clock-skew-and-quarantine): 10 ms to 1 h, default 60 s. The same in the whole farm.
    pub max_clock_skew: Duration,
    /// The age at which a monitor's word no longer counts: 1 s to 365 days, default 24 h. The same in
    /// the whole farm.
    pub lapse: Duration,
    /// `tls_ca`, `tls_cert`, `tls_key`.
    pub tls: FarmTls,
    /// `[farm.queue]` with a broker; `None`: the embedded queue carries notifications.
    pub broker: Option<Broker>,
    /// `[farm.merge]`
    pub merge: MergeSettings,
}

/// Synchronization at the start and from time to time.
#[derive(Clone, Debug)]
pub struct MergeSettings {
    /// How many nodes are asked. Default all.
    pub references: References,
    /// The order in which they are asked. Default as listed.
    pub order: MergeOrder,
    /// One after the other, or all at once. Default in series.
    pub mode: MergeMode,
    /// Bounds the whole phase at the start: 10 ms to 10 min, default 5 s.
    pub timeout: Duration,
    /// Interval of merges afterwards: 100 ms to 24 h, default 30 s.
    pub every: Duration,
}

/// How many reference nodes are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// Every known node.
    All,
    /// So many, at most 10,000.
    Count(NonZeroUsize),
}

/// In which order reference nodes are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeOrder {
    /// As they are listed.
    Listed,
    /// By chance.
    Random,
}

/// Whether reference nodes are asked one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// One after the other.
    Series,
    /// All at once.
    Parallel,
}

/// What users ask for.
#[derive(Clone, Debug)]
pub struct Application {
    /// Unique among applications.
    pub name: Name,
    /// For people; default the name.
    pub title: String,
    /// What belongs to it; may be empty, unique within the application.
    pub routes: Vec<Route>,
    /// Who performs it; empty where another application of the same route does.
    pub upstream: Vec<HttpUrl>,
    /// Whom to believe at those that are `https`; `None`: the system's authorities.
    pub upstream_ca: Option<Arc<RootCertStore>>,
    /// Whether they speak HTTP/2. Default no.
    pub http2: bool,
    /// Whether they are told of each client by the PROXY protocol, version 2. Default no.
    pub proxy_protocol: bool,
    /// Fields that its requests get or lose on their way to them.
    pub request_headers: HeaderRules,
    /// Fields that their answers get or lose.
    pub answer_headers: HeaderRules,
    /// Whether they get the host that the client has asked for, or their own. Default the client's.
    pub keeps_host: bool,
    /// The largest body of a request, in bytes; `None`: as for the gate.
    pub max_body: Option<u64>,
    /// How often one client may ask it; `None`: as often as it likes.
    pub rate_limit: Option<Rate>,
    /// How requests are shared among them. Default in turn.
    pub balance: Balance,
    /// Whether upstreams get paths without the route's prefix. Default no.
    pub strip_prefix: bool,
    /// Paths that are never turned away.
    pub exempt: Vec<Glob>,
    /// Whether its pages get the script. Default no.
    pub inject: bool,
    /// Names of resources, all of them configured here.
    pub uses: Vec<Name>,
    /// Whether its notifications overtake others. Default no.
    pub critical: bool,
    /// Reporters that must say unavailable before it counts: 1 to 256, default 1.
    pub agree: NonZeroU32,
}

/// What applications draw on.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Unique among resources.
    pub name: Name,
    /// How many monitors must say that it is unavailable before it counts.
    pub agree: NonZeroU32,
}

/// An API client.
#[derive(Clone, Debug)]
pub struct Token {
    /// Unique; the reporter is `token/NAME`.
    pub name: Name,
    /// What it may do.
    pub role: Role,
    /// Globs over the targets that it may make statements about; `None`: every target, but for monitors
    /// the system.
    pub targets: Option<Vec<Glob>>,
    /// From when on it is not valid any more.
    pub expires: Option<Moment>,
    /// SHA-256 of the token's text.
    pub sha256: [u8; 32],
}

/// A person who may sign in.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Unique.
    pub name: Name,
    /// An argon2id hash in PHC form.
    pub password: Secret,
    /// Operator or viewer. Default operator.
    pub role: Role,
    /// As of a token.
    pub targets: Option<Vec<Glob>>,
}
