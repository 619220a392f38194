//! `forewarn completions` and `forewarn man`: shell completions and manual pages, generated from the definition
//! of the command line.

use std::io::{self, Write};

use clap::CommandFactory as _;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::error::CliError;

/// Prints the completions for one shell on `out`.
///
/// # Errors
///
/// [`CliError::Output`].
pub(crate) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "forewarn", &mut text);
    out.write_all(&text).map_err(CliError::Output)
}

/// Prints the manual page on `out`, or writes one for each command to a folder.
///
/// # Errors
///
/// [`CliError::Output`], [`CliError::Refused`] when the folder cannot be written to.
pub(crate) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let Some(folder) = &args.dir else {
        return clap_mangen::Man::new(Cli::command()).render(out).map_err(CliError::Output);
    };
    let cannot = |error: io::Error| CliError::Refused(format!("cannot write to {}: {error}", folder.display()));
    clap_mangen::generate_to(Cli::command(), folder).map_err(cannot)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap_complete::Shell;

    #[test]
    fn every_shell_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut out = Vec::new();
            completions(&CompletionsArgs { shell }, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains("hash-password") && text.contains("unavailable"), "{shell}");
        }
    }

    #[test]
    fn each_command_has_a_page() {
        let mut out = Vec::new();
        man(&ManArgs { dir: None }, &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(page.contains(".TH forewarn 1") && page.contains("FOREWARN_TOKEN"), "{page}");

        let folder = tempfile::tempdir().unwrap();
        man(&ManArgs { dir: Some(folder.path().to_owned()) }, &mut Vec::new()).unwrap();
        for name in ["forewarn.1", "forewarn-notify.1", "forewarn-store-check.1"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
        let nowhere = ManArgs { dir: Some(folder.path().join("none")) };
        assert!(matches!(man(&nowhere, &mut Vec::new()), Err(CliError::Refused(_))));
    }
}
