//! `forewarn reload`: a node reads its configuration again; waits for what becomes of it.

use std::{io::Write, time::Duration};

use serde::Deserialize;
use ureq::http::Method;

use super::args::{Access, OutputArgs};
use super::client::Client;
use super::error::{CliError, json_line};

/// Monitors whose programs are slow to end are waited for.
const PATIENT: Duration = Duration::from_secs(60);

/// The answer of `/api/v1/reload`.
#[derive(Debug, Deserialize)]
struct Reloaded {
    changed: Vec<String>,
    needs_restart: Vec<String>,
}

/// Asks a node to read its configuration again, and prints what has changed.
///
/// # Errors
///
/// [`CliError::Call`] with what is wrong with the file, [`CliError::Told`], [`CliError::Output`].
pub fn run(output: OutputArgs, access: Access, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    let reply = match client.call(Method::POST, "/api/v1/reload", None, PATIENT) {
        Err(error) => return Err(super::told(output, error, out)),
        Ok(reply) => reply,
    };
    if output.json {
        return json_line(out, &reply.body);
    }
    let Reloaded { changed, needs_restart } = client.read(&reply)?;
    let mut text = match changed.as_slice() {
        [] => "nothing has changed\n".to_owned(),
        keys => format!("in effect: {}\n", keys.join(", ")),
    };
    if !needs_restart.is_empty() {
        text.push_str(&format!("after a restart: {}\n", needs_restart.join(", ")));
    }
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::fake::Fake;

    fn told(answer: (u16, serde_json::Value)) -> (Result<(), CliError>, String) {
        let fake = Fake::start(move |asked| {
            assert_eq!(asked.line, "POST /api/v1/reload");
            answer.clone()
        });
        let mut out = Vec::new();
        let result = run(OutputArgs { json: false }, fake.access(), &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_has_changed_and_what_waits_are_named() {
        let (result, out) = told((200, json!({"changed": ["application.upstream"], "needs_restart": ["gate.listen"]})));
        result.unwrap();
        assert_eq!(out, "in effect: application.upstream\nafter a restart: gate.listen\n");
        let (result, out) = told((200, json!({"changed": [], "needs_restart": []})));
        result.unwrap();
        assert_eq!(out, "nothing has changed\n");
    }

    #[test]
    fn a_broken_file_is_a_failure_that_says_why() {
        let problem = json!({"title": "Wrong", "status": 422, "detail": "one field or parameter is wrong",
            "errors": [{"field": "gate.listen", "problem": "must be an address (line 5)"}]});
        let (result, out) = told((422, problem));
        let error = result.unwrap_err().to_string();
        assert!(error.contains("gate.listen") && error.contains("(line 5)") && out.is_empty(), "{error}");
    }
}
