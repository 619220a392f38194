//! The command line in, the exit status out; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    forewarn::cli::run()
}
