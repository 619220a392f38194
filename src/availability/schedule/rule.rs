//! A recurrence rule (RFC 5545, section 3.3.10) and the days that it names. The crate `rrule` reads and enumerates
//! rules; it is given local times as if they were UTC, so that zones and summer time are decided in one place
//! ([`super::zone`]).
//!
//! Must stay true: every enumeration ends after a bounded amount of work, whatever the rule says.

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use rrule::{RRule, RRuleSet, Unvalidated};

use super::zone;
use crate::availability::Moment;

/// Longest rule, in bytes.
const MAX_RULE: usize = 500;
/// Most days that are enumerated, from the first one on: more than fifty years of days.
const MAX_DAYS: usize = 20_000;
/// The parts that a rule may have. Occurrences are at most daily and begin at the time of `starts`, so there is
/// no `BYHOUR`, `BYMINUTE` or `BYSECOND`.
const PARTS: [&str; 11] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYDAY",
    "BYMONTH",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYSETPOS",
];

/// A rule that is well-formed.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    days: RRule<Unvalidated>,
    until: Option<Until>,
}

/// The last instant at which an occurrence may begin.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    Local(NaiveDateTime),
    Instant(Moment),
}

impl Rule {
    /// Reads a rule such as `FREQ=WEEKLY;BYDAY=SU`.
    ///
    /// # Errors
    /// Says what is wrong with it, as the rest of a sentence that begins with the field.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_RULE {
            return Err(format!("is longer than {MAX_RULE} bytes"));
        }
        // The crate takes rules apart at places that are no limits of other characters.
        if let Some(other) = text.chars().find(|character| !character.is_ascii()) {
            return Err(format!("has the character {other:?}; letters from A to Z, digits and signs are allowed"));
        }
        let text = text.to_ascii_uppercase();
        let (mut kept, mut seen, mut until) = (Vec::new(), Vec::new(), None);
        for part in text.trim().trim_start_matches("RRULE:").split(';') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("has the part {part:?}, which is no NAME=VALUE"))?;
            if !PARTS.contains(&name) {
                return Err(format!("has the part {name:?}; known are {}", PARTS.join(", ")));
            }
            if seen.contains(&name) {
                return Err(format!("has the part {name} twice"));
            }
            seen.push(name);
            let number = |most: u32| {
                let number = value.parse::<u32>().ok().filter(|number| (1..=most).contains(number));
                number
                    .map(drop)
                    .ok_or_else(|| format!("has {name}={value}; whole numbers from 1 to {most} are allowed"))
            };
            match name {
                "UNTIL" => {
                    until = Some(parse_until(value).ok_or_else(|| {
                        format!("has UNTIL={value}; a date or time such as 20261231, 20261231T235959 or 20261231T225959Z is needed")
                    })?);
                    continue;
                }
                "FREQ" if !["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(&value) => {
                    return Err(format!("has FREQ={value}; DAILY, WEEKLY, MONTHLY and YEARLY are allowed"));
                }
                "INTERVAL" => number(1_000)?,
                "COUNT" => number(10_000)?,
                _ => {}
            }
            kept.push(part);
        }
        if !seen.contains(&"FREQ") {
            return Err("has no FREQ, such as FREQ=WEEKLY".to_owned());
        }
        if until.is_some() && seen.contains(&"COUNT") {
            return Err("has both UNTIL and COUNT: give one of them".to_owned());
        }
        let days = kept.join(";").parse::<RRule<Unvalidated>>().map_err(|e| format!("cannot be read: {e}"))?;
        Ok(Self { days, until })
    }

    /// Whether its numbers are in range, for occurrences from `starts` on.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn check(&self, starts: NaiveDateTime) -> Result<(), String> {
        self.set(starts).map(drop)
    }

    fn set(&self, starts: NaiveDateTime) -> Result<RRuleSet, String> {
        let set = self.days.clone().build(starts.and_utc().with_timezone(&rrule::Tz::UTC));
        set.map(RRuleSet::limit).map_err(|e| format!("cannot be applied: {e}"))
    }

    /// The local times from `starts` on at which occurrences begin, in order; at most 20,000.
    pub(super) fn locals(&self, starts: NaiveDateTime, zone: Tz) -> impl Iterator<Item = NaiveDateTime> + use<> {
        let until = self.until;
        let times = self.set(starts).into_iter().flat_map(|set| set.into_iter().take(MAX_DAYS));
        times.map(|time| time.naive_utc()).take_while(move |local| match until {
            None => true,
            Some(Until::Local(until)) => *local <= until,
            Some(Until::Instant(until)) => zone::instant(zone, *local) <= until,
        })
    }
}

