//! The header fields of a request, independent of their storage.
//!
//! The code that decides about a request reads its fields only through [`Fields`], so that it works on the
//! framework's map and on the lines in a connection's buffer alike. Values are bytes: a value that is not text
//! must reach criteria unchanged.

use actix_web::http::header::{HeaderMap, HeaderValue};

use crate::{availability::HeaderSource, http1::head::Field};

/// Fields that can be looked up by name.
pub trait Fields {
    /// The values of all lines of this name, in their order. `name` is in small letters.
    fn lines<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]>;
}

impl Fields for HeaderMap {
    fn lines<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.get_all(name).map(HeaderValue::as_bytes)
    }
}

/// As hyper and tower have them.
impl Fields for http::HeaderMap {
    fn lines<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}

/// The lines of a head, as they stand in a connection's buffer.
pub(crate) struct Lines<'a>(pub &'a [Field<'a>]);

impl Fields for Lines<'_> {
    fn lines<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }
}

/// The members of a list field: its lines split at commas, trimmed, without empty ones
/// (RFC 9110, section 5.6.1). Lines that are no text are left out.
pub(crate) fn members<'a>(fields: &'a impl Fields, name: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
    let lines = fields.lines(name).filter_map(|line| std::str::from_utf8(line).ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

/// Fields as criteria look at them.
pub(super) struct Headers<'a, F>(pub(super) &'a F);

impl<F: Fields> HeaderSource for Headers<'_, F> {
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8])) {
        self.0.lines(name).for_each(take);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn members_of_all_lines_without_empty_ones() {
        let mut map = HeaderMap::new();
        for value in ["a, ,b", "", " c ,"] {
            map.append(HeaderName::from_static("x-list"), HeaderValue::from_static(value));
        }
        assert_eq!(members(&map, "x-list").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(members(&map, "x-list").next_back(), Some("c"));
    }
}
