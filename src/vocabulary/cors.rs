//! Which pages of other origins may read a denial (`gate.cors`).

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cors {
    /// `"*"`: all of them.
    #[default]
    Any,
    /// These, as [`origin`] returns them.
    Origins(Vec<String>),
    /// `"off"`: none, and no preflight is answered.
    Off,
}

/// The longest origin that is repeated in an answer.
const LONGEST: usize = 300;

impl Cors {
    /// Whether pages of this origin, the value of an `Origin` field, may read denials.
    pub fn admits(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Origins(origins) => origins.iter().any(|known| known.eq_ignore_ascii_case(origin)),
            Self::Off => false,
        }
    }
}

/// An origin as browsers write it: a scheme, a host and perhaps a port, without a path.
///
/// # Errors
/// What an origin looks like.
pub fn origin(text: &str) -> Result<&str, String> {
    let host = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let scheme = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.');
    match text.split_once("://") {
        Some((before, after))
            if text.len() <= LONGEST
                && !before.is_empty()
                && !after.is_empty()
                && before.bytes().all(scheme)
                && after.bytes().all(host) =>
        {
            Ok(text)
        }
        _ => Err("must be an origin such as \"https://www.example.com\", without a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_of_browsers() {
        for good in ["https://a.example", "http://[::1]:8080", "chrome-extension://abc", "capacitor://localhost"] {
            assert_eq!(origin(good), Ok(good));
        }
        let long = format!("https://{}", "a".repeat(LONGEST));
        for wrong in ["", "null", "a.example", "https://", "https://a/", "https://a b", "https://a\r\nx: y", &long] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn those_that_are_listed_are_admitted() {
        let listed = Cors::Origins(vec!["https://a.example".to_owned()]);
        assert!(listed.admits("https://A.example") && !listed.admits("https://b.example") && !listed.admits("null"));
        assert!(Cors::Any.admits("null") && !Cors::Off.admits("https://a.example"));
    }
}