fn parse_until(text: &str) -> Option<Until> {
    let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
    match text.len() {
        8 => NaiveDate::parse_from_str(text, "%Y%m%d").ok()?.and_hms_opt(23, 59, 59).map(Until::Local),
        15 => time(text).map(Until::Local),
        16 => {
            let at = time(text.strip_suffix('Z')?)?;
            Some(Until::Instant(Moment::from_millis(at.and_utc().timestamp_millis())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn days(rule: &str, starts: &str, most: usize) -> Vec<String> {
        let starts = starts.parse().unwrap();
        let rule = Rule::parse(rule).unwrap();
        rule.check(starts).unwrap();
        rule.locals(starts, Tz::Europe__Berlin).take(most).map(|day| day.format("%Y-%m-%d").to_string()).collect()
    }

    #[test]
    fn rules_name_days() {
        assert_eq!(days("FREQ=WEEKLY;BYDAY=SU", "2026-12-01T02:00:00", 2), ["2026-12-06", "2026-12-13"]);
        assert_eq!(days("rrule:freq=monthly;byday=-1fr", "2026-12-01T02:00:00", 2), ["2026-12-25", "2027-01-29"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-12-01T02:00:00", 2),
            ["2026-12-31", "2027-01-29"]
        );
        assert_eq!(days("FREQ=DAILY;COUNT=2", "2026-12-01T02:00:00", 9), ["2026-12-01", "2026-12-02"]);
        assert_eq!(
            days("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2026-12-01T02:00:00", 3),
            ["2028-02-29", "2032-02-29", "2036-02-29"]
        );
        assert_eq!(days("FREQ=YEARLY", "2028-02-29T02:00:00", 2), ["2028-02-29", "2032-02-29"], "no other day instead");
    }

    #[test]
    fn until_is_local_or_an_instant_and_counts_itself() {
        let two = ["2026-12-01", "2026-12-02"];
        for until in ["20261202", "20261202T020000", "20261202T010000Z"] {
            assert_eq!(days(&format!("FREQ=DAILY;UNTIL={until}"), "2026-12-01T02:00:00", 9), two, "{until}");
        }
        for until in ["20261202T015959", "20261202T005959Z"] {
            assert_eq!(days(&format!("FREQ=DAILY;UNTIL={until}"), "2026-12-01T02:00:00", 9), two[..1], "{until}");
        }
        assert!(days("FREQ=DAILY;UNTIL=20200101", "2026-12-01T02:00:00", 9).is_empty());
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_is_wrong() {
        for (rule, wrong) in [
            ("", "NAME=VALUE"),
            ("BYDAY=SU", "no FREQ"),
            ("FREQ=HOURLY", "DAILY, WEEKLY"),
            ("FREQ=SECONDLY;BYSECOND=1", "DAILY, WEEKLY"),
            ("FREQ=DAILY;BYHOUR=1,2", "BYHOUR"),
            ("FREQ=DAILY;FREQ=DAILY", "twice"),
            ("FREQ=DAILY;INTERVAL=0", "from 1 to 1000"),
            ("FREQ=DAILY;COUNT=10001", "from 1 to 10000"),
            ("FREQ=DAILY;COUNT=-1", "from 1 to 10000"),
            ("FREQ=DAILY;COUNT=1;UNTIL=20261231", "both"),
            ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
            ("FREQ=WEEKLY;BYDAY=XX", "cannot be read"),
            ("FREQ=MONTHLY;BYDAY=-\u{4af}R", "the character"),
            ("FREQ=DAILY;BYMONTH=13", "cannot be read"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "cannot be read"),
        ] {
            assert!(Rule::parse(rule).unwrap_err().contains(wrong), "{rule}: {:?}", Rule::parse(rule));
        }
        let long = format!("FREQ=DAILY;BYMONTH={}", "1,".repeat(300));
        assert!(Rule::parse(&long).unwrap_err().contains("500"));
        let starts = "2026-12-01T02:00:00".parse().unwrap();
        assert!(Rule::parse("FREQ=WEEKLY;BYMONTHDAY=1").unwrap().check(starts).is_err());
    }

    #[test]
    fn rules_that_never_come_true_or_never_end_come_to_an_end() {
        for rule in [
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYMONTH=2",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=31",
            "FREQ=YEARLY;BYDAY=MO;BYSETPOS=366",
            "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
            "FREQ=YEARLY;INTERVAL=1000;BYYEARDAY=366;BYMONTH=1",
        ] {
            assert!(days(rule, "2026-12-01T02:00:00", 1).is_empty(), "{rule}");
        }
        assert_eq!(days("FREQ=DAILY", "2026-12-01T02:00:00", usize::MAX).len(), MAX_DAYS);
    }
}
