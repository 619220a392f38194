//! Recurrence rules as plain choices: every day, every week on some days, every month, every year. What these
//! choices cannot say is edited as the rule itself.
//!
//! Must stay true: a rule that is shown as choices is written again as the same rule.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime};

use crate::control::console::words;

/// Days of the week as rules name them, Monday first, with their names.
pub(crate) const DAYS: [(&str, &str); 7] = [
    ("MO", "Monday"),
    ("TU", "Tuesday"),
    ("WE", "Wednesday"),
    ("TH", "Thursday"),
    ("FR", "Friday"),
    ("SA", "Saturday"),
    ("SU", "Sunday"),
];
/// Places within a month, as rules name them.
const PLACES: [(i8, &str); 5] = [(1, "first"), (2, "second"), (3, "third"), (4, "fourth"), (-1, "last")];

/// A rule that the choices can say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plain {
    /// `daily`, `weekly`, `monthly` (on the day of the beginning), `weekday` (on that day of the week, such as the
    /// first Sunday), `last` (on the last one of the month) or `yearly`.
    pub repeat: &'static str,
    /// Every how many; 1 at least.
    pub every: u16,
    /// For `weekly`: days of the week; none: that of the beginning.
    pub days: Vec<&'static str>,
    /// The last day.
    pub until: Option<NaiveDate>,
}

impl Plain {
    /// Of what was chosen; `None` if `repeat` is no such choice.
    ///
    /// # Errors
    /// The field that is wrong, and the rest of a sentence that begins with it.
    pub(crate) fn chosen(
        repeat: &str,
        every: &str,
        days: &[String],
        until: &str,
    ) -> Result<Option<Self>, (&'static str, String)> {
        let choices = ["daily", "weekly", "monthly", "weekday", "last", "yearly"];
        let Some(repeat) = choices.into_iter().find(|choice| *choice == repeat) else { return Ok(None) };
        let every = match every.trim() {
            "" => 1,
            every => every
                .parse()
                .ok()
                .filter(|every| (1..=1_000).contains(every))
                .ok_or_else(|| ("every", "is not a whole number from 1 to 1000".to_owned()))?,
        };
        let until = match until.trim() {
            "" => None,
            until => Some(until.parse().or(Err(("until", "is not a date such as 2026-12-31".to_owned())))?),
        };
        let days = DAYS.into_iter().map(|(day, _)| day).filter(|day| days.iter().any(|chosen| chosen == day));
        let days = if repeat == "weekly" { days.collect() } else { Vec::new() };
        Ok(Some(Self { repeat, every, days, until }))
    }

    /// The rule, for a schedule that begins then.
    pub(crate) fn rule(&self, starts: NaiveDateTime) -> String {
        let day = DAYS[starts.weekday().num_days_from_monday() as usize].0;
        let mut rule = match self.repeat {
            "weekly" if self.days.is_empty() => "FREQ=WEEKLY".to_owned(),
            "weekly" => format!("FREQ=WEEKLY;BYDAY={}", self.days.join(",")),
            "monthly" => "FREQ=MONTHLY".to_owned(),
            "weekday" => format!("FREQ=MONTHLY;BYDAY={}{day}", place(starts)),
            "last" => format!("FREQ=MONTHLY;BYDAY=-1{day}"),
            "yearly" => "FREQ=YEARLY".to_owned(),
            _ => "FREQ=DAILY".to_owned(),
        };
        if self.every > 1 {
            rule.push_str(&format!(";INTERVAL={}", self.every));
        }
        if let Some(until) = self.until {
            rule.push_str(&until.format(";UNTIL=%Y%m%d").to_string());
        }
        rule
    }

    /// A rule as choices, if they can say it.
    pub(crate) fn read(rule: &str, starts: NaiveDateTime) -> Option<Self> {
        let upper = rule.trim().to_ascii_uppercase();
        let parts: Vec<(&str, &str)> = upper.split(';').filter_map(|part| part.split_once('=')).collect();
        let part = |name: &str| parts.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        let by_day = part("BYDAY").unwrap_or_default();
        let repeat = match (part("FREQ")?, by_day) {
            ("MONTHLY", "") => "monthly",
            ("MONTHLY", last) if last.starts_with("-1") => "last",
            ("MONTHLY", _) => "weekday",
            ("WEEKLY", _) => "weekly",
            ("DAILY", _) => "daily",
            ("YEARLY", _) => "yearly",
            _ => return None,
        };
        let days = DAYS.into_iter().map(|(day, _)| day).filter(|day| by_day.split(',').any(|one| one == *day));
        let plain = Self {
            repeat,
            every: part("INTERVAL").map_or(Some(1), |every| every.parse().ok())?,
            days: if repeat == "weekly" { days.collect() } else { Vec::new() },
            until: match part("UNTIL") {
                None => None,
                Some(until) => Some(NaiveDate::parse_from_str(until, "%Y%m%d").ok()?),
            },
        };
        let sorted = |rule: &str| {
            let mut parts: Vec<String> = rule.split(';').map(sorted_days).collect();
            parts.sort();
            parts
        };
        (sorted(&plain.rule(starts)) == sorted(&upper)).then_some(plain)
    }

