//! A prefix of requests (docs/contract.md#configuration).
//!
//! Must stay true: routes are compared with normalized paths, so a route is normalized itself; a route that
//! could never match (empty, `.` and `..` segments, queries) is refused rather than silently ignored.

use std::{fmt, str::FromStr};

use super::host_name;
use crate::availability::path::Path;

/// The longest route, in bytes.
const LONGEST: usize = 1_024;

/// `[host]/path`: a path prefix of any host, or of one. A longer one wins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    host: Option<String>,
    path: String,
}

impl Route {
    /// Lower-case host without a port, perhaps with `*` as its first label; `None` is any host.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Path prefix on segment boundaries, in its literal reading; begins with `/` and ends with one
    /// only when it is `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(slash) = text.find('/') else {
            return Err("must be \"/path\" or \"host/path\"; for a whole host \"host/\"".to_owned());
        };
        let (host, path) = text.split_at(slash);
        if host.contains([':', '[']) {
            return Err("the host must be a name, without a scheme and without a port".to_owned());
        }
        let host = match host {
            "" => None,
            host => Some(match host.strip_prefix("*.") {
                // any one label
                Some(rest) => format!("*.{}", host_name(rest)?),
                None => host_name(host)?,
            }),
        };
        if text.len() > LONGEST {
            return Err(format!("must be at most {LONGEST} bytes"));
        }
        if path.contains(['?', '#']) {
            return Err("must not have a query or a fragment".to_owned());
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be ASCII without spaces; write other characters as %XX".to_owned());
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/').skip(1);
        if segments.clone().next() == Some(".forewarn") {
            return Err("must not be below /.forewarn, which is the gate's own".to_owned());
        }
        if segments.any(|segment| ["", ".", ".."].contains(&segment)) {
            return Err("must not have empty, \".\" or \"..\" segments".to_owned());
        }
        let path = if path.is_empty() { "/" } else { path };
        let read = Path::parse(path.as_bytes()).map_err(|error| error.to_string())?;
        // escapes may be written in lower case, but an escape that the literal reading does not keep
        // would stand for another route than is written
        if !read.literal().eq_ignore_ascii_case(path) {
            return Err(format!("is read as \"{}\": write it so", read.literal()));
        }
        Ok(Self { host, path: read.literal().to_owned() })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host.as_deref().unwrap_or(""), self.path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_route_is_what_a_normalized_path_can_match() {
        let shown = |text: &str| text.parse::<Route>().map(|route| route.to_string());
        assert_eq!(shown("/").unwrap(), "/");
        assert_eq!(shown("/mail/").unwrap(), "/mail");
        assert_eq!(shown("Shop.Example.com/Cart").unwrap(), "shop.example.com/Cart");
        assert_eq!(shown("/s%c3%bcd").unwrap(), "/s%C3%BCd");
        assert_eq!(shown("*.Example.com/").unwrap(), "*.example.com/");
        for wrong in [
            "",
            "mail",
            "//",
            "/a//b",
            "/a//",
            "/a/../b",
            "/a/.",
            "/a?b",
            "/a#b",
            "/a b",
            "/ü",
            "/%zz",
            "/%4",
            "/%00",
            "/%6dail",
            "/%2e%2e/a",
            "/a%2f..%2fb",
            "/.forewarn",
            "/.forewarn/check",
            "http://a/b",
            "a:80/b",
            "a b/c",
            "*.*.a/",
            "a.*/",
            "*/",
            "/\u{7}",
        ] {
            assert!(shown(wrong).is_err(), "{wrong:?}");
        }
        assert!(shown(&format!("/{}", "x".repeat(LONGEST))).is_err());
    }
}
