//! A refused form, given back on the page that refuses it (docs/contract.md#typed-text-is-given-back).
//!
//! The body of the request is decoded where it lies, and written into the page from there, so that what people
//! typed exists once and is overwritten when the answer is written. Sending the page's form again sends the
//! same names and values in the same order, byte for byte; where that cannot be (values that are no text, too
//! many fields), there is no [`Form`]. Files and secrets are the exceptions, and the page names them.
//!
//! Must not know: requests, connections, where a body comes from.

mod multipart;
mod page;
mod urlencoded;

use std::ops::Range;

use zeroize::Zeroizing;

/// The largest body that is given back, in bytes.
pub const LARGEST_FORM: usize = 256 * 1024;
/// The most fields that are given back.
pub const MOST_FIELDS: usize = 1_000;

/// Parts of names of fields whose values are not shown: secrets, and what is valid once.
const SECRETS: [&str; 7] = ["pass", "secret", "token", "csrf", "card", "cvc", "otp"];

/// Which fields are not given back (`gate.not_kept`).
#[derive(Debug, Clone)]
pub struct NotKept(Vec<String>);

impl Default for NotKept {
    fn default() -> Self {
        Self(SECRETS.map(str::to_owned).to_vec())
    }
}

impl NotKept {
    /// Fields with one of these in their names, in any case.
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().map(|word| word.to_ascii_lowercase()).collect())
    }

    /// The parts of names, in small letters.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// A text of several lines is no password, whatever it is called.
    fn is_secret(&self, name: &[u8], value: &[u8]) -> bool {
        let has =
            |word: &String| name.windows(word.len().max(1)).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        !value.contains(&b'\n') && self.0.iter().any(has)
    }
}

/// How a browser has written a form, by its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data`, with this boundary.
    Multipart(Vec<u8>),
}

impl Encoding {
    /// Of a `Content-Type`; none, if no form is sent with it that can be given back.
    pub fn of(content_type: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content_type).ok()?;
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        match kind.trim() {
            kind if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Some(Self::Urlencoded),
            kind if kind.eq_ignore_ascii_case("multipart/form-data") => {
                let boundary = parameters.split(';').find_map(|parameter| {
                    let (name, value) = parameter.split_once('=')?;
                    name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
                })?;
                (1..=70).contains(&boundary.len()).then(|| Self::Multipart(boundary.as_bytes().to_vec()))
            }
            _ => None,
        }
    }
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Given back.
    Text,
    /// A file: its name alone. Empty: none was chosen.
    File,
    /// Not given back.
    Secret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    /// For a file, its file name.
    value: Range<usize>,
    kind: Kind,
}

/// How the bytes of a form are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    /// Of an old page. Every byte is one character of it, so that the same bytes are sent again.
    Windows1252,
}

/// See the module.
#[derive(Debug)]
pub struct Form {
    /// Decoded; names and values lie in it.
    bytes: Zeroizing<Vec<u8>>,
    fields: Vec<Field>,
    multipart: bool,
    charset: Charset,
}

impl Form {
    /// Reads a whole body. None: it is no form of this encoding, or one that could not be sent again as it is.
    pub fn read(encoding: &Encoding, mut body: Zeroizing<Vec<u8>>, not_kept: &NotKept) -> Option<Self> {
        if body.len() > LARGEST_FORM {
            return None;
        }
        let mut fields = match encoding {
            Encoding::Urlencoded => urlencoded::fields(&mut body)?,
            Encoding::Multipart(boundary) => multipart::fields(&body, boundary)?,
        };
        for field in &mut fields {
            let (name, value) = (&body[field.name.clone()], &body[field.value.clone()]);
            // A page cannot hold NUL, and a field without a name is not sent.
            if name.is_empty() || name.contains(&0) || value.contains(&0) {
                return None;
            }
            if field.kind == Kind::Text && not_kept.is_secret(name, value) {
                field.kind = Kind::Secret;
            }
        }
        let is_text = |range: &Range<usize>| std::str::from_utf8(&body[range.clone()]).is_ok();
        let utf8 = fields.iter().all(|field| is_text(&field.name) && is_text(&field.value));
        let charset = if utf8 { Charset::Utf8 } else { Charset::Windows1252 };
        let multipart = *encoding != Encoding::Urlencoded;
        (!fields.is_empty()).then_some(Self { bytes: body, fields, multipart, charset })
    }
}

#[cfg(test)]
mod tests;
