//! The answer to a request for an application that is down (docs/contract.md#denials).
//!
//! Rendered once for each language, in pieces, and filled in for each request: path, seconds until the return,
//! texts that depend on the time. Headers contain names, ids, numbers and literals only, never text that a person wrote.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use zeroize::Zeroizing;

use self::spoken::Spoken;
use super::{App, Occasion, Shape, form::Form, page, pieces::Slots};
use crate::{
    availability::{
        Entry, Moment, Name,
        verdict::{Cause, Verdict},
    },
    text::Language,
};

mod programs;
mod shapes;
mod spoken;

pub use programs::{EVENTS, Told};
pub(super) use shapes::shortened;

/// `Retry-After` in seconds when the application is overdue.
const OVERDUE: u64 = 60;
/// The most seconds that are added to it, so that those who wait do not come back at once.
const SPREAD: u64 = 30;
/// Languages in which a denial is kept rendered. Those beyond are rendered anew for each request.
const KEPT: usize = 8;

/// See the module. Shared by all requests that it answers.
#[derive(Debug)]
pub struct Denial {
    facts: Facts,
    headers: Vec<(&'static str, Bytes)>,
    /// In the languages that were wanted first.
    spoken: [ArcSwapOption<Spoken>; KEPT],
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
    /// What was said before, the newest first.
    updates: Arc<[(Moment, String)]>,
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
        let (others, causes, updates) = (Vec::new(), verdict.causes, Arc::default());
        Some(Self::new(Facts { app, others, node, causes, deciding, since, back, overdue, updates }))
    }

    /// With what was said before about the same outage, the newest first.
    #[must_use]
    pub fn after(mut self, updates: &Arc<[(Moment, String)]>) -> Self {
        self.facts.updates = Arc::clone(updates);
        self
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
        Self { facts, headers, spoken: Default::default() }
    }

    /// Renders every shape in a language now rather than for the first request that wants it.
    pub(super) fn prepare(&self, language: &Arc<Language>) {
        self.spoken(language).prepare(self);
    }

    /// The same in a language. One that is not kept takes a free place, or that of a language that was replaced
    /// when the configuration was read again.
    fn spoken(&self, language: &Arc<Language>) -> Arc<Spoken> {
        let mut place = None;
        for kept in &self.spoken {
            match &*kept.load() {
                Some(spoken) if Arc::ptr_eq(spoken.language(), language) => return Arc::clone(spoken),
                Some(spoken) if spoken.language().tag() != language.tag() => {}
                _ => place = place.or(Some(kept)),
            }
        }
        let spoken = Arc::new(Spoken::new(Arc::clone(language)));
        place.iter().for_each(|place| place.store(Some(Arc::clone(&spoken))));
        spoken
    }

    /// Always 503.
    pub fn status(&self) -> u16 {
        503
    }

    /// Every header field of this answer but `Content-Length`: names in small letters, values that
    /// are visible ASCII by construction (names, ids, numbers, literals).
    pub fn headers(&self, occasion: &Occasion<'_>) -> impl Iterator<Item = (&'static str, Bytes)> {
        let retry = self.retry_after(occasion).map(|seconds| ("retry-after", seconds.to_string().into()));
        self.fixed(occasion.shape, occasion.language).chain(retry)
    }

    /// Those that depend on shape and language alone.
    fn fixed(&self, shape: Shape, language: &Language) -> impl Iterator<Item = (&'static str, Bytes)> {
        let typed = [("content-type", Bytes::from_static(shape.content_type().as_bytes())), in_language(language)];
        let own = || language.site().pages.has(self.facts.app.name().as_str());
        let policy = (shape == Shape::Html)
            .then(|| ("content-security-policy", page::security_policy(true, language.site(), own())));
        typed.into_iter().chain(policy).chain(self.headers.iter().cloned())
    }

    /// Appends the lines of [`Self::headers`] as HTTP/1.1 writes them, without `Retry-After`.
    pub fn append_lines(&self, out: &mut Vec<u8>, occasion: &Occasion<'_>) {
        out.extend_from_slice(self.spoken(occasion.language).lines(self, occasion.shape));
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
        self.spoken(occasion.language).pieces(self, occasion.shape, occasion.reading).fill(&self.slots(occasion))
    }

    /// The same, behind what is in a buffer already.
    pub fn append_body(&self, out: &mut Vec<u8>, occasion: &Occasion<'_>) {
        let spoken = self.spoken(occasion.language);
        spoken.pieces(self, occasion.shape, occasion.reading).append(out, &self.slots(occasion));
    }

    /// The page that gives a form back, in a buffer that is overwritten when it goes and that never moves.
    pub fn page_with(&self, form: &Form, occasion: &Occasion<'_>) -> Zeroizing<Vec<u8>> {
        let mut page = Zeroizing::new(Vec::with_capacity(page::LARGEST_OWN_PAGE + form.most()));
        let slots = Slots { form: Some(form), ..self.slots(occasion) };
        self.spoken(occasion.language).form_page(self).append(&mut page, &slots);
        page
    }

    fn slots<'a>(&self, occasion: &Occasion<'a>) -> Slots<'a> {
        let Facts { since, back, .. } = self.facts;
        let (instance, now) = (occasion.instance, occasion.clock);
        let (works, language) = (occasion.works, &**occasion.language);
        Slots { instance, retry_after: self.retry_after(occasion), now, since, back, form: None, works, language }
    }

    /// Such as "Mail is unavailable".
    pub fn title(&self, language: &Language) -> String {
        language.tell("unavailable", &[("app", &self.app_title(language))])
    }

    /// What people call the application.
    fn app_title(&self, language: &Language) -> String {
        language.application(self.facts.app.name().as_str(), &self.facts.app.title)
    }

    /// One sentence: what is down, why, and when it will be back.
    pub fn detail(&self, language: &Language) -> String {
        let Facts { back, overdue, .. } = &self.facts;
        let app = self.app_title(language);
        let why = language.reason(&self.facts.deciding.notification.reason);
        let back = back.map(|back| language.moment(back)).unwrap_or_default();
        let begins = self.begins().map(|begins| language.moment(begins));
        let message = match (&begins, self.facts.back) {
            (Some(_), None) => "coming-unknown",
            (Some(_), Some(_)) => "coming-until",
            (None, None) => "down-unknown",
            (None, Some(_)) if *overdue => "down-was-until",
            (None, Some(_)) => "down-until",
        };
        let begins = begins.unwrap_or_default();
        language.tell(message, &[("app", &app), ("why", &why), ("back", &back), ("begins", &begins)])
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

    /// The name of its reason.
    pub fn reason(&self) -> &str {
        self.facts.deciding.notification.reason.name.as_str()
    }

    /// Since when.
    pub fn since(&self) -> Moment {
        self.facts.since
    }

    /// When it should be back.
    pub fn expected_back_at(&self) -> Option<Moment> {
        self.facts.back
    }
}

/// `Content-Language`.
pub(super) fn in_language(language: &Language) -> (&'static str, Bytes) {
    ("content-language", Bytes::copy_from_slice(language.tag().as_bytes()))
}

#[cfg(test)]
mod tests;
