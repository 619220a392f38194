//! The command line: one file per subcommand, and this dispatch.
//!
//! What must stay true: the exit status is 0 when it is done, 1 when it was refused or failed, 2
//! for wrong usage; results go to standard output, everything else to standard error; a closed
//! output is a failure, never a panic.

pub mod args;
pub mod check;
mod error;
pub mod hash_password;
pub mod init;
pub mod logging;
pub mod serve;
pub mod token;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

pub use error::CliError;

use args::{Cli, Command};

/// Reads the process's arguments, does what they say and returns the exit status.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // help and version arrive here too, with status 0; if it cannot be shown, the status
            // is all that is left to tell
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // nowhere is left to report that standard error is closed
            let _ = match error {
                CliError::Told => Ok(()),
                // each of its lines begins with the file, the form that editors jump to
                CliError::Config(error) => writeln!(io::stderr(), "{error}"),
                error => writeln!(io::stderr(), "forewarn: {error}"),
            };
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<(), CliError> {
    let out = &mut io::stdout();
    match command {
        Command::Init(args) => init::run(&args, out),
        Command::Check(args) => check::run(&args, out),
        Command::HashPassword(args) => hash_password::run(&args, &mut io::stdin().lock(), out),
        Command::Token(args) => token::run(&args, out),

        // INTEGRATOR: replace each of these by its subcommand's `run`, and then the function below.
        Command::Serve(args) => {
            logging::start(args.log_format);
            serve::run(&args)
        }
        Command::Demo(_) => not_in_this_build("demo"),
        Command::Notify(_) => not_in_this_build("notify"),
        Command::Status(_) => not_in_this_build("status"),
        Command::Why(_) => not_in_this_build("why"),
        Command::Node(_) => not_in_this_build("node"),
        Command::Store(_) => not_in_this_build("store"),
    }
}

// INTEGRATOR: goes with the last arm that uses it.
fn not_in_this_build(subcommand: &str) -> Result<(), CliError> {
    Err(CliError::Refused(format!(
        "{subcommand}: not in this build"
    )))
}
