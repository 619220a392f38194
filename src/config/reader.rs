//! A TOML tree that is read key by key and records which keys were read.
//!
//! Written by hand rather than derived, because a derived reader stops at the first problem and has no line
//! numbers for values of the right type that are out of bounds. What must stay true: every key that is not read
//! before [`Reader::finish`] is reported as unknown; a problem never ends the reading: callers get a default or
//! nothing, and the report prevents the file from being accepted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Problem, settings::Lasting};
use crate::tls::Certificate;

/// The most problems that are shown.
const MAX_PROBLEMS: usize = 100;

/// Collects the problems of one file. Shared by all readers of the file.
pub(super) struct Report {
    /// Byte offset at which each line begins.
    starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    lasting: RefCell<Vec<Lasting>>,
    /// Every key that was asked for, whether the file has it or not.
    #[cfg(test)]
    pub(super) keys: RefCell<std::collections::BTreeSet<String>>,
}

impl Report {
    /// A report without problems, for this text.
    pub(super) fn new(text: &str) -> Report {
        let breaks = text.bytes().enumerate();
        let breaks = breaks.filter(|&(_, byte)| byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1));
        Report {
            starts: starts.collect(),
            problems: RefCell::default(),
            lasting: RefCell::default(),
            #[cfg(test)]
            keys: RefCell::default(),
        }
    }

    /// The text as a tree, unless it is not TOML; then that is what is reported.
    pub(super) fn tree<'a>(&self, text: &'a str) -> Option<Spanned<DeTable<'a>>> {
        let (tree, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            // A message may repeat only a key: any other text could be part of a secret.
            let key = match error.message() {
                "duplicate key" => text.get(span.clone()).unwrap_or("syntax"),
                _ => "syntax",
            };
            self.add(self.line(span.start), key, error.message());
        }
        errors.is_empty().then_some(tree)
    }

    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    fn add(&self, line: usize, key: &str, problem: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { line, key: key.to_owned(), problem: problem.into() });
    }

    /// All problems by line, at most 100.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems.truncate(MAX_PROBLEMS);
        problems
    }
}

