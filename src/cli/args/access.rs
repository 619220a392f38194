//! How the command line reaches a node: `FOREWARN_URL` and `FOREWARN_TOKEN`.

use std::{
    env::VarError,
    path::{Path, PathBuf},
};

use rustls::pki_types::CertificateDer;

use crate::tls::certificates;
use crate::vocabulary::{HttpUrl, Secret};

/// Where a node's control listener is, and what it is shown.
#[derive(Clone, Debug)]
pub struct Access {
    /// `FOREWARN_URL`, or <http://127.0.0.1:7070>.
    pub url: HttpUrl,
    /// `FOREWARN_TOKEN`, if it is set and not empty; fit for a header.
    pub token: Option<Secret>,
    /// Whom to believe at an https address, in place of the system's authorities: `--ca` or `FOREWARN_CA`.
    pub ca: Option<Vec<CertificateDer<'static>>>,
}

impl Access {
    /// Reads the environment; `ca`: the command line's.
    ///
    /// # Errors
    ///
    /// Names the variable that is wrong. A token is not repeated.
    pub fn from_env(ca: Option<PathBuf>) -> Result<Access, String> {
        let access = Access::from_values(variable("FOREWARN_URL")?, variable("FOREWARN_TOKEN")?)?;
        let known = variable("FOREWARN_CA")?.filter(|file| !file.is_empty());
        let (name, file) = match (ca, known) {
            (Some(file), _) => ("--ca", file),
            (None, Some(file)) => ("FOREWARN_CA", file.into()),
            (None, None) => return Ok(access),
        };
        access.believing(name, &file)
    }

    /// The same, believing only those in this file; `name`: what named it.
    ///
    /// # Errors
    ///
    /// It has no certificates.
    fn believing(self, name: &str, file: &Path) -> Result<Access, String> {
        let ca = certificates(file).map_err(|problem| format!("{name}: {problem}"))?;
        Ok(Access { ca: Some(ca), ..self })
    }

    /// The same, from the variables' values. An empty one counts as not set.
    ///
    /// # Errors
    ///
    /// As [`Access::from_env`].
    pub fn from_values(url: Option<String>, token: Option<String>) -> Result<Access, String> {
        let url = url.filter(|url| !url.is_empty());
        let url = url.as_deref().unwrap_or("http://127.0.0.1:7070");
        let url = url.parse().map_err(|problem| format!("FOREWARN_URL: {problem}"))?;
        let token = token.filter(|token| !token.is_empty());
        if let Some(token) = &token
            && !(token.len() <= 1_024 && token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let problem = "must be at most 1024 printable ASCII characters without spaces";
            return Err(format!("FOREWARN_TOKEN: {problem}"));
        }
        let token = token.map(Secret::new);
        Ok(Access { url, token, ca: None })
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name}: is not UTF-8")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_has_defaults_and_limits() {
        let access = Access::from_values(None, Some(String::new())).unwrap();
        let wrong = access.clone().believing("--ca", Path::new("/none")).unwrap_err();
        assert!(wrong.starts_with("--ca: /none cannot be read"));
        assert_eq!(access.url.to_string(), "http://127.0.0.1:7070");
        assert!(access.token.is_none());
        let wrong = Access::from_values(Some("nowhere".into()), None).unwrap_err();
        assert!(wrong.starts_with("FOREWARN_URL: must be"));
        let wrong = Access::from_values(None, Some("two\r\nlines".into())).unwrap_err();
        assert!(wrong.starts_with("FOREWARN_TOKEN: must be"));
        assert!(!wrong.contains("lines"));
    }
}
