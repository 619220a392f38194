//! How often one client may ask one application (docs/contract.md#rate-limits).

use std::{num::NonZeroU32, str::FromStr, time::Duration};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From one request to the next, where they come evenly; never zero.
    pub every: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

/// The most requests in one unit of time, and at once.
pub const MOST: u32 = 1_000_000;

impl Rate {
    /// The same with another number of requests at once.
    #[must_use]
    pub fn with_burst(self, burst: Option<NonZeroU32>) -> Self {
        Self { burst: burst.unwrap_or(self.burst), ..self }
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `20/s`, `100/min` or `1000/h`; as many may come at once.
    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("s", 1), ("min", 60), ("h", 3_600)];
        let (number, unit) = text.split_once('/').unwrap_or((text, ""));
        let burst = number.parse().ok().and_then(NonZeroU32::new).filter(|number| number.get() <= MOST);
        let seconds = units.into_iter().find(|(name, _)| *name == unit).map(|(_, seconds)| seconds);
        match (burst, seconds) {
            (Some(burst), Some(seconds)) => Ok(Self { every: Duration::from_secs(seconds) / burst.get(), burst }),
            _ => Err(format!("must be a rate such as \"20/s\", \"100/min\" or \"1000/h\", from 1 to {MOST}")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| (rate.every.as_millis(), rate.burst.get()));
        assert_eq!(rate("20/s"), Ok((50, 20)));
        assert_eq!(rate("100/min"), Ok((600, 100)));
        assert_eq!(rate("1000/h"), Ok((3_600, 1_000)));
        assert!("1000000/s".parse::<Rate>().unwrap().every > Duration::ZERO);
        for wrong in ["", "20", "0/s", "-1/s", "20/d", "1.5/s", "1000001/s", "20/s/s", "/s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!("5/s".parse::<Rate>().unwrap().with_burst(NonZeroU32::new(7)).burst.get(), 7);
    }
}
