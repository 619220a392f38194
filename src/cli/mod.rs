//! The command line: one file per subcommand, and this dispatch.
//!
//! What must stay true: the exit status is 0 for success, 1 for refused or failed, 2 for wrong usage; results
//! go to standard output, everything else to standard error; a closed output is a failure, never a panic.

pub mod args;
pub mod check;
pub mod client;
mod error;
#[cfg(test)]
mod fake;
pub mod hash_password;
pub mod init;
pub mod logging;
pub mod nodes;
pub mod notify;
mod pages;
pub mod pass;
pub mod preview;
pub mod registry;
pub mod reload;
pub mod serve;
pub mod show;
pub mod status;
pub mod store;
pub mod token;
pub mod why;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

pub use error::CliError;

use args::{Access, Cli, Command, OutputArgs};
use client::CallError;
use show::Screen;

use crate::demo;

/// Reads the process's arguments, runs the subcommand and returns the exit status.
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
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let status = match error {
                CliError::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            };
            // nowhere is left to report that standard error is closed
            let _ = match error {
                CliError::Told => Ok(()),
                // each of its lines begins with the file, the form that editors jump to
                CliError::Config(error) => writeln!(io::stderr(), "{error}"),
                error => writeln!(io::stderr(), "forewarn: {error}"),
            };
            status
        }
    }
}

fn dispatch(Cli { ca, command }: Cli) -> Result<(), CliError> {
    let out = &mut io::stdout();
    let access = || Access::from_env(ca).map_err(CliError::Refused);
    match command {
        Command::Init(args) => init::run(&args, out),
        Command::Check(args) => check::run(&args, out),
        Command::HashPassword(args) => hash_password::run(&args, &mut io::stdin().lock(), out),
        Command::Token(args) => token::run(&args, out),

        Command::Serve(args) => {
            logging::start(args.log_format);
            serve::run(&args)
        }
        Command::Demo(args) => {
            let options = demo::Options { fresh: args.fresh, data: args.data, base_port: args.base_port };
            Ok(demo::run(&options, out)?)
        }
        Command::Notify(args) => {
            let screen = Screen::of_stdout();
            notify::run(&args, access()?, &screen, out)
        }
        Command::Preview(args) => {
            let screen = Screen::of_stdout();
            preview::run(&args, access()?, &screen, out)
        }
        Command::Schedule(command) => {
            let screen = Screen::of_stdout();
            registry::schedule(&command, access()?, &screen, out)
        }
        Command::Template(command) => {
            let screen = Screen::of_stdout();
            registry::template(&command, access()?, &screen, out)
        }
        Command::Status(args) => {
            let screen = Screen::of_stdout();
            status::run(&args, access()?, &screen, out)
        }
        Command::Why(args) => {
            let screen = Screen::of_stdout();
            why::run(&args, access()?, &screen, out)
        }
        Command::Pass(args) => pass::run(&args, access()?, out),
        Command::Reload(output) => reload::run(output, access()?, out),
        Command::Node(command) => {
            let screen = Screen::of_stdout();
            nodes::run(&command, access()?, &screen, out)
        }
        Command::Store(command) => store::run(&command, &Screen::of_stdout(), out),
        Command::Completions(args) => pages::completions(&args, out),
        Command::Man(args) => pages::man(&args, out),
    }
}

/// A refusal by a node: its JSON on the output for programs, a text for people.
fn told(output: OutputArgs, error: CallError, out: &mut dyn io::Write) -> CliError {
    match error {
        CallError::Refused(refusal) if output.json && refusal.body.is_object() => {
            let told = error::json_line(out, &refusal.body);
            told.err().unwrap_or(CliError::Told)
        }
        error => CliError::Call(error),
    }
}
