//! Times and external text, in sentences for people.

use std::{borrow::Cow, time::Duration};

use crate::availability::Moment;

/// A point in time for people who have no script to tell it in their own zone.
pub(super) fn date(moment: Moment) -> String {
    moment.to_datetime().format("%-d %B %Y, %H:%M UTC").to_string()
}

/// A point in time for people and programs alike (RFC 3339), in whole seconds: what is left of the
/// second is cut off. JSON members keep their milliseconds.
pub(super) fn instant(moment: Moment) -> Moment {
    Moment::from_millis(moment.millis() / 1000 * 1000)
}

/// How far `then` lies from `now`: "in about 2 hours", "about a minute ago". The page's script says
/// it in the same words, so that they do not change when it takes over.
pub(super) fn relative(now: Moment, then: Moment) -> String {
    let ahead = then > now;
    let distance = if ahead { then.since(now) } else { now.since(then) };
    let length = length(distance);
    if ahead { format!("in {length}") } else { format!("{length} ago") }
}

fn length(distance: Duration) -> Cow<'static, str> {
    let seconds = distance.as_millis().saturating_add(500) / 1000;
    let rounded = |unit: u128| (seconds + unit / 2) / unit;
    match seconds {
        0..45 => "less than a minute".into(),
        45..90 => "about a minute".into(),
        90..2_700 => format!("about {} minutes", rounded(60)).into(),
        2_700..5_400 => "about an hour".into(),
        5_400..79_200 => format!("about {} hours", rounded(3_600)).into(),
        79_200..129_600 => "about a day".into(),
        _ => format!("about {} days", rounded(86_400)).into(),
    }
}

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
    fn distances_in_words() {
        let now: Moment = "2026-11-23T16:00:00Z".parse().unwrap();
        for (seconds, words) in [
            (10, "less than a minute"),
            (60, "about a minute"),
            (90, "about 2 minutes"),
            (1_800, "about 30 minutes"),
            (3_600, "about an hour"),
            (7_200, "about 2 hours"),
            (86_400, "about a day"),
            (172_800, "about 2 days"),
            (864_000, "about 10 days"),
        ] {
            let by = Duration::from_secs(seconds);
            assert_eq!(relative(now, now.after(by)), format!("in {words}"));
            assert_eq!(relative(now, now.before(by)), format!("{words} ago"));
        }
        assert_eq!(relative(now, now), "less than a minute ago");
        assert_eq!(date(now), "23 November 2026, 16:00 UTC");
        assert_eq!(instant("2026-11-23T16:00:33.997Z".parse().unwrap()).to_string(), "2026-11-23T16:00:33Z");
    }

    #[test]
    fn control_characters_are_seen_and_steer_nothing() {
        assert_eq!(visible("plain", false), "plain");
        assert_eq!(visible("a\r\nb\tc\x1b[31m\x01\u{9b}\x7f", true), "a\nb\tc␛[31m␁\u{fffd}␡");
        assert_eq!(visible("a\r\nb", false), "a␍␊b");
    }
}
