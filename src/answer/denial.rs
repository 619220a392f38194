//! The answer to a request for an application that is down (docs/contract.md#denials).
//!
//! Rendered once, in pieces, and filled in for each request: path, seconds until the return, texts that depend
//! on the time. Headers contain names, ids, numbers and literals only, never text that a person wrote.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::availability::{
    Entry, Moment, Name,
    verdict::{Cause, Verdict},
};

use super::{
    App, Occasion, Shape,
    form::Form,
    page,
    pieces::{Pieces, Slots},
    words,
};

mod programs;
mod shapes;

pub use programs::{EVENTS, Told};

/// `Retry-After` in seconds when the application is overdue.
const OVERDUE: u64 = 60;
/// The most seconds that are added to it, so that those who wait do not come back at once.
const SPREAD: u64 = 30;

/// See the module. Shared by all requests that it answers.
#[derive(Debug)]
pub struct Denial {
    facts: Facts,
    headers: Vec<(&'static str, Bytes)>,
    /// The lines of all fields that do not depend on the time, by shape.
    lines: [OnceLock<Vec<u8>>; Shape::ALL.len()],
    json: OnceLock<Pieces>,
    /// The first for GET and HEAD, the second for requests that sent something.
    text: [OnceLock<Pieces>; 2],
    html: [OnceLock<Pieces>; 2],
    /// The page that gives a form back.
    form: OnceLock<Pieces>,
}

/// What there is to tell.
#[derive(Debug, Clone)]
struct Facts {
    /// The closed application that is named.
    app: Arc<App>,
    /// Other closed ones that the request needs.
    others: Vec<Arc<App>>,
    node: Name,
    /// Those of the named application first.
    causes: Vec<Cause>,
    /// The entry that decides: that of the first cause.
    deciding: Arc<Entry>,
    since: Moment,
    back: Option<Moment>,
    /// It should be back and is not.
    overdue: bool,
}

impl Denial {
    /// The denial that a verdict on a request asks for; none, if it is open. `clock` is the time that the
    /// verdict was given at; after the next change by time ([`crate::availability::Weighed::until`]) it
    /// must be made anew.
    pub fn of(app: &Arc<App>, node: &Name, verdict: Verdict, clock: Moment) -> Option<Self> {
        let deciding = Arc::clone(&verdict.first()?.entry);
        let (since, back) = (verdict.since()?, verdict.expected_back_at());
        let overdue = back.is_some_and(|back| back <= clock);
        let (app, node) = (Arc::clone(app), node.clone());
        Some(Self::new(Facts { app, others: Vec::new(), node, causes: verdict.causes, deciding, since, back, overdue }))
    }

    /// The one denial of a request that needs several applications, of which these are closed. The
    /// first one is named; it has been down since the earliest of them, and is expected back with
    /// the latest, if that is known of all. None, if there are none.
    pub fn combined(denials: &[Arc<Self>]) -> Option<Arc<Self>> {
        let (first, others) = denials.split_first()?;
        if others.is_empty() {
            return Some(Arc::clone(first));
        }
        let mut facts = first.facts.clone();
        for Self { facts: other, .. } in others.iter().map(|denial| &**denial) {
            facts.others.extend([&other.app].into_iter().chain(&other.others).cloned());
            facts.causes.extend(other.causes.iter().cloned());
            facts.since = facts.since.min(other.since);
            facts.back = facts.back.zip(other.back).map(|(one, another)| one.max(another));
            facts.overdue = facts.overdue && other.overdue;
        }
        Some(Arc::new(Self::new(facts)))
    }

    fn new(facts: Facts) -> Self {
        let reason = &facts.deciding.notification.reason.name;
        let headers = vec![
            ("cache-control", Bytes::from_static(b"no-store")),
            ("vary", Bytes::from_static(b"Accept, Accept-Language")),
            ("x-content-type-options", Bytes::from_static(b"nosniff")),
            ("forewarn-application", Bytes::copy_from_slice(facts.app.name().as_str().as_bytes())),
            ("forewarn-reason", Bytes::copy_from_slice(reason.as_str().as_bytes())),
            ("forewarn-notification", facts.deciding.notification.id.to_string().into()),
        ];
        let lines = Default::default();
        let (json, form) = (OnceLock::new(), OnceLock::new());
        Self { facts, headers, lines, json, text: Default::default(), html: Default::default(), form }
    }

    /// Renders every shape now rather than for the first request that wants it.
    pub(super) fn prepare(&self) {
        self.json();
        for reading in [true, false] {
            self.text(reading);
            self.html(reading);
        }
    }

    /// Always 503.
    pub fn status(&self) -> u16 {
        503
    }

    /// Every header field of this answer but `Content-Length`: names in small letters, values that
    /// are visible ASCII by construction (names, ids, numbers, literals).
    pub fn headers(&self, occasion: &Occasion<'_>) -> impl Iterator<Item = (&'static str, Bytes)> {
        let retry = self.retry_after(occasion).map(|seconds| ("retry-after", seconds.to_string().into()));
        self.fixed(occasion.shape).chain(retry)
    }

