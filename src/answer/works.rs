//! Other applications that work: a page about one that does not offers them.

use super::words::visible;
use crate::text::Language;

/// The most that are offered.
pub const MOST: usize = 6;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What programs call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Where it is: a path, or `//host/path`.
    pub address: String,
}

/// Appends the list as HTML; nothing where it is empty.
pub(super) fn write(out: &mut Vec<u8>, works: &[Work], language: &Language) {
    if works.is_empty() {
        return;
    }
    let mut text = format!("<h2>{}</h2><ul>", language.say("works"));
    for work in works.iter().take(MOST) {
        text.push_str("<li><a href=\"");
        escape(&mut text, &work.address);
        text.push_str("\">");
        escape(&mut text, &visible(&language.application(&work.name, &work.title), false));
        text.push_str("</a></li>");
    }
    text.push_str("</ul>");
    out.extend_from_slice(text.as_bytes());
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
}
