//! The history as a file for spreadsheets (RFC 4180), in UTF-8 with a byte-order mark.
//!
//! Must stay true: no cell becomes a formula. A cell that begins like a formula gets a leading apostrophe,
//! which spreadsheets show as text.

use std::fmt::Write as _;

use crate::{actors::desk::Kind, availability::Entry};

use super::words;

/// The first line.
pub(crate) const HEAD: &str = "\u{feff}reported at,statement,targets,from,until,reason,component,message,ends,only for,by,source,node,id,replaces or cancels\r\n";

/// One notification as a line.
pub(crate) fn line(entry: &Entry) -> String {
    let n = &entry.notification;
    let targets: Vec<String> = n.targets.iter().map(ToString::to_string).collect();
    let criteria = n.criteria.as_ref().map_or_else(Vec::new, words::criteria);
    let closes = !matches!(Kind::of(n), Kind::Available);
    let or_nothing = |text: Option<String>| text.unwrap_or_default();
    let cells = [
        n.timestamp.to_string(),
        Kind::of(n).name().to_owned(),
        targets.join(" "),
        or_nothing(closes.then(|| n.since().to_string())),
        or_nothing(n.expected_back_at.map(|back| back.to_string())),
        or_nothing(closes.then(|| n.reason.name.to_string())),
        or_nothing(n.component.clone()),
        or_nothing(n.message.clone()),
        or_nothing(closes.then(|| n.restore.as_str().to_owned())),
        criteria.join("; "),
        words::author(n),
        n.source.as_str().to_owned(),
        n.node.to_string(),
        n.id.to_string(),
        or_nothing(n.replaces.or(n.cancels).map(|plan| plan.to_string())),
    ];
    let mut line = String::new();
    for (at, text) in cells.iter().enumerate() {
        // Writing into memory does not fail.
        let _ = write!(line, "{}{}", if at == 0 { "" } else { "," }, cell(text));
    }
    line + "\r\n"
}

/// A text as one cell: never a formula, in quotes where it has to be.
fn cell(text: &str) -> String {
    let is_formula = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    let begins_so = is_formula.starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    let text = if begins_so { format!("'{text}") } else { text.to_owned() };
    match text.contains(['"', ',', '\n', '\r', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// What takes no room, and could stand before a sign without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::console::samples;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\u{200b}=1", "\u{202e}=1"] {
            assert!(cell(formula).trim_start_matches('"').starts_with('\''), "{formula:?}");
        }
        assert_eq!(cell("=HYPERLINK(\"http://evil.example\")"), "\"'=HYPERLINK(\"\"http://evil.example\"\")\"");
        for plain in ["disk 7", "2026-11-23T18:00:00Z", "a=b", "é"] {
            assert_eq!(cell(plain), plain);
        }
        assert_eq!(cell("two\nlines, \"quoted\""), "\"two\nlines, \"\"quoted\"\"\"");
    }

    #[test]
    fn a_line_has_a_cell_for_every_column() {
        let columns = HEAD.matches(',').count();
        for entry in samples::entries().iter().filter(|entry| entry.notification.message.is_none()) {
            assert_eq!(line(entry).matches(',').count(), columns, "{}", line(entry));
        }
        let mail = line(&samples::entries()[0]);
        assert!(mail.starts_with("2026-11-23T16:30:00Z,unavailable,application:mail,2026-11-23T16:00:00Z,"), "{mail}");
    }
}
