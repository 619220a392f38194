//! Globs, rules, and pages of a site.

use std::{sync::Arc, time::Duration};

use super::{outcome, run, text};
use crate::{
    availability::Glob,
    monitor::rule::{Figures, Names, Rule},
    text::{OwnPages, PageFacts},
};

/// A glob by the book, which tries everything: for short texts.
fn tries(glob: &[char], text: &[char]) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skip| tries(rest, &text[skip..])),
        ['?', rest @ ..] => !text.is_empty() && tries(rest, &text[1..]),
        [c, rest @ ..] => text.first() == Some(c) && tries(rest, &text[1..]),
    }
}

/// A pattern, a line end, and a text.
#[cfg_attr(test, test)]
pub(super) fn globs() {
    run("globs", &["*", "?", "[a-z]", "[!a]", "[]]", "[", "]", "**", "é", "\n"], |bytes| {
        let text = text(bytes);
        let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
        let glob = match Glob::submitted(pattern) {
            Ok(glob) => glob,
            Err(error) => return outcome(&error.to_string()),
        };
        let matches = glob.matches(text, false);
        assert_eq!(glob.matches(text, false), matches);
        // What matches, matches when case does not count, unless a set leaves out a letter and so its other case.
        let leaves_out = pattern.contains("[!") || pattern.contains("[^");
        assert!(!matches || leaves_out || glob.matches(text, true), "{pattern:?} {text:?}");
        if !pattern.contains('[') && text.len() < 40 && pattern.matches('*').count() < 4 {
            let (pattern, chars): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            assert_eq!(matches, tries(&pattern, &chars), "{pattern:?} {text:?}");
        }
        outcome(if matches { "matches" } else { "does not" })
    });
}

/// Nothing is known, or everything is 1.
struct All(Option<f64>);

impl Figures for All {
    fn increase(&self, _: &str, _: Option<&str>, _: Duration) -> Option<f64> {
        self.0
    }

    fn quantile(&self, _: &str, _: Option<&str>, _: Duration, _: f64) -> Option<f64> {
        self.0
    }

    fn down(&self, _: &Glob) -> usize {
        1
    }

    fn cpu(&self) -> Option<f64> {
        self.0
    }

    fn memory(&self) -> Option<f64> {
        self.0
    }

    fn disk_free(&self) -> Option<f64> {
        self.0
    }
}

#[cfg_attr(test, test)]
pub(super) fn rules() {
    let words = [
        "rate(\"upstream_errors\", \"30s\")",
        "count(\"requests\", \"1m\", \"mail\")",
        "p99(\"upstream_seconds\", \"10m\")",
        "down(\"mail-*\")",
        "cpu()",
        "memory()",
        "disk_free()",
        " && ",
        " || ",
        "!",
        "(",
        ")",
        " ? ",
        " : ",
        " / 0",
        "-",
        "9223372036854775807",
        "0.0",
        "true",
        "\"a\"",
        "[1]",
        "{}",
        "x.all(y, z)",
        "has(a.b)",
        "r'\\d'",
        " in ",
    ];
    run("rules", &words, |bytes| {
        let text = text(bytes);
        let names = Names { monitors: &["mail-http"], applications: &["mail"] };
        match Rule::compile(&text, &names) {
            Ok(rule) => {
                assert!(text.len() <= 1_000 && rule.series().len() <= text.len());
                let mut came = String::new();
                for known in [None, Some(1.0)] {
                    let figures: Arc<dyn Figures> = Arc::new(All(known));
                    came.push_str(&format!("{:?}", rule.holds(&figures)));
                }
                outcome(&came)
            }
            Err(problem) => {
                assert!(!problem.is_empty());
                outcome(&problem)
            }
        }
    });
}

#[cfg_attr(test, test)]
pub(super) fn pages() {
    let words = [
        "{{ title }}",
        "{{ message }}",
        "{% for i in range(100000) %}",
        "{% endfor %}",
        "{% if sent %}",
        "{% endif %}",
        "{% macro m() %}",
        "{% endmacro %}",
        "{{ m() }}",
        "{% include 'x' %}",
        "{% set a = 1 %}",
        "| safe",
        "| length",
        "{{ application.name }}",
        "{#",
        "#}",
        "{{ form }}",
        "{{ 'a' * 1000000 }}",
        "[1, 2]",
        "namespace()",
    ];
    let facts = PageFacts {
        message: Some("<script>alert(1)</script>".to_owned()),
        language: "en".to_owned(),
        ..PageFacts::default()
    };
    run("pages", &words, |bytes| {
        let template = text(bytes).into_owned();
        let is_marked = template.contains("safe") || template.contains("autoescape") || template.contains("<script>");
        match OwnPages::new(&[("denial.html".to_owned(), template)]) {
            Ok(pages) => {
                let page = pages.render("mail", &facts);
                let page = page.unwrap_or_default();
                assert!(page.len() <= 64 * 1024);
                // what operators wrote is escaped, unless the site says otherwise
                assert!(is_marked || !page.contains("<script>alert"), "{page}");
                outcome(&format!("{}", page.len().min(3)))
            }
            Err(problems) => outcome(&format!("{problems:?}")),
        }
    });
}
