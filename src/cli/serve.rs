//! `forewarn serve`: one node, until it is told to stop.

use super::{CliError, args::ServeArgs};
use crate::{
    config::Settings,
    node::{self, RunOptions},
};

/// Runs the node.
///
/// # Errors
/// When the configuration is wrong or the node cannot start.
pub fn run(args: &ServeArgs) -> Result<(), CliError> {
    let settings = Settings::load(&args.config).map_err(CliError::Config)?;
    node::run(settings, RunOptions { until_stdin_closes: args.until_stdin_closes, log: Some(super::logging::set) })
        .map_err(|error| {
            log::error!(error:%; "failed");
            CliError::Refused(error.to_string())
        })
}
