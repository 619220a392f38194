//! Which header fields an application's requests or answers get or lose on their way (docs/contract.md#header-rules).
//!
//! Must stay true: no rule reaches a field that frames a message or says where it comes from.

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderRules {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// Fields that belong to one connection, frame the message, or are written by the gate itself.
const NOT_THESE: [&str; 17] = [
    "connection",
    "content-length",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// The longest value.
const LONGEST: usize = 2_048;

impl HeaderRules {
    /// Sets these, whatever there was, and takes these away.
    pub fn new(set: Vec<(String, String)>, remove: Vec<String>) -> Self {
        Self { set, remove }
    }

    /// Whether a field with this name, in any case, is not passed on.
    pub fn drops(&self, name: &str) -> bool {
        let set = self.set.iter().map(|(name, _)| name);
        set.chain(&self.remove).any(|one| one.eq_ignore_ascii_case(name))
    }

    /// The fields that are added.
    pub fn added(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Checks the name of a field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn name(text: &str) -> Result<String, String> {
        let small = text.to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^`|~".contains(&byte);
        let shown: String = text.chars().take(64).collect();
        if !(1..=64).contains(&text.len()) || !text.bytes().all(is_token) {
            return Err(format!("has the header {shown:?}, which is no name of a header"));
        }
        let is_own = ["x-forwarded-", "forewarn"].iter().any(|start| small.starts_with(start));
        match is_own || NOT_THESE.contains(&&*small) {
            true => Err(format!("has the header {shown:?}, which the gate writes itself")),
            false => Ok(small),
        }
    }

    /// Checks a field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn field(name: &str, value: &str) -> Result<(String, String), String> {
        let name = Self::name(name)?;
        match value.len() <= LONGEST && value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            true => Ok((name, value.to_owned())),
            false => Err(format!("has a value for {name:?} that is no line of at most {LONGEST} ASCII characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_a_message_has_no_rule() {
        for name in ["Content-Length", "Host", "X-Forwarded-For", "Forewarn-Pass", "a b", "a_b", "", "\u{e9}"] {
            assert!(HeaderRules::name(name).is_err(), "{name}");
        }
        assert_eq!(HeaderRules::name("Server"), Ok("server".to_owned()));
        assert!(HeaderRules::field("x-a", "1\r\nx: 2").is_err() && HeaderRules::field("x-a", "\u{e9}").is_err());
        let rules = HeaderRules::new(vec![("x-a".to_owned(), "1".to_owned())], vec!["server".to_owned()]);
        assert!(rules.drops("X-A") && rules.drops("SERVER") && !rules.drops("x-b"));
    }
}