/// One table of the file, or the absence of it.
pub(super) struct Reader<'a> {
    /// Path of the table; empty for the whole file.
    path: String,
    /// `None`: the file does not have this section, and every key has its default.
    table: Option<&'a DeTable<'a>>,
    /// Where the table begins, for what is missing in it.
    line: usize,
    report: &'a Report,
    asked: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// The whole file.
    pub(super) fn root(table: &'a DeTable<'a>, report: &'a Report) -> Reader<'a> {
        Reader { path: String::new(), table: Some(table), line: 1, report, asked: Vec::new() }
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        #[cfg(test)]
        self.report.keys.borrow_mut().insert(self.path_of(key));
        self.table?.get(key)
    }

    fn problem_in(&self, value: &Spanned<DeValue<'_>>, key: &str, problem: impl Into<String>) {
        let line = self.report.line(value.span().start);
        self.report.add(line, &self.path_of(key), problem);
    }

    /// Reports a problem with `key`, at its line, or at the section's when the key is absent.
    pub(super) fn problem(&self, key: &str, problem: impl Into<String>) {
        match self.table.and_then(|table| table.get(key)) {
            Some(value) => self.problem_in(value, key, problem),
            None => self.report.add(self.line, &self.path_of(key), problem),
        }
    }

    /// Remembers where a certificate stands, which is right today and may not be tomorrow.
    pub(super) fn lasts(&self, key: &str, certificate: &Certificate) {
        let value = self.table.and_then(|table| table.get(key));
        let line = value.map_or(self.line, |value| self.report.line(value.span().start));
        let (key, certificate) = (self.path_of(key), certificate.clone());
        self.report.lasting.borrow_mut().push(Lasting { line, key, certificate });
    }

    /// All that [`Reader::lasts`] was told of.
    pub(super) fn lasting(&self) -> Vec<Lasting> {
        self.report.lasting.take()
    }

    /// Whether the file has this section.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file has `key` at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The text of `key` as `check` makes it, or nothing when it is absent or wrong.
    pub(super) fn text<T>(&mut self, key: &'static str, check: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.take(key)?;
        self.check_text(value, key, check)
    }

    fn check_text<T>(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, key, "a text in quotes");
            return None;
        };
        check(text).inspect_err(|problem| self.problem_in(value, key, problem.as_str())).ok()
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        let found = value.get_ref().type_str();
        self.problem_in(value, key, format!("must be {wanted}, not of type {found}"));
    }

    /// Like [`Reader::text`], and its absence is a problem.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.problem(key, "is required");
        }
        self.text(key, check)
    }

    /// Texts in brackets, each checked; absent is empty. The same value twice is a problem.
    pub(super) fn texts<T: PartialEq>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut list: Vec<T> = Vec::new();
        for value in self.array(key) {
            match self.check_text(value, key, &check) {
                Some(item) if list.contains(&item) => {
                    self.problem_in(value, key, "is listed twice");
                }
                Some(item) => list.push(item),
                None => {}
            }
        }
        list
    }

    /// A text, or several in brackets; see [`Reader::texts`].
    pub(super) fn one_or_more<T: PartialEq>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        match self.table.and_then(|table| table.get(key)).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) => {
                if items.is_empty() {
                    self.problem(key, "must not be empty");
                }
                self.texts(key, check)
            }
            _ => self.text(key, check).into_iter().collect(),
        }
    }

    fn array(&mut self, key: &'static str) -> &'a [Spanned<DeValue<'a>>] {
        match self.take(key) {
            None => &[],
            Some(value) => match value.get_ref() {
                DeValue::Array(items) => items,
                _ => {
                    self.wrong_type(value, key, "a list in brackets");
                    &[]
                }
            },
        }
    }

    /// A whole number within `range`, or nothing when it is absent or wrong.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(key)?;
        self.check_number(value, key, range, "a whole number")
    }

    fn check_number(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        range: RangeInclusive<u32>,
        wanted: &str,
    ) -> Option<u32> {
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(value, key, wanted);
            return None;
        };
        // Numbers that are too large for any integer type fail here too, with the same message.
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = range.into_inner();
            self.problem_in(value, key, format!("must be from {low} to {high}"));
        }
        number
    }

    /// A number above 0 and at most 1.
    pub(super) fn share(&mut self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            _ => {
                self.wrong_type(value, key, "a number such as 0.5");
                return None;
            }
        };
        let number = number.filter(|number| *number > 0.0 && *number <= 1.0);
        if number.is_none() {
            self.problem_in(value, key, "must be above 0 and at most 1");
        }
        number
    }

    /// Texts in brackets in their order, equal ones as well, each checked; absent or with a problem: nothing.
    pub(super) fn words(&mut self, key: &'static str, check: impl Fn(&str) -> Result<(), String>) -> Vec<String> {
        let words = self.array(key);
        let checked =
            words.iter().map(|value| self.check_text(value, key, |text| check(text).map(|()| text.to_owned())));
        checked.collect::<Option<_>>().unwrap_or_default()
    }

    /// `"all"` (nothing) or a positive number; `None` also when it is absent or wrong.
    pub(super) fn all_or_number(&mut self, key: &'static str, most: u32) -> Option<u32> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) if text == "all" => None,
            _ => self.check_number(value, key, 1..=most, "\"all\" or a whole number"),
        }
    }

    /// `true` or `false`; `default` when it is absent or wrong.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(value) => match value.get_ref() {
                DeValue::Boolean(flag) => *flag,
                _ => {
                    self.wrong_type(value, key, "true or false");
                    default
                }
            },
        }
    }

    /// A table of texts such as `{ alertname = "MailDown" }`, each checked; nothing when it is absent or one of
    /// them is wrong.
    pub(super) fn pairs<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<BTreeMap<String, T>> {
        let value = self.take(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(value, key, "names and texts in braces, such as { name = \"text\" }");
            return None;
        };
        let read = table.iter().map(|(name, value)| {
            let name: &str = name.get_ref();
            let checked = self.check_text(value, key, |text| check(name, text))?;
            Some((name.to_owned(), checked))
        });
        read.collect()
    }

    /// The section `[key]`, which may be absent.
    pub(super) fn section(&mut self, key: &'static str) -> Reader<'a> {
        let value = self.take(key);
        let table = value.and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                let path = self.path_of(key);
                self.problem_in(value, key, format!("must be a section, written [{path}]"));
            }
            table
        });
        self.inner(key, table, value)
    }

    /// The sections `[[key]]`, in the order of the file.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let wrong = |value| {
            let problem = format!("must be a list of sections, each written [[{key}]]");
            self.problem_in(value, key, problem);
        };
        let DeValue::Array(items) = value.get_ref() else {
            wrong(value);
            return Vec::new();
        };
        let readers = items.iter().filter_map(|item| match item.get_ref() {
            DeValue::Table(table) => Some(self.inner(key, Some(table), Some(item))),
            _ => {
                wrong(item);
                None
            }
        });
        readers.collect()
    }

    fn inner(&self, key: &str, table: Option<&'a DeTable<'a>>, value: Option<&Spanned<DeValue<'_>>>) -> Reader<'a> {
        Reader {
            path: self.path_of(key),
            table,
            line: value.map_or(self.line, |value| self.report.line(value.span().start)),
            report: self.report,
            asked: Vec::new(),
        }
    }

    /// Reports every key that was not read.
    pub(super) fn finish(self) {
        for (key, value) in self.table.into_iter().flatten() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let problem = format!("unknown key; known here are: {}", self.asked.join(", "));
            // A list of sections is reported at its first section.
            let line = self.report.line(match value.get_ref() {
                DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => {
                    items.first().map_or(key.span().start, |first| first.span().start)
                }
                _ => key.span().start,
            });
            self.report.add(line, &self.path_of(name), problem);
        }
    }
}
