//! `forewarn pass`: a link by which testers pass through a closing.

use std::io::Write;

use serde::Deserialize;
use serde_json::json;
use ureq::http::Method;

use super::args::{Access, PassArgs};
use super::client::{Client, TIMEOUT};
use super::error::{CliError, json_line};
use crate::{availability::Moment, clock};

/// The answer of `/api/v1/passes`.
#[derive(Debug, Deserialize)]
struct Pass {
    link: String,
    expires_at: Moment,
}

/// Asks a node for the link, and prints it.
///
/// # Errors
///
/// [`CliError::Call`], [`CliError::Told`], [`CliError::Output`].
pub fn run(args: &PassArgs, access: Access, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    let ask = json!({"applications": args.applications, "expires_at": clock::now().after(args.lasts)});
    let reply = match client.call(Method::POST, "/api/v1/passes", Some(&ask), TIMEOUT) {
        Err(error) => return Err(super::told(args.output, error, out)),
        Ok(reply) => reply,
    };
    if args.output.json {
        return json_line(out, &reply.body);
    }
    let Pass { link, expires_at } = client.read(&reply)?;
    writeln!(out, "{link}\nopen it at the gate of any node; anyone who has the link passes until {expires_at}")
        .map_err(CliError::Output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::{args::OutputArgs, fake::Fake};

    #[test]
    fn the_link_stands_on_the_first_line() {
        let fake = Fake::start(|asked| {
            assert_eq!(asked.line, "POST /api/v1/passes");
            (
                201,
                json!({"link": "/.forewarn/pass?t=x", "applications": ["mail"], "expires_at": "2026-11-23T18:00:00Z"}),
            )
        });
        let mut out = Vec::new();
        let output = OutputArgs { json: false };
        let args = PassArgs { applications: vec!["mail".to_owned()], lasts: Duration::from_secs(7_200), output };
        run(&args, fake.access(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("/.forewarn/pass?t=x\n") && out.contains("until 2026-11-23T18:00:00Z"), "{out}");
    }
}
