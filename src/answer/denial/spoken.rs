//! A denial in one language, rendered once in every shape that was wanted.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Denial, shapes};
use crate::{
    answer::{Shape, pieces::Pieces},
    text::Language,
};

/// See the module. Its methods take the denial that it belongs to.
#[derive(Debug)]
pub(super) struct Spoken {
    language: Arc<Language>,
    /// The lines of all fields that do not depend on the time, by shape.
    lines: [OnceLock<Vec<u8>>; Shape::ALL.len()],
    json: OnceLock<Pieces>,
    /// The first for GET and HEAD, the second for requests that sent something.
    text: [OnceLock<Pieces>; 2],
    html: [OnceLock<Pieces>; 2],
    /// The page that gives a form back.
    form: OnceLock<Pieces>,
}

impl Spoken {
    pub(super) fn new(language: Arc<Language>) -> Self {
        let (json, form) = (OnceLock::new(), OnceLock::new());
        Self { language, lines: Default::default(), json, text: Default::default(), html: Default::default(), form }
    }

    pub(super) fn language(&self) -> &Arc<Language> {
        &self.language
    }

    /// Renders every shape.
    pub(super) fn prepare(&self, denial: &Denial) {
        for shape in Shape::ALL {
            for reading in [true, false] {
                self.pieces(denial, shape, reading);
            }
        }
    }

    /// The lines of the head that depend on nothing else.
    pub(super) fn lines(&self, denial: &Denial, shape: Shape) -> &[u8] {
        self.lines[shape as usize].get_or_init(|| {
            let line = |(name, value): (&str, Bytes)| [name.as_bytes(), b": ", &value, b"\r\n"].concat();
            denial.fixed(shape, &self.language).flat_map(line).collect()
        })
    }

    pub(super) fn pieces(&self, denial: &Denial, shape: Shape, reading: bool) -> &Pieces {
        let place = usize::from(!reading);
        match shape {
            Shape::Html => self.html[place].get_or_init(|| shapes::html(denial, &self.language, reading)),
            Shape::ProblemJson | Shape::Json => self.json.get_or_init(|| shapes::json(denial, &self.language)),
            Shape::Text => self.text[place].get_or_init(|| shapes::text(denial, &self.language, reading)),
        }
    }

    /// The page that gives a form back.
    pub(super) fn form_page(&self, denial: &Denial) -> &Pieces {
        self.form.get_or_init(|| shapes::form_page(denial, &self.language))
    }
}
