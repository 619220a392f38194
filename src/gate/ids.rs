//! The ids of a request, by which it is found again in other logs: `X-Request-Id`, and `traceparent` (W3C Trace
//! Context).
//!
//! Must stay true: a valid id is passed on as it came; another one is replaced, and with it what belongs to it.

use super::fields::Fields;
use crate::http1::write;

const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The longest request id that is passed on.
const LONGEST: usize = 128;

/// The ids that a request got here, because it had none. See the module.
#[derive(Debug, Default)]
pub struct Ids {
    request: Option<String>,
    /// The whole value of `traceparent`.
    trace: Option<String>,
}

impl Ids {
    /// What a request with these fields lacks, from these random bits.
    pub(super) fn made(fields: &impl Fields, random: impl Fn() -> u64) -> Self {
        let bits = || random() | 1; // an id is never all zeros
        let request = request_id(fields).is_none().then(|| format!("{:016x}{:016x}", bits(), bits()));
        let trace = || format!("00-{:016x}{:016x}-{:016x}-01", bits(), bits(), bits());
        Self { request, trace: traceparent(fields).is_none().then(trace) }
    }

    /// Whether a field of the request makes way for one that was made.
    pub(super) fn replaces(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        self.request.is_some() && is(REQUEST_ID) || self.trace.is_some() && (is(TRACEPARENT) || is(TRACESTATE))
    }

    /// Writes those that were made.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in [(REQUEST_ID, &self.request), (TRACEPARENT, &self.trace)] {
            value.iter().for_each(|value| write::field(out, name, value.as_bytes()));
        }
    }

    /// The request's id and its trace's: what was made, or else what was sent.
    pub(super) fn known(&self, fields: &impl Fields) -> (Option<String>, Option<String>) {
        let trace = self.trace.as_deref().or_else(|| traceparent(fields)).map(|value| value[3..35].to_owned());
        (self.request.clone().or_else(|| request_id(fields).map(str::to_owned)), trace)
    }
}

/// The only value of a field.
fn only<'a>(fields: &'a impl Fields, name: &str) -> Option<&'a [u8]> {
    let mut lines = fields.lines(name);
    lines.next().filter(|_| lines.next().is_none())
}

fn request_id(fields: &impl Fields) -> Option<&str> {
    let value = only(fields, REQUEST_ID)?;
    let fits = (1..=LONGEST).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    fits.then(|| std::str::from_utf8(value).ok()).flatten()
}

/// A `traceparent` of version 00; of later versions the part that is the same.
fn traceparent(fields: &impl Fields) -> Option<&str> {
    let value = std::str::from_utf8(only(fields, TRACEPARENT)?).ok().filter(|value| value.is_ascii())?;
    let (known, more) = value.split_at_checked(55)?;
    let parts: Vec<&str> = known.split('-').collect();
    let is_hex = |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let fits = lengths == [2, 32, 16, 2]
        && parts.iter().all(is_hex)
        && parts[1..3].iter().all(|id| id.bytes().any(|b| b != b'0'))
        && parts[0] != "ff"
        && (more.is_empty() || parts[0] != "00" && more.starts_with('-'));
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Sent(Vec<(&'static str, &'static str)>);

    impl Fields for Sent {
        fn lines<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
            let named = self.0.iter().filter(move |(sent, _)| *sent == name);
            named.map(|(_, value)| value.as_bytes()).collect::<Vec<_>>().into_iter()
        }
    }

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn written(ids: &Ids) -> String {
        let mut out = Vec::new();
        ids.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn valid_ids_are_passed_on() {
        let sent = Sent(vec![("x-request-id", "a-1"), ("traceparent", TRACE)]);
        let ids = Ids::made(&sent, || 7);
        assert!(written(&ids).is_empty() && !ids.replaces("Traceparent") && !ids.replaces("tracestate"));
        let (request, trace) = ids.known(&sent);
        assert_eq!((request.as_deref(), trace.as_deref()), (Some("a-1"), Some("0af7651916cd43dd8448eb211c80319c")));
    }

    #[test]
    fn others_are_replaced() {
        let made = "x-request-id: 00000000000000070000000000000007\r\n\
                    traceparent: 00-00000000000000070000000000000007-0000000000000007-01\r\n";
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-00";
        for (id, trace) in [
            ("", ""),
            ("a b", "00-xyz"),
            ("\u{e9}", zeros),
            ("a\tb", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        ] {
            let sent = Sent(vec![("x-request-id", id), ("traceparent", trace)]);
            let ids = Ids::made(&sent, || 6);
            assert_eq!(written(&ids), made, "{id} {trace}");
            assert!(ids.replaces("X-Request-ID") && ids.replaces("traceparent") && ids.replaces("TraceState"));
        }
        let twice = Sent(vec![("x-request-id", "a"), ("x-request-id", "b"), ("traceparent", TRACE)]);
        assert!(Ids::made(&twice, || 6).replaces("x-request-id"));
    }
}
