//! `forewarn check FILE`: reports every problem of a configuration.

use std::io::Write;

use serde_json::json;

use super::args::CheckArgs;
use super::error::{CliError, json_line};
use crate::clock;
use crate::config::{ConfigError, Problem, Settings};

/// Checks the file; what is worth knowing although it is right goes to `out` as well.
///
/// # Errors
///
/// [`CliError::Config`] with every problem; with `--json` they are on `out`, and it is
/// [`CliError::Told`]. [`CliError::Output`].
pub fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let checked = Settings::load(&args.file).and_then(|settings| match settings.invalid_at(clock::now()) {
        problems if problems.is_empty() => Ok(settings),
        problems => Err(ConfigError::Wrong { file: args.file.clone(), problems }),
    });
    let file = args.file.display();
    if args.output.json {
        let (notes, problems, error) = match &checked {
            Ok(settings) => (settings.notes(), Vec::new(), None),
            Err(error) => (Vec::new(), error.problems().iter().map(entry).collect(), Some(error)),
        };
        let value = json!({
            "file": file.to_string(), "ok": checked.is_ok(), "notes": notes, "problems": problems,
            "error": error.map(ToString::to_string),
        });
        json_line(out, &value)?;
        // the error's text is in the output by now
        return checked.map(drop).map_err(|_shown| CliError::Told);
    }
    let settings = checked?;
    let mut text = format!("{file}: all right\n");
    for note in settings.notes() {
        text.push_str(&format!("{file}: note: {note}\n"));
    }
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

fn entry(problem: &Problem) -> serde_json::Value {
    json!({"line": problem.line, "key": problem.key, "problem": problem.problem})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::args::OutputArgs;

    fn check(text: &str, json: bool) -> (Result<(), CliError>, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.toml");
        std::fs::write(&file, text).unwrap();
        let output = OutputArgs { json };
        let mut out = Vec::new();
        let result = run(&CheckArgs { file, output }, &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    const LEAST: &str = "[node]\nname = \"a\"\ndata = \"d\"\n";

    #[test]
    fn a_right_file_is_all_right_with_notes() {
        let (result, out) = check(LEAST, false);
        result.unwrap();
        assert!(out.contains("f.toml: all right"));
        assert!(out.contains("note: there is no [[operator]]"), "{out}");
    }

    #[test]
    fn a_wrong_file_fails_with_line_and_key() {
        let wrong = format!("{LEAST}[gate]\nh2c = 2\n");
        let (result, out) = check(&wrong, false);
        let message = result.unwrap_err().to_string();
        assert!(message.contains("f.toml:5: gate.h2c: must be true or false"), "{message}");
        assert!(out.is_empty());

        let (result, out) = check(&wrong, true);
        assert!(matches!(result, Err(CliError::Told)));
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["ok"], false);
        assert_eq!(value["problems"][0]["line"], 5);
        assert_eq!(value["problems"][0]["key"], "gate.h2c");
    }
}