    /// Such as "Every 2 weeks on Saturday and Sunday, until 31 Dec 2026".
    pub(crate) fn words(&self, starts: NaiveDateTime) -> String {
        let day = DAYS[starts.weekday().num_days_from_monday() as usize].1;
        let every = |unit: &str| match self.every {
            1 => format!("Every {unit}"),
            n => format!("Every {n} {unit}s"),
        };
        let named = PLACES.iter().find(|(n, _)| *n == place(starts)).map_or("", |(_, name)| name);
        let text = match self.repeat {
            "weekly" if self.days.is_empty() => format!("{} on {day}", every("week")),
            "weekly" => {
                let chosen = DAYS.into_iter().filter(|(day, _)| self.days.contains(day));
                let chosen: Vec<String> = chosen.map(|(_, name)| name.to_owned()).collect();
                format!("{} on {}", every("week"), words::list(&chosen, "and"))
            }
            "monthly" => format!("{} on day {}", every("month"), starts.day()),
            "weekday" => format!("{} on the {named} {day}", every("month")),
            "last" => format!("{} on the last {day}", every("month")),
            "yearly" => format!("{} on {}", every("year"), starts.format("%-d %B")),
            _ => every("day"),
        };
        match self.until {
            Some(until) => format!("{text}, until {}", until.format("%-d %b %Y")),
            None => text,
        }
    }
}

/// A part of a rule with its days in order.
fn sorted_days(part: &str) -> String {
    match part.split_once('=') {
        Some((name, days)) if name == "BYDAY" => {
            let mut days: Vec<&str> = days.split(',').collect();
            days.sort_unstable();
            format!("{name}={}", days.join(","))
        }
        _ => part.to_owned(),
    }
}

/// Which day of its kind a day is in its month: a fifth one is the last.
fn place(starts: NaiveDateTime) -> i8 {
    match starts.day0() / 7 {
        4 => -1,
        n => n as i8 + 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A Sunday, the first of its month.
    fn starts() -> NaiveDateTime {
        "2026-12-06T02:00:00".parse().unwrap()
    }

    #[test]
    fn rules_are_read_as_choices_and_written_again() {
        for (rule, words) in [
            ("FREQ=DAILY", "Every day"),
            ("FREQ=DAILY;INTERVAL=3", "Every 3 days"),
            ("FREQ=WEEKLY", "Every week on Sunday"),
            (
                "FREQ=WEEKLY;BYDAY=SA,SU;INTERVAL=2;UNTIL=20261231",
                "Every 2 weeks on Saturday and Sunday, until 31 Dec 2026",
            ),
            ("FREQ=MONTHLY", "Every month on day 6"),
            ("FREQ=MONTHLY;BYDAY=1SU", "Every month on the first Sunday"),
            ("FREQ=MONTHLY;BYDAY=-1SU", "Every month on the last Sunday"),
            ("FREQ=YEARLY;INTERVAL=4", "Every 4 years on 6 December"),
        ] {
            let plain = Plain::read(rule, starts()).unwrap();
            assert_eq!((plain.rule(starts()).as_str(), plain.words(starts()).as_str()), (rule, words));
            let days: Vec<String> = plain.days.iter().map(|day| (*day).to_owned()).collect();
            let until = plain.until.map(|until| until.to_string()).unwrap_or_default();
            let chosen = Plain::chosen(plain.repeat, &plain.every.to_string(), &days, &until);
            assert_eq!(chosen, Ok(Some(plain)));
        }
        assert!(Plain::read("interval=2;freq=weekly;byday=su,sa", starts()).is_some(), "in any order");
    }

    #[test]
    fn what_choices_cannot_say_stays_a_rule() {
        for rule in [
            "",
            "FREQ=HOURLY",
            "FREQ=DAILY;COUNT=3",
            "FREQ=MONTHLY;BYDAY=2SU",
            "FREQ=MONTHLY;BYDAY=1SU,3SU",
            "FREQ=MONTHLY;BYMONTHDAY=1",
            "FREQ=WEEKLY;BYDAY=SU;WKST=SU",
            "FREQ=DAILY;UNTIL=20261231T235959Z",
            "FREQ=DAILY;INTERVAL=1",
        ] {
            assert_eq!(Plain::read(rule, starts()), None, "{rule}");
        }
        assert_eq!(Plain::chosen("other", "x", &[], "x"), Ok(None));
        assert_eq!(Plain::chosen("daily", "0", &[], "").unwrap_err().0, "every");
        assert_eq!(Plain::chosen("daily", "", &[], "soon").unwrap_err().0, "until");
    }
}
