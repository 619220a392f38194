//! The whole command line (docs/contract.md#command-line) as types.
//!
//! What must stay true: errors in the arguments themselves (a duration without a unit, two statuses, a
//! malformed target) are found here and exit with 2; what only a node can know is not checked here. Environment
//! variables are read in one place, [`Access::from_env`].

mod access;
mod notify;
mod registry;
mod store;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

pub use access::Access;
pub use notify::{NotifyArgs, Pick, PreviewArgs, Priority, Restore, SaidArgs, Wait};
pub use registry::{RecordArgs, ScheduleAddArgs, ScheduleCommand, StatedArgs, TemplateAddArgs, TemplateCommand};
pub use store::{ExportArgs, ImportArgs, StoreBackupArgs, StoreCommand, StorePlace, StoreTaskArgs};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "forewarn",
    version,
    about = "Tells users at first contact, on every node, why an application is down and when it is back",
    after_help = "Environment:\n  \
        FOREWARN_URL    control address that notify, preview, schedule, status and others talk to [default: http://127.0.0.1:7070]\n  \
        FOREWARN_TOKEN  API token they use\n  \
        FOREWARN_CA     file of certificate authorities to trust for https, instead of the system's\n  \
        FOREWARN_LOG    what is logged, as in \"debug\" or \"info,forewarn::peer=debug\" (or RUST_LOG)\n\n\
        Exit status: 0 done, 1 refused or failed, 2 wrong usage.",
    max_term_width = 100
)]
pub struct Cli {
    /// Certificate authorities to trust for https, instead of the system's (or FOREWARN_CA)
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented configuration with fresh secrets, and show them once
    Init(InitArgs),
    /// Run a node
    Serve(ServeArgs),
    /// Run a farm of three nodes with small applications on this machine
    Demo(DemoArgs),
    /// Report something as available or unavailable, now or later
    Notify(Box<NotifyArgs>),
    /// Show what a notification would do; nothing is submitted
    Preview(Box<PreviewArgs>),
    /// List, show, add and remove recurring maintenance
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// List, show, add and remove templates of notifications
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Show what is available
    Status(StatusArgs),
    /// Show which notifications decide a request, and why the others do not count
    Why(WhyArgs),
    /// Create a link that lets testers use a closed application
    Pass(PassArgs),
    /// Let a node read its configuration again, and show what has changed
    Reload(OutputArgs),
    /// List the nodes of the farm, or forget one
    #[command(subcommand)]
    Node(NodeCommand),
    /// Check a configuration file
    Check(CheckArgs),
    /// Hash an operator's password for the configuration
    HashPassword(OutputArgs),
    /// Create an API token for the configuration
    Token(OutputArgs),
    /// Check, back up and repair the store of a stopped node
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write a page for each command
    Man(ManArgs),
}

/// How results are shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArgs {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// `forewarn init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// File to write; must not exist yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Create a certificate authority for the farm and a certificate for this node, to try TLS
    #[arg(long)]
    pub tls: bool,
    /// A further name or address for the certificate, in addition to this machine's loopback
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub host: Vec<String>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn serve`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    forewarn init a.toml && forewarn serve --config a.toml")]
pub struct ServeArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Stop in an orderly way when standard input ends, so that the node never outlives the
    /// process that started it.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Time, level, message.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `forewarn demo`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn demo                    start it; Ctrl-C ends it and keeps the data\n  \
    forewarn demo --fresh            start without the data of an earlier demo\n  \
    forewarn demo --base-port 9000   gates from 9000, control listeners from 9010, applications from 9020")]
pub struct DemoArgs {
    /// Delete the data of an earlier demo first
    #[arg(long)]
    pub fresh: bool,
    /// Folder of the demo's configuration and stores
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub data: PathBuf,
    /// First of the ports that the demo uses
    #[arg(long, value_name = "N", default_value_t = 7100,
          value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    pub base_port: u16,
}

/// `forewarn status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn status\n  \
    forewarn status mail\n  \
    forewarn status --watch\n  \
    forewarn status --json | jq '.applications[] | select(.available | not).application'")]
pub struct StatusArgs {
    /// Only this application
    #[arg(value_parser = text::name)]
    pub application: Option<String>,
    /// Keep running and show every change
    #[arg(long)]
    pub watch: bool,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn why`: the request that is to be explained.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn why mail\n  \
    forewarn why mail --method POST --path /mail/send --client 10.1.2.3 --node b")]
pub struct WhyArgs {
    /// The application
    #[arg(value_parser = text::name)]
    pub application: String,
    /// Method of the request
    #[arg(long, default_value = "GET", value_parser = text::method)]
    pub method: String,
    /// Path of the request, without its query
    #[arg(long, value_parser = text::path)]
    pub path: Option<String>,
    /// A header of the request; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = text::header)]
    pub header: Vec<(String, String)>,
    /// A query parameter of the request; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = text::pair)]
    pub query: Vec<(String, String)>,
    /// Address of the client
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<std::net::IpAddr>,
    /// Node that decides the request [default: the node that is asked]
    #[arg(long, value_name = "NAME", value_parser = text::name)]
    pub node: Option<String>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn node`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    forewarn node list\n  \
    forewarn node forget c")]
pub enum NodeCommand {
    /// List the nodes that this one knows
    List(OutputArgs),
    /// Remove a node from the farm for good; if it returns, it joins under a new id
    Forget(ForgetArgs),
}

/// `forewarn pass`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    forewarn pass mail chat --for 2h")]
pub struct PassArgs {
    /// Applications that the link opens; it leads to the first one
    #[arg(value_name = "APPLICATION", num_args = 1..=20, required = true, value_parser = text::name)]
    pub applications: Vec<String>,
    /// How long it is valid, as in 30m, 2h30m or 1d; at most 30d
    #[arg(long = "for", value_name = "DURATION", value_parser = text::span)]
    pub lasts: Duration,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn node forget`
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The node
    #[arg(value_parser = text::name)]
    pub name: String,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn completions`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn completions bash > ~/.local/share/bash-completion/completions/forewarn\n  \
    forewarn completions fish > ~/.config/fish/completions/forewarn.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `forewarn man`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn man | man -l -\n  \
    forewarn man --dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for each command to this folder; it must exist
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Limits a notification to some requests. Each flag may be given several times.
#[derive(Debug, Default, Args)]
pub struct CriteriaArgs {
    /// Only requests with this method
    #[arg(long, value_parser = text::method)]
    pub method: Vec<String>,
    /// Only requests whose path matches; * is any text, ? one character, […] a class
    #[arg(long, value_name = "GLOB", value_parser = text::path_glob)]
    pub path: Vec<String>,
    /// Only requests with a matching header
    #[arg(long, value_name = "NAME=GLOB", value_parser = text::header)]
    pub header: Vec<(String, String)>,
    /// Only requests with a matching query parameter
    #[arg(long, value_name = "NAME=GLOB", value_parser = text::pair)]
    pub query: Vec<(String, String)>,
    /// Only requests from this network, as in 10.0.0.0/8
    #[arg(long, value_name = "CIDR", value_parser = crate::config::values::network)]
    pub client: Vec<IpNet>,
    /// Only requests that this node decides
    #[arg(long, value_name = "NAME", value_parser = text::name)]
    pub node: Vec<String>,
}

#[cfg(test)]
mod tests;
