//! `forewarn schedule` and `forewarn template`.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use uuid::Uuid;

use super::{CriteriaArgs, OutputArgs, Restore, text};

/// `forewarn schedule`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    forewarn schedule add application:mail --title Backup --starts 2026-12-06T02:00 --zone Europe/Berlin \\\n  \
        --rule 'FREQ=WEEKLY;BYDAY=SU' --for 2h --last-entry 10m\n  \
    forewarn schedule list\n  \
    forewarn schedule remove 019aaf3e-7c11-7000-8000-000000000000")]
pub enum ScheduleCommand {
    /// Add recurring maintenance, or change it
    Add(Box<ScheduleAddArgs>),
    /// List all schedules with the next occurrence of each
    List(OutputArgs),
    /// Show a schedule with its next ten occurrences
    Show(RecordArgs),
    /// Remove a schedule; its plans that have not begun are cancelled
    Remove(RecordArgs),
}

/// `forewarn template`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    forewarn template add application:mail --title 'Mail upgrade' --unavailable --reason planned-maintenance --for 2h\n  \
    forewarn template list")]
pub enum TemplateCommand {
    /// Add a template, or change it
    Add(Box<TemplateAddArgs>),
    /// List all templates
    List(OutputArgs),
    /// Show a template
    Show(RecordArgs),
    /// Remove a template
    Remove(RecordArgs),
}

/// One schedule or template.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Its id
    pub id: Uuid,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What both kinds have in common.
#[derive(Debug, Args)]
pub struct StatedArgs {
    /// Target: system, application:NAME or resource:NAME
    #[arg(value_name = "TARGET", num_args = 1..=100, value_parser = text::target, required = true)]
    pub targets: Vec<String>,
    /// Title
    #[arg(long, value_name = "TEXT", value_parser = text::prose::<200>)]
    pub title: String,
    /// Reason: unknown, planned-maintenance, unplanned-outage, testing, or one from the configuration
    #[arg(long, value_name = "NAME|CODE", value_parser = text::name)]
    pub reason: Option<String>,
    /// Message for users
    #[arg(long, value_name = "TEXT", value_parser = text::prose::<2000>, allow_hyphen_values = true)]
    pub message: Option<String>,
    /// The part that is affected
    #[arg(long, value_name = "TEXT", value_parser = text::prose::<200>, allow_hyphen_values = true)]
    pub component: Option<String>,
    /// Id to add or change; repeating a command with the same id is safe [default: a new id]
    #[arg(long)]
    pub id: Option<Uuid>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The requests that it is limited to.
    #[command(flatten, next_help_heading = "Only some requests")]
    pub criteria: CriteriaArgs,
}

/// `forewarn schedule add`
#[derive(Debug, Args)]
pub struct ScheduleAddArgs {
    /// What it states.
    #[command(flatten)]
    pub stated: StatedArgs,
    /// Local date and time of the first occurrence, as in 2026-12-06T02:00
    #[arg(long, value_name = "LOCAL TIME")]
    pub starts: String,
    /// Time zone, as in Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub zone: String,
    /// Recurrence rule (RFC 5545), as in FREQ=WEEKLY;BYDAY=SU
    #[arg(long, value_name = "RRULE")]
    pub rule: String,
    /// How long each occurrence is, as in 30m, 2h30m or 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = text::span)]
    pub lasts: Duration,
    /// How long before each occurrence new users are turned away
    #[arg(long, value_name = "DURATION", value_parser = text::span)]
    pub last_entry: Option<Duration>,
}

/// `forewarn template add`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("word").args(["available", "unavailable"]).required(true))]
pub struct TemplateAddArgs {
    /// What it states.
    #[command(flatten)]
    pub stated: StatedArgs,
    /// It is available
    #[arg(long)]
    pub available: bool,
    /// It is unavailable
    #[arg(long)]
    pub unavailable: bool,
    /// How long it should take, as in 30m, 2h30m or 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = text::span)]
    pub lasts: Option<Duration>,
    /// Whether it ends by itself [default: manual]
    #[arg(long, value_enum)]
    pub restore: Option<Restore>,
}
