//! A refused form whose body the middleware reads, and the page that gives it back
//! (docs/contract.md#typed-text-is-given-back).
//!
//! What must stay true: what all forms take is bounded, and so is the time that reading one takes; beyond any bound
//! the answer is the plain denial. What this room holds is overwritten; the buffers of the program's own HTTP are not
//! in its power.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::Door;
use crate::{
    answer::{
        Denial, Occasion, Shape, Told,
        form::{Encoding, Form},
    },
    gate::audience::Audience,
    text::Language,
};

/// See the module.
pub(crate) struct Refused {
    door: Door,
    denial: Arc<Denial>,
    encoding: Encoding,
    length: usize,
    instance: Box<str>,
    language: Arc<Language>,
    origin: Vec<(&'static str, Bytes)>,
    share: Share,
}

/// A share of what all refused forms may take.
struct Share {
    all: Arc<AtomicUsize>,
    own: usize,
}

impl Share {
    /// Takes so much more. Returns whether there was so much.
    fn grow(&mut self, more: usize, most: usize) -> bool {
        let add = |all: usize| all.checked_add(more).filter(|all| *all <= most);
        let grown = self.all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        self.own += if grown { more } else { 0 };
        grown
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

impl Refused {
    /// `None`: others take all that forms may.
    pub(super) fn new(
        door: &Door,
        denial: &Arc<Denial>,
        encoding: Encoding,
        length: usize,
        instance: &str,
        language: &Arc<Language>,
    ) -> Option<Self> {
        let mut share = Share { all: Arc::clone(&door.forms), own: 0 };
        share.grow(length, door.gate().limits.forms).then(|| Self {
            door: door.clone(),
            denial: Arc::clone(denial),
            encoding,
            length,
            instance: instance.into(),
            language: Arc::clone(language),
            origin: Vec::new(),
            share,
        })
    }

    pub(super) fn with_origin(mut self, audience: &Audience<'_>) -> Self {
        audience.fields(Shape::Html, |name, value| self.origin.push((name, Bytes::copy_from_slice(value))));
        self
    }

    /// A buffer for the body, which must not become larger than its capacity: a copy would be left behind.
    pub(crate) fn buffer(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(Vec::with_capacity(self.length))
    }

    /// How long reading the body may take.
    pub(crate) fn limit(&self) -> Duration {
        self.door.gate().limits.header
    }

    /// The page; the plain denial where the body was not read or cannot be given back.
    pub(crate) fn answer(mut self, typed: Option<Zeroizing<Vec<u8>>>) -> Told {
        let gate = self.door.gate();
        let now = gate.shared.clock();
        let (works, chance) = (&*gate.works(Shape::Html, now), (gate.chance)());
        let (instance, language) = (&*self.instance, &self.language);
        let occasion = Occasion { shape: Shape::Html, instance, reading: false, clock: now, language, works, chance };
        let form = typed.and_then(|typed| Form::read(&self.encoding, typed, &gate.not_kept));
        let body = match form.filter(|form| self.share.grow(form.most(), gate.limits.forms)) {
            Some(form) => Bytes::from_owner(self.denial.page_with(&form, &occasion)),
            None => self.denial.body(&occasion),
        };
        let mut fields: Vec<_> = self.denial.headers(&occasion).collect();
        fields.append(&mut self.origin);
        Told { status: self.denial.status(), fields, body }
    }
}
