//! `forewarn token`: a new API token, and the lines of configuration that admit it.

use std::io::Write;

use serde_json::json;

use super::args::OutputArgs;
use super::error::{CliError, json_line};
use crate::config::secrets;

/// Prints the token on the first line and the configuration's line for it on the second.
///
/// # Errors
///
/// [`CliError::Output`].
pub fn run(args: &OutputArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let token = secrets::new_token();
    let sha256 = hex::encode(secrets::token_sha256(&token));
    match args.json {
        true => json_line(out, &json!({"token": token, "sha256": sha256})),
        false => writeln!(out, "{token}\nsha256 = \"{sha256}\"").map_err(CliError::Output),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::vocabulary::token_sha256;

    #[test]
    fn its_line_can_be_pasted_into_the_configuration() {
        let mut out = Vec::new();
        run(&OutputArgs { json: false }, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let (token, line) = out.split_once('\n').unwrap();
        let text = format!("[node]\nname = \"a\"\ndata = \"d\"\n[[token]]\nname = \"t\"\nrole = \"monitor\"\n{line}");
        let settings = Settings::parse(&text, std::path::Path::new("f.toml")).unwrap();
        assert_eq!(settings.tokens[0].sha256, token_sha256(token));
    }
}
