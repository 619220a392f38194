//! `forewarn init FILE`: writes a configuration that works, and shows its secrets once.

use std::io::Write;

use chrono::Datelike as _;
use serde_json::json;

use super::args::InitArgs;
use super::error::{CliError, json_line};
use crate::clock;
use crate::config::template::{self, Hosts};

/// Writes the file and shows on `out` what is shown only once.
///
/// # Errors
///
/// [`CliError::Config`] when the file exists or cannot be written, [`CliError::Output`].
pub fn run(args: &InitArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let tls = args.tls.then(|| Hosts { more: &args.host, year: clock::now().to_datetime().year() });
    let fresh = template::init(&args.file, tls)?;
    let file = args.file.display();
    let (operator, token_name) = (template::OPERATOR, template::TOKEN);
    let password = fresh.password.expose_secret();
    let token = fresh.token.expose_secret();
    let scheme = if args.tls { "https" } else { "http" };
    if args.output.json {
        let value = json!({
            "file": file.to_string(), "operator": operator, "password": password,
            "token_name": token_name, "token": token, "ca": fresh.authority,
        });
        return json_line(out, &value);
    }
    write!(
        out,
        "Wrote {file}. Shown only now:\n\n  \
         operator  {operator}\n  \
         password  {password}\n  \
         token     {token}  (\"{token_name}\", for FOREWARN_TOKEN)\n\n\
         Next: forewarn serve --config {file}\n\
         and sign in at {scheme}://127.0.0.1:7070/\n"
    )
    .map_err(CliError::Output)?;
    let Some(authority) = &fresh.authority else { return Ok(()) };
    write!(
        out,
        "\nThe farm's own authority is {authority}: have browsers trust it, and give it to the command line:\n  \
         export FOREWARN_URL=https://127.0.0.1:7070 FOREWARN_CA={authority}\n"
    )
    .map_err(CliError::Output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::args::OutputArgs;
    use crate::config::Settings;
    use crate::vocabulary::{password, token_sha256};

    #[test]
    fn what_it_shows_is_what_the_file_accepts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.toml");
        let output = OutputArgs { json: true };
        let args = InitArgs { file, tls: true, host: vec!["node.example".to_owned()], output };
        let mut out = Vec::new();
        run(&args, &mut out).unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let settings = Settings::load(&args.file).unwrap();
        let hash = settings.operators[0].password.expose_secret();
        assert!(password::verify(hash, shown["password"].as_str().unwrap()));
        let token = shown["token"].as_str().unwrap();
        assert_eq!(settings.tokens[0].sha256, token_sha256(token));

        assert!(settings.gate.tls.is_some() && settings.control.tls.is_some() && settings.farm.tls.roots.is_some());
        assert_eq!(settings.invalid_at(clock::now()), []);
        let again = run(&args, &mut Vec::new()).unwrap_err();
        assert!(again.to_string().contains("exists already"), "{again}");
    }
}