    /// Those that depend on the shape alone.
    fn fixed(&self, shape: Shape) -> impl Iterator<Item = (&'static str, Bytes)> {
        let typed = [("content-type", Bytes::from_static(shape.content_type().as_bytes()))];
        let policy = (shape == Shape::Html).then(|| ("content-security-policy", page::security_policy(true)));
        typed.into_iter().chain(policy).chain(self.headers.iter().cloned())
    }

    /// The lines of [`Self::headers`] as HTTP/1.1 writes them, without `Retry-After`.
    pub fn lines(&self, shape: Shape) -> &[u8] {
        self.lines[shape as usize].get_or_init(|| {
            let line = |(name, value): (&str, Bytes)| [name.as_bytes(), b": ", &value, b"\r\n"].concat();
            self.fixed(shape).flat_map(line).collect()
        })
    }

    /// Seconds until the expected return, rounded up, at least 1, and up to a tenth more by chance, at most 30;
    /// 60 when it is overdue; `None` when it is not known.
    pub fn retry_after(&self, occasion: &Occasion<'_>) -> Option<u64> {
        let left = self.facts.back?.since(occasion.clock);
        if self.facts.overdue || left.is_zero() {
            return Some(OVERDUE);
        }
        let left = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX / 2);
        let spread = (left / 10).min(SPREAD);
        Some(left + (((spread + 1) * u64::from(occasion.chance)) >> 16))
    }

    /// The body. Costs one buffer.
    pub fn body(&self, occasion: &Occasion<'_>) -> Bytes {
        self.pieces(occasion.shape, occasion.reading).fill(&self.slots(occasion))
    }

    /// The same, behind what is in a buffer already.
    pub fn append_body(&self, out: &mut Vec<u8>, occasion: &Occasion<'_>) {
        self.pieces(occasion.shape, occasion.reading).append(out, &self.slots(occasion));
    }

    /// The page that gives a form back, in a buffer that is overwritten when it goes and that never moves.
    pub fn page_with(&self, form: &Form, occasion: &Occasion<'_>) -> Zeroizing<Vec<u8>> {
        let mut page = Zeroizing::new(Vec::with_capacity(page::LARGEST_PAGE + form.most()));
        let slots = Slots { form: Some(form), ..self.slots(occasion) };
        self.form.get_or_init(|| shapes::form_page(self)).append(&mut page, &slots);
        page
    }

    fn pieces(&self, shape: Shape, reading: bool) -> &Pieces {
        match shape {
            Shape::Html => self.html(reading),
            Shape::ProblemJson | Shape::Json => self.json(),
            Shape::Text => self.text(reading),
        }
    }

    fn slots<'a>(&self, occasion: &Occasion<'a>) -> Slots<'a> {
        let Facts { since, back, .. } = self.facts;
        let (instance, now) = (occasion.instance, occasion.clock);
        Slots { instance, retry_after: self.retry_after(occasion), now, since, back, form: None }
    }

    /// Such as "Mail is unavailable".
    pub fn title(&self) -> String {
        format!("{} is unavailable", self.facts.app.title)
    }

    /// One sentence: what is down, why, and when it will be back.
    pub fn detail(&self) -> String {
        let Facts { back, overdue, .. } = &self.facts;
        let phrase = self.facts.deciding.notification.reason.phrase();
        if let Some(begins) = self.begins().map(words::instant) {
            let down =
                format!("{} goes down {phrase} at {begins} and lets nobody new in until then", self.facts.app.title);
            return match back.map(words::instant) {
                None => format!("{down}. When it will be back is not known."),
                Some(back) => format!("{down}. It is expected back at {back}."),
            };
        }
        let down = format!("{} is down {phrase}", self.facts.app.title);
        match back.map(words::instant) {
            None => format!("{down}. When it will be back is not known."),
            Some(back) if *overdue => format!("{down}, was expected back at {back}, and is not back yet."),
            Some(back) => format!("{down} and is expected back at {back}."),
        }
    }

    /// When the application goes down, if only newcomers are turned away until then.
    pub fn begins(&self) -> Option<Moment> {
        self.facts.causes.iter().map(Cause::begins).reduce(|one, other| one.zip(other).map(|(a, b)| a.min(b)))?
    }

    /// The closings that it follows from, the deciding one first.
    pub fn causes(&self) -> &[Cause] {
        &self.facts.causes
    }

    /// The closed applications, the named one first.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        [&self.facts.app].into_iter().chain(&self.facts.others)
    }

    /// Since when.
    pub fn since(&self) -> Moment {
        self.facts.since
    }

    /// When it should be back.
    pub fn expected_back_at(&self) -> Option<Moment> {
        self.facts.back
    }

    fn json(&self) -> &Pieces {
        self.json.get_or_init(|| shapes::json(self))
    }

    fn text(&self, reading: bool) -> &Pieces {
        self.text[usize::from(!reading)].get_or_init(|| shapes::text(self, reading))
    }

    fn html(&self, reading: bool) -> &Pieces {
        self.html[usize::from(!reading)].get_or_init(|| shapes::html(self, reading))
    }
}

#[cfg(test)]
mod tests;
