//! Times for people: shown in the operators' zone, read from forms in the operators' zone.
//!
//! Must stay true: a local time that does not exist, or exists twice, because clocks change is refused with an
//! explanation and never silently moved. Knows no clock.

use std::{fmt, time::Duration};

use chrono::{LocalResult, NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use crate::availability::Moment;

/// A moment as a `<time>` element; scripts turn it into the reader's own zone. Safe to put into a
/// page as it is: made of digits and names of zones only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    iso: String,
    text: String,
}

impl When {
    /// Whether both lie within one second.
    pub(crate) fn is_same_second(&self, other: &Self) -> bool {
        // "2026-11-23T18:00:00", and perhaps a fraction.
        self.iso.get(..19) == other.iso.get(..19)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.iso, self.text)
    }
}

impl askama::filters::HtmlSafe for When {}

/// The operators' zone (`control.time_zone`) and the present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Face {
    /// In which times are shown and read.
    pub zone: Tz,
    /// What the node's clock shows.
    pub now: Moment,
}

impl Face {
    /// Such as "23 Nov 2026, 18:00 UTC".
    pub(crate) fn show(&self, moment: Moment) -> When {
        let local = moment.to_datetime().with_timezone(&self.zone);
        When { iso: moment.to_string(), text: local.format("%-d %b %Y, %H:%M %Z").to_string() }
    }

    /// With seconds, where their order matters.
    pub(crate) fn show_exactly(&self, moment: Moment) -> When {
        let local = moment.to_datetime().with_timezone(&self.zone);
        When { iso: moment.to_string(), text: local.format("%-d %b %Y, %H:%M:%S %Z").to_string() }
    }

    /// What a `datetime-local` field holds for this moment. Seconds only where there are some.
    pub(crate) fn field(&self, moment: Moment) -> String {
        let local = moment.to_datetime().with_timezone(&self.zone);
        let digits = if moment.millis() % 60_000 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
        local.format(digits).to_string()
    }

    /// How long ago something was, such as "2 h 5 min".
    pub(crate) fn since(&self, moment: Moment) -> String {
        words(self.now.since(moment))
    }

    /// How long until something comes, such as "2 h 5 min".
    pub(crate) fn until(&self, moment: Moment) -> String {
        words(moment.since(self.now))
    }
}

/// A duration in its two largest units; "less than a minute" below one.
pub(crate) fn words(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let unit = |n: u64, unit: &str| (n > 0).then(|| format!("{n} {unit}"));
    let days_word = if days == 1 { "day" } else { "days" };
    let parts =
        if days > 0 { [unit(days, days_word), unit(hours, "h")] } else { [unit(hours, "h"), unit(minutes, "min")] };
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "less than a minute".to_owned() } else { text }
}

/// Reads what a `datetime-local` field sends, in this zone.
///
/// # Errors
/// The rest of a sentence that begins with the field: not a time, or one that the zone's clocks
/// skip or show twice.
pub(crate) fn read_local(text: &str, zone: Tz) -> Result<Moment, String> {
    let text = text.trim();
    // With seconds only if they were typed; with a space where the field is shown as plain text.
    let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let Some(local) = read.filter(|_| text.len() <= 40) else {
        return Err("is not a date and time such as 2026-11-23 18:00".to_owned());
    };
    let shown = local.format("%-d %b %Y, %H:%M");
    let moment = match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) => moment,
        LocalResult::None => {
            return Err(format!(
                "does not exist: clocks in {zone} are put forward and skip {shown}; choose a time before or after"
            ));
        }
        LocalResult::Ambiguous(first, second) => {
            let (first, second) = (first.to_utc().format("%H:%M"), second.to_utc().format("%H:%M"));
            return Err(format!(
                "is not clear: clocks in {zone} are put back and show {shown} twice (at {first} and at {second} UTC); choose a time before or after"
            ));
        }
    };
    let millis = moment.timestamp_millis();
    let moment = Moment::from_millis(millis);
    if moment.millis() == millis { Ok(moment) } else { Err("lies outside the years 1970 to 9999".to_owned()) }
}

