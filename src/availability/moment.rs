//! A point in time with the precision of the protocol: whole milliseconds since 1970 in UTC.
//!
//! Read and written as RFC 3339 (§5.6). Further digits are cut off, not rounded, so that reading never moves a
//! time into the future.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, SecondsFormat, TimeZone as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The last instant that is accepted: the end of the year 9999, the last one RFC 3339 can write.
const LAST: i64 = 253_402_300_799_999;

/// Milliseconds since 1970-01-01T00:00:00Z, between 0 and the end of the year 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(i64);

impl Moment {
    /// 1970-01-01T00:00:00Z, before everything.
    pub const ZERO: Self = Self(0);
    /// The end of the year 9999, after everything.
    pub const MAX: Self = Self(LAST);

    /// The instant that lies this many milliseconds after 1970; what lies outside the range of RFC
    /// 3339 becomes its nearest end.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LAST))
    }

    /// The same in whole seconds: what is left of the second is cut off.
    pub fn whole_second(self) -> Self {
        Self::from_millis(self.millis() / 1000 * 1000)
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// This much later; stops at the end of the year 9999.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(LAST);
        Self::from_millis(self.0.saturating_add(by))
    }

    /// This much earlier; stops at 1970.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(LAST);
        Self::from_millis(self.0.saturating_sub(by))
    }

    /// How long from `earlier` until this instant; zero when it lies before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The same instant as a `chrono` date, for words in a time zone.
    pub fn to_datetime(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or_default()
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC; milliseconds only where there are some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        f.write_str(&self.to_datetime().to_rfc3339_opts(digits, true))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Longer texts than any RFC 3339 time with nanoseconds and an offset need no parser.
        let date = if text.len() > 40 { None } else { DateTime::parse_from_rfc3339(text).ok() };
        let millis = date.ok_or("is not an RFC 3339 time such as 2026-11-23T18:00:00Z")?.timestamp_millis();
        if (0..=LAST).contains(&millis) { Ok(Self(millis)) } else { Err("lies outside the years 1970 to 9999") }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn written_as_it_is_read() {
        for (text, canonical) in [
            ("2026-11-23T18:00:00Z", "2026-11-23T18:00:00Z"),
            ("2026-11-23T19:00:00+01:00", "2026-11-23T18:00:00Z"),
            ("2026-11-23T18:00:00.25Z", "2026-11-23T18:00:00.250Z"),
            ("2026-11-23T18:00:00.123999Z", "2026-11-23T18:00:00.123Z"),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "tomorrow", "2026-11-23", "2026-11-23T18:00:00", "2026-13-01T00:00:00Z", "1969-12-31T00:00:00Z"]
        {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
