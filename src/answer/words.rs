//! External text, in sentences for people.

use std::borrow::Cow;

/// The same text with its control characters made visible, so that none can steer a terminal, end
/// a line early or stand for one of the marks that [`super::pieces`] splits at. With `lines`, line
/// ends and tabs stay what they are (CR LF becomes LF).
pub(super) fn visible(text: &str, lines: bool) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\t'));
    if !text.contains(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if lines && characters.peek() == Some(&'\n') => {}
            // Unicode has a picture for each of the C0 controls, in their order, and one for DEL.
            '\0'..='\x1f' if steers(c) => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            '\x7f' => shown.push('\u{2421}'),
            c if steers(c) => shown.push(char::REPLACEMENT_CHARACTER),
            c => shown.push(c),
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn control_characters_are_seen_and_steer_nothing() {
        assert_eq!(visible("plain", false), "plain");
        assert_eq!(visible("a\r\nb\tc\x1b[31m\x01\u{9b}\x7f", true), "a\nb\tc␛[31m␁\u{fffd}␡");
        assert_eq!(visible("a\r\nb", false), "a␍␊b");
    }
}
