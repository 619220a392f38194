//! Why a subcommand exits with status 1 or 2.

use std::io;

use super::client::CallError;
use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::store::OpenError;

/// What went wrong in a subcommand. `Display` is what people see on standard
/// error: after `forewarn: `, except for the configuration's problems, which begin with their file.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong, or could not be read or written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Standard output is closed or full.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    /// Standard input cannot be read.
    #[error("cannot read the input: {0}")]
    Input(#[source] io::Error),
    /// A node did not do what it was asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A store cannot be worked on.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The demo cannot start, or it has ended unexpectedly.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Arguments that are right one by one and wrong together: status 2.
    #[error("{0}")]
    Usage(String),
    /// A refusal that has no cause below it.
    #[error("{0}")]
    Refused(String),
    /// It failed, and the output (`--json`) has the reason already.
    #[error("failed; see the output")]
    Told,
}

/// One line of JSON.
///
/// # Errors
///
/// [`CliError::Output`].
pub(super) fn json_line(out: &mut dyn io::Write, value: &serde_json::Value) -> Result<(), CliError> {
    writeln!(out, "{value}").map_err(CliError::Output)
}
