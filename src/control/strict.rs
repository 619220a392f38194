//! Strict JSON for submissions: a repeated member is an error that names it.
//!
//! RFC 8259 leaves open which of two members with one name counts, and most readers silently take the last one.
//! Here neither statement may be dropped silently. A leading byte order mark is skipped, as RFC 8259, section
//! 8.1, allows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one JSON value.
///
/// # Errors
/// For people: what is wrong, with line and column.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    if bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe") {
        return Err("the body is no JSON: it begins with the byte order mark of UTF-16; JSON is UTF-8".to_owned());
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Place::Top.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|e| if e.is_data() { format!("the body {e}") } else { format!("the body is no JSON: {e}") })
}

/// Where in the body a value stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    Top,
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    /// Such as `criteria.paths[2]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Member(Self::Top, name) => f.write_str(name),
            Self::Member(within, name) => write!(f, "{within}.{name}"),
            Self::Element(within, at) => write!(f, "{within}[{at}]"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Place::Element(&self, list.len()))? {
            list.push(element);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = Place::Member(&self, &name);
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("has the member {:?} twice", place.to_string())));
            }
            let value = members.next_value_seed(place)?;
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_member_that_stands_twice_is_named_at_any_depth() {
        for (text, named) in [
            (r#"{"status": "available", "status": "unavailable"}"#, "\"status\""),
            (r#"{"criteria": {"paths": ["/a"], "paths": ["/b"]}}"#, "\"criteria.paths\""),
            (r#"{"criteria": {"headers": {"x": "1", "\u0078": "1"}}}"#, "\"criteria.headers.x\""),
            (r#"[1, {"a": [{}, {"b": 1, "b": 1}]}]"#, "\"[1].a[1].b\""),
        ] {
            let problem = read(text.as_bytes()).unwrap_err();
            assert!(problem.contains(named) && problem.contains("twice") && problem.contains("line 1"), "{problem}");
        }
    }

    #[test]
    fn everything_else_is_read_as_it_is_elsewhere() {
        assert_eq!(read(b"\xef\xbb\xbf{\"a\": 1}"), Ok(json!({"a": 1})));
        assert_eq!(read(br#"{"a": {"b": [null, -1, 1.5, "x\n"]}, "c": {"b": true}}"#).unwrap()["a"]["b"][2], 1.5);
        for wrong in [&b""[..], b"{", b"{} {}", b"\xff\xfe{\0}\0", b"\xef\xbb\xbf\xef\xbb\xbf{}", &[b'['; 5_000]] {
            assert!(read(wrong).unwrap_err().starts_with("the body is no JSON: "));
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_writes_is_read(numbers in proptest::collection::vec(any::<f64>(), 0..4), text in "\\PC{0,8}", whole in any::<i64>()) {
            let value = json!({"n": numbers.into_iter().filter(|n| n.is_finite()).collect::<Vec<_>>(), text.clone(): {"i": whole, "t": text}});
            prop_assert_eq!(read(value.to_string().as_bytes()), Ok(value));
        }
    }
}