/// Reads what a `date` field sends: the beginning of that day in this zone, or of the next one where
/// `later`. Nothing is nothing.
///
/// # Errors
/// The rest of a sentence that begins with the field.
pub(crate) fn read_day(text: &str, zone: Tz, later: bool) -> Result<Option<Moment>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let day = if later { day.and_then(|day| day.succ_opt()) } else { day };
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0)).ok_or("is not a date such as 2026-11-23")?;
    // Where clocks skip midnight the day begins an hour later.
    let begins = zone.from_local_datetime(&midnight).earliest();
    let begins = begins.or_else(|| zone.from_local_datetime(&(midnight + chrono::TimeDelta::hours(1))).earliest());
    Ok(begins.map(|begins| Moment::from_millis(begins.timestamp_millis())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono_tz::{Europe::Berlin, UTC};

    #[test]
    fn local_times_are_read_in_the_zone() {
        let read = |text, zone| read_local(text, zone).map(|moment| moment.to_string());
        assert_eq!(read("2026-11-23T18:00", UTC).unwrap(), "2026-11-23T18:00:00Z");
        assert_eq!(read("2026-11-23T18:00", Berlin).unwrap(), "2026-11-23T17:00:00Z");
        assert_eq!(read("2026-07-01T18:00:30", Berlin).unwrap(), "2026-07-01T16:00:30Z");
        for text in ["", "soon", "2026-13-01T00:00", "2026-11-23", "1969-12-31T00:00", "12026-01-01T00:00"] {
            assert!(read_local(text, UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn days_begin_in_the_zone() {
        let read = |text, later| read_day(text, Berlin, later).map(|day| day.map(|day| day.to_string()));
        assert_eq!(read("2026-11-23", false).unwrap().unwrap(), "2026-11-22T23:00:00Z");
        assert_eq!(read("2026-11-23", true).unwrap().unwrap(), "2026-11-23T23:00:00Z");
        assert_eq!(read("", true), Ok(None));
        for wrong in ["soon", "2026-13-01", "2026-1-1", "23.11.2026"] {
            assert!(read(wrong, false).is_err(), "{wrong}");
        }
        // Clocks in Beirut skip the first hour of that day.
        let skipped = read_day("2026-03-29", chrono_tz::Asia::Beirut, false).unwrap().unwrap();
        assert_eq!(skipped.to_string(), "2026-03-28T22:00:00Z");
    }

    #[test]
    fn what_summer_time_skips_or_repeats_is_explained() {
        let gap = read_local("2026-03-29T02:30", Berlin).unwrap_err();
        assert!(gap.contains("does not exist") && gap.contains("Europe/Berlin"), "{gap}");
        let twice = read_local("2026-10-25T02:30", Berlin).unwrap_err();
        assert!(twice.contains("twice (at 00:30 and at 01:30 UTC)"), "{twice}");
        assert!(read_local("2026-03-29T03:00", Berlin).is_ok() && read_local("2026-10-25T03:00", Berlin).is_ok());
    }

    #[test]
    fn what_is_shown_in_a_field_is_read_as_the_same_moment() {
        for text in ["2026-11-23T17:00:00Z", "2026-07-01T16:00:30Z"] {
            let moment = text.parse().unwrap();
            let face = Face { zone: Berlin, now: Moment::ZERO };
            assert_eq!(read_local(&face.field(moment), Berlin).unwrap(), moment);
        }
        let face = Face { zone: Berlin, now: Moment::ZERO };
        let shown = face.show("2026-11-23T17:00:00Z".parse().unwrap());
        assert_eq!(shown.to_string(), "<time datetime=\"2026-11-23T17:00:00Z\">23 Nov 2026, 18:00 CET</time>");
    }

    #[test]
    fn durations_in_words() {
        for (seconds, text) in [
            (0, "less than a minute"),
            (59, "less than a minute"),
            (60, "1 min"),
            (7_500, "2 h 5 min"),
            (86_400, "1 day"),
            (180_000, "2 days 2 h"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), text);
        }
    }
}
