//! What people read, in their languages (docs/contract.md#languages).
//!
//! ```text
//! static/languages   one Fluent file for each language
//! language           one language: its messages, its dates, its distances in time
//! outline            what a file says, for checks: messages, and the variables in them
//! negotiate          which language a client wants
//! site               a site's own logo, colours and contact
//! own                a site's own pages
//! ```
//!
//! Must stay true: every language has every message of the English one, with the same variables; English reads as
//! the contract says, to the letter. Everything is made once, at start or when the configuration is read again, in
//! one value that can be swapped: [`Texts`]. Pure: files come as arguments.

mod language;
mod negotiate;
mod outline;
mod own;
mod site;

use std::sync::{Arc, LazyLock};

pub use language::Language;
pub use outline::TextProblem;
pub use own::{OwnPages, PageFacts};
pub use site::{Colour, LARGEST_LOGO, Look, Site, contact};

/// The languages that come with the program.
const BUILT_IN: [(&str, &str); 7] = [
    ("en", include_str!("../../static/languages/en.ftl")),
    ("de", include_str!("../../static/languages/de.ftl")),
    ("fr", include_str!("../../static/languages/fr.ftl")),
    ("es", include_str!("../../static/languages/es.ftl")),
    ("pt", include_str!("../../static/languages/pt.ftl")),
    ("ja", include_str!("../../static/languages/ja.ftl")),
    ("ar", include_str!("../../static/languages/ar.ftl")),
];
/// The most languages that a node has, so that what is kept rendered stays bounded.
const MOST: usize = 32;

/// All languages. See the module.
#[derive(Debug, Clone)]
pub struct Texts {
    /// English first: who asks for nothing else gets it.
    languages: Vec<Arc<Language>>,
}

impl Default for Texts {
    /// What comes with the program.
    fn default() -> Self {
        static BUILT_IN: LazyLock<Texts> =
            LazyLock::new(|| Texts::with(&[], Site::default()).unwrap_or(Texts { languages: Vec::new() }));
        BUILT_IN.clone()
    }
}

impl Texts {
    /// With a site's own files: a language's tag (`de`, `pt-BR`) and its Fluent text. A file of a language that
    /// is built in replaces some of its messages; a file of another language has all of them.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn with(files: &[(String, String)], site: Site) -> Result<Self, Vec<TextProblem>> {
        let site = Arc::new(site);
        let mut problems = outline::problems(BUILT_IN[0].1, &BUILT_IN.map(|(tag, _)| tag), files);
        let mut languages = Vec::new();
        for (tag, text) in BUILT_IN {
            let own = files.iter().filter(|(named, _)| named.eq_ignore_ascii_case(tag));
            let texts = [text].into_iter().chain(own.map(|(_, text)| text.as_str()));
            languages.extend(Language::new(tag, texts, &site).map(Arc::new));
        }
        for (tag, text) in
            files.iter().filter(|(tag, _)| !BUILT_IN.iter().any(|known| known.0.eq_ignore_ascii_case(tag)))
        {
            match Language::new(tag, [text.as_str()], &site) {
                Some(language) => languages.push(Arc::new(language)),
                None => problems.push(TextProblem::new(tag, "is not the tag of a language, such as nl or pt-BR")),
            }
        }
        if languages.len() > MOST {
            problems.push(TextProblem::new("", format!("there are more than {MOST} languages")));
        }
        if problems.is_empty() { Ok(Self { languages }) } else { Err(problems) }
    }

    /// English.
    pub fn first(&self) -> &Arc<Language> {
        &self.languages[0]
    }

    /// What the site gives of its own.
    pub fn site(&self) -> &Site {
        self.first().site()
    }

    /// All of them, English first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.languages.iter()
    }

    /// The tag and the name of each.
    pub fn names(&self) -> Vec<(String, String)> {
        self.all().map(|language| (language.tag().to_owned(), language.name().to_owned())).collect()
    }

    /// The one that a client wants, by its `Accept-Language` (RFC 9110, section 12.5.4; RFC 4647, section 3.4):
    /// the best quality wins, among equals the first; English where nothing fits.
    pub fn wanted<'a>(&self, accept: impl IntoIterator<Item = &'a [u8]>) -> &Arc<Language> {
        negotiate::wanted(&self.languages, accept).unwrap_or(self.first())
    }
}

/// English as it comes with the program: what is for developers is told in it.
pub fn english() -> &'static Arc<Language> {
    static ENGLISH: LazyLock<Arc<Language>> = LazyLock::new(|| Arc::clone(Texts::default().first()));
    &ENGLISH
}

#[cfg(test)]
mod tests;
