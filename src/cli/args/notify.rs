//! `forewarn notify` and `forewarn preview`: one notification, from the command line.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, ValueEnum};
use uuid::Uuid;

use super::{CriteriaArgs, OutputArgs, text};
use crate::vocabulary::HttpUrl;

/// What is stated. Exactly one of `available`, `unavailable`, `degraded` and `cancel` is there; `targets` is empty with
/// `cancel` only.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("word").args(["available", "unavailable", "degraded", "cancel"]).required(true))]
pub struct SaidArgs {
    /// Target: system, application:NAME or resource:NAME
    #[arg(value_name = "TARGET", num_args = 1..=100, value_parser = text::target,
          required_unless_present = "cancel", conflicts_with = "cancel")]
    pub targets: Vec<String>,
    /// It is available
    #[arg(long)]
    pub available: bool,
    /// It is unavailable
    #[arg(long)]
    pub unavailable: bool,
    /// It is available, but does not work as it should
    #[arg(long, conflicts_with = "at")]
    pub degraded: bool,
    /// Cancel this planned closing
    #[arg(long, value_name = "ID")]
    pub cancel: Option<Uuid>,
    /// Cancel this planned closing and submit the new notification, in one step
    #[arg(long, value_name = "ID", conflicts_with = "cancel")]
    pub replace: Option<Uuid>,

    /// Reason: unknown, planned-maintenance, unplanned-outage, testing, or one from the configuration
    #[arg(long, value_name = "NAME|CODE", value_parser = text::name)]
    pub reason: Option<String>,
    /// Text for users
    #[arg(long, value_name = "TEXT", value_parser = text::prose::<2000>, allow_hyphen_values = true)]
    pub message: Option<String>,
    /// The part that failed, where it is known
    #[arg(long, value_name = "TEXT", value_parser = text::prose::<200>, allow_hyphen_values = true,
          conflicts_with = "cancel")]
    pub component: Option<String>,
    /// When it begins, as in 2026-11-23T16:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = text::time, conflicts_with = "cancel")]
    pub at: Option<DateTime<Utc>>,
    /// When it should be back
    #[arg(long, value_name = "TIME", value_parser = text::time, conflicts_with = "cancel")]
    pub back_at: Option<DateTime<Utc>>,
    /// How long it should take, as in 30m, 2h30m or 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = text::span,
          conflicts_with_all = ["cancel", "back_at"])]
    pub lasts: Option<Duration>,
    /// How long before it begins new users are turned away; users who are inside may finish
    #[arg(long, value_name = "DURATION", value_parser = text::span, requires = "at")]
    pub last_entry: Option<Duration>,
    /// Whether it becomes available again by itself at that time [default: manual]
    #[arg(long, value_enum, conflicts_with = "cancel")]
    pub restore: Option<Restore>,
    /// Critical notifications are applied first [default: normal]
    #[arg(long, value_enum)]
    pub priority: Option<Priority>,

    /// The requests that it is limited to.
    #[command(flatten, next_help_heading = "Only some requests")]
    pub criteria: CriteriaArgs,
}

/// The one notification that is handed in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn notify application:mail --unavailable --reason planned-maintenance --for 2h\n  \
    forewarn notify application:mail --unavailable --at 2026-11-23T16:00:00Z --for 2h --restore automatic\n  \
    forewarn notify application:mail --available --wait all --timeout 10s\n  \
    forewarn notify application:mail --unavailable --path '/mail/send*' --message 'Reading works'\n  \
    forewarn notify resource:directory-db --unavailable --to http://a:7070,http://b:7070 --pick least-loaded\n  \
    forewarn notify --cancel 019aaf3e-7c11-7000-8000-000000000000")]
pub struct NotifyArgs {
    /// What is stated.
    #[command(flatten)]
    pub said: SaidArgs,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Control addresses to choose from [default: FOREWARN_URL]
    #[arg(long, value_name = "URL,URL", value_delimiter = ',', value_parser = text::url,
          help_heading = "Submitting")]
    pub to: Vec<HttpUrl>,
    /// Which of them: the first that answers, or the least loaded
    #[arg(long, value_enum, requires = "to", default_value_t = Pick::Listed,
          help_heading = "Submitting")]
    pub pick: Pick,
    /// Wait until every known node has applied it
    #[arg(long, value_enum, help_heading = "Submitting")]
    pub wait: Option<Wait>,
    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = text::duration, requires = "wait",
          default_value = "5s", help_heading = "Submitting")]
    pub timeout: Duration,
    /// Id of the notification; submitting the same id again is safe, it counts once [default: a new one]
    #[arg(long, help_heading = "Submitting")]
    pub id: Option<Uuid>,
}

/// `forewarn preview`: what a notification would do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    forewarn preview resource:mail-store --unavailable --at 2026-11-23T16:00:00Z --for 2h\n  \
    forewarn preview system --available --json")]
pub struct PreviewArgs {
    /// What is stated.
    #[command(flatten)]
    pub said: SaidArgs,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How a closing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Restore {
    /// An operator ends it.
    Manual,
    /// It ends at the expected time.
    Automatic,
}

/// Which notifications are applied first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Priority {
    /// In the order of their stamps.
    Normal,
    /// Before all normal ones.
    Critical,
}

/// How the initial node is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pick {
    /// The first that answers.
    Listed,
    /// The one with the least load.
    LeastLoaded,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    /// Every known node.
    All,
}
