//! Local times of a zone as instants (docs/contract.md#schedules).
//!
//! Must stay true: every local time has exactly one instant. One that summer time leaves out becomes the end of the
//! gap; of one that comes twice the first passing counts.

use chrono::{Duration, LocalResult, NaiveDateTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;

use crate::availability::Moment;

/// The version of the zone data that this program was built with. Nodes with different versions may compute
/// different occurrences.
pub const ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;

/// The longest gap that is looked for: zones have left out a whole day (Samoa, 2011).
const LONGEST_GAP: i64 = 25 * 60;

/// The instant of a local time.
pub(super) fn instant(zone: Tz, local: NaiveDateTime) -> Moment {
    let at = |local: &NaiveDateTime| match zone.from_local_datetime(local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(Moment::from_millis(at.timestamp_millis())),
        LocalResult::None => None,
    };
    let minute = local.with_second(0).unwrap_or(local);
    let after_gap = || {
        (1..=LONGEST_GAP)
            .filter_map(|minutes| minute.checked_add_signed(Duration::minutes(minutes)))
            .find_map(|t| at(&t))
    };
    at(&local).or_else(after_gap).unwrap_or_else(|| Moment::from_millis(local.and_utc().timestamp_millis()))
}

/// The local time of an instant.
pub(super) fn local(zone: Tz, at: Moment) -> NaiveDateTime {
    at.to_datetime().with_timezone(&zone).naive_local()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(zone: &str, local: &str) -> String {
        instant(zone.parse().unwrap(), local.parse().unwrap()).to_string()
    }

    #[test]
    fn a_time_in_the_gap_is_the_end_of_the_gap_and_of_two_passings_the_first_counts() {
        for (zone, local, expected) in [
            // Gaps: from two to three o'clock, at Lord Howe by half an hour, in Samoa for a day.
            ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            ("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:30:15", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:10:00", "2026-10-03T15:30:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z"),
            // Overlaps.
            ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z"),
            // No summer time.
            ("Asia/Kolkata", "2026-03-29T02:30:00", "2026-03-28T21:00:00Z"),
            ("UTC", "2026-03-29T02:30:00", "2026-03-29T02:30:00Z"),
        ] {
            assert_eq!(at(zone, local), expected, "{zone} {local}");
        }
    }

    #[test]
    fn the_zone_data_has_a_version() {
        assert!(ZONE_DATA.starts_with("20"), "{ZONE_DATA}");
    }
}
