//! `forewarn hash-password`: a password in, its hash for the configuration out.

use std::io::{self, BufRead, IsTerminal as _, Read as _, Write};

use serde_json::json;

use super::args::OutputArgs;
use super::error::{CliError, json_line};
use crate::config::secrets;
use crate::vocabulary::password::MAX_PASSWORD;

/// Reads one line from `input` (asking for it when standard input is a terminal) and prints the
/// argon2id hash on `out`.
///
/// # Errors
///
/// [`CliError::Refused`] for an empty password, one of more than [`MAX_PASSWORD`] bytes, or one
/// that is not UTF-8; [`CliError::Input`], [`CliError::Output`], [`CliError::Config`].
pub fn run(args: &OutputArgs, input: &mut dyn BufRead, out: &mut dyn Write) -> Result<(), CliError> {
    if io::stdin().is_terminal() {
        // on standard error, so that the hash alone can be piped on; failing to ask does no harm
        let _ = write!(io::stderr(), "Password: ");
    }
    let mut line = Vec::new();
    // two more for the end of the line
    let mut limited = input.take(MAX_PASSWORD as u64 + 2);
    limited.read_until(b'\n', &mut line).map_err(CliError::Input)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let refused = |problem: &str| CliError::Refused(format!("the password {problem}"));
    if line.is_empty() {
        return Err(refused("is empty"));
    }
    if line.len() > MAX_PASSWORD {
        return Err(refused(&format!("has more than {MAX_PASSWORD} bytes")));
    }
    let password = std::str::from_utf8(line).map_err(|error| refused(&error.to_string()))?;
    let hash = secrets::hash_password(password)?;
    match args.json {
        true => json_line(out, &json!({"password": hash})),
        false => writeln!(out, "{hash}").map_err(CliError::Output),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::vocabulary::password;

    fn hash(input: &[u8]) -> Result<String, CliError> {
        let mut out = Vec::new();
        run(&OutputArgs { json: false }, &mut &*input, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_line_without_its_end_is_the_password() {
        for input in ["s p\n", "s p\r\n", "s p", "s p\nmore"] {
            let hash = hash(input.as_bytes()).unwrap();
            assert!(password::verify(hash.trim_end(), "s p"), "{input:?}");
        }
    }

    #[test]
    fn no_password_and_far_too_much_are_refused() {
        let refused = |input: &[u8]| matches!(hash(input), Err(CliError::Refused(_)));
        assert!(refused(b"") && refused(b"\n") && refused(b"\xff\n"));
        assert!(refused(&[b'x'; MAX_PASSWORD + 1]));
    }
}
