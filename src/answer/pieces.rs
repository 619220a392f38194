//! A body that is rendered once and filled in for each request: fixed text between the few places that depend
//! on the request or the time. Filling in costs one buffer, or none if there are no such places.

use bytes::Bytes;

use crate::availability::Moment;

use super::{Work, form::Form};
use crate::text::Language;

/// Stands in rendered text for the distance to the expected return, in words.
pub(super) const RELATIVE: char = '\u{1}';
/// Stands in rendered text for the part of the outage that has passed, in percent.
pub(super) const ELAPSED: char = '\u{2}';
/// Stands in rendered text for the seconds that are left, negative when overdue.
pub(super) const LEFT: char = '\u{3}';
/// Stands in rendered text for the form that is given back.
pub(super) const FORM: char = '\u{4}';
/// Stands in a rendered page for the list of other applications that work.
pub(super) const WORKS: char = '\u{5}';

/// What is filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots<'a> {
    /// The request's path.
    pub(super) instance: &'a str,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) now: Moment,
    pub(super) since: Moment,
    pub(super) back: Option<Moment>,
    /// What is given back.
    pub(super) form: Option<&'a Form>,
    /// Other applications that work.
    pub(super) works: &'a [Work],
    pub(super) language: &'a Language,
}

#[derive(Debug)]
enum Piece {
    Text(Bytes),
    /// As a JSON string.
    Instance,
    /// As a JSON number or null.
    RetryAfter,
    Relative,
    Elapsed,
    Left,
    Form,
    Works,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Splits rendered text at its marks. What users wrote must have passed
    /// [`super::words::visible`] before, which leaves none of them in it.
    pub(super) fn of_text(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find([RELATIVE, ELAPSED, LEFT, FORM, WORKS]) {
            let (before, mark) = rest.split_at(at);
            pieces.push(Piece::Text(Bytes::copy_from_slice(before.as_bytes())));
            pieces.push(match mark.chars().next() {
                Some(RELATIVE) => Piece::Relative,
                Some(ELAPSED) => Piece::Elapsed,
                Some(FORM) => Piece::Form,
                Some(WORKS) => Piece::Works,
                _ => Piece::Left,
            });
            rest = &mark[1..];
        }
        pieces.push(Piece::Text(Bytes::copy_from_slice(rest.as_bytes())));
        Self(pieces)
    }

    /// A JSON object: its members up to `instance`, those up to `retry_after` (or none), the rest.
    /// Each part is a list of members without braces.
    pub(super) fn of_json(head: &str, middle: Option<&str>, rest: &str) -> Self {
        let text = |text: String| Piece::Text(text.into());
        let mut pieces = vec![text(format!("{{{head},\"instance\":")), Piece::Instance];
        if let Some(middle) = middle {
            pieces.extend([text(format!(",{middle},\"retry_after\":")), Piece::RetryAfter]);
        }
        // A line end, for people who see the object in a terminal.
        pieces.push(text(format!(",{rest}}}\n")));
        Self(pieces)
    }

    /// The whole body.
    pub(super) fn fill(&self, slots: &Slots<'_>) -> Bytes {
        if let [Piece::Text(only)] = self.0.as_slice() {
            return only.clone();
        }
        let fixed: usize = self.0.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 24 }).sum();
        let mut body = Vec::with_capacity(fixed + slots.instance.len());
        self.append(&mut body, slots);
        body.into()
    }

    /// Appends the whole body.
    pub(super) fn append(&self, body: &mut Vec<u8>, slots: &Slots<'_>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => body.extend_from_slice(text),
                Piece::Instance => write_json(body, slots.instance),
                Piece::RetryAfter => write_json(body, &slots.retry_after),
                Piece::Relative => {
                    let words = slots.back.map(|back| slots.language.distance(slots.now, back));
                    body.extend_from_slice(words.unwrap_or_default().as_bytes());
                }
                Piece::Elapsed => write_json(body, &slots.elapsed()),
                Piece::Left => write_json(body, &slots.left()),
                Piece::Form => slots.form.into_iter().for_each(|form| form.write(body, slots.language)),
                Piece::Works => super::works::write(body, slots.works, slots.language),
            }
        }
    }
}

impl Slots<'_> {
    fn elapsed(&self) -> u64 {
        let whole = self.back.map_or(0, |back| back.since(self.since).as_millis());
        let gone = self.now.since(self.since).as_millis();
        u64::try_from((gone * 100).checked_div(whole).unwrap_or(0).min(100)).unwrap_or(100)
    }

    fn left(&self) -> i64 {
        self.back.map_or(0, |back| (back.millis() - self.now.millis()) / 1000)
    }
}

/// Writes a string or a number, escaped.
fn write_json(body: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Neither a string nor a number fails to serialize, and a Vec takes everything.
    if serde_json::to_writer(&mut *body, value).is_err() {
        body.extend_from_slice(b"null");
    }
}

/// The members of an object that is written in parts, without its braces. Empty where there are
/// none.
pub(super) fn members(object: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(object).unwrap_or_default();
    json.strip_prefix('{').and_then(|json| json.strip_suffix('}')).unwrap_or_default().to_owned()
}
