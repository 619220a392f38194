//! The recent past of the figures that rules read.
//!
//! Pure: it is told the present values and the time, and answers how much they grew within a window. It keeps
//! only what some rule reads, [`SAMPLES`] samples of each.

use std::collections::VecDeque;
use std::time::Duration;

use super::rule::Series;

/// Samples per series. The window that a rule gets is exact to one part in so many.
const SAMPLES: u32 = 60;
/// Shortest time between two samples of one series.
const SHORTEST_STEP: Duration = Duration::from_millis(500);

/// The present value of a figure.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A counter since the node started.
    Counter(u64),
    /// Observations since the node started: how many were at most each bound, in seconds, by ascending bound; the
    /// last bound is infinite.
    Buckets(Vec<(f64, u64)>),
}

impl Reading {
    /// Both together; what is of different kinds cannot be added, and the first one stays.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Counter(one), Self::Counter(two)) => Self::Counter(one.saturating_add(two)),
            (Self::Buckets(one), Self::Buckets(two)) => Self::Buckets(
                one.iter().zip(&two).map(|((bound, one), (_, two))| (*bound, one.saturating_add(*two))).collect(),
            ),
            (one, _) => one,
        }
    }
}

#[derive(Debug)]
struct Row {
    series: Series,
    samples: VecDeque<(Duration, Reading)>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Recorder {
    rows: Vec<Row>,
}

impl Recorder {
    /// A recorder for these series; equal ones are kept once.
    pub fn new(series: impl IntoIterator<Item = Series>) -> Self {
        let mut all: Vec<Series> = series.into_iter().collect();
        all.sort();
        all.dedup();
        Self { rows: all.into_iter().map(|series| Row { series, samples: VecDeque::new() }).collect() }
    }

    /// Takes the present values of all series that are due.
    pub fn record(&mut self, now: Duration, read: impl Fn(&Series) -> Option<Reading>) {
        for row in &mut self.rows {
            let step = (row.series.window / SAMPLES).max(SHORTEST_STEP);
            if row.samples.back().is_some_and(|(at, _)| now.saturating_sub(*at) < step) {
                continue;
            }
            let Some(reading) = read(&row.series) else { continue };
            row.samples.push_back((now, reading));
            // One sample that is as old as the window, or older, is the one to compare with.
            while row.samples.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= row.series.window) {
                row.samples.pop_front();
            }
        }
    }

    /// How much a counter grew; `None` before two samples are there, or where nothing records it.
    pub fn increase(&self, series: &Series) -> Option<f64> {
        match self.ends(series)? {
            (Reading::Counter(first), Reading::Counter(last)) => Some(last.saturating_sub(*first) as f64),
            _ => None,
        }
    }

    /// The value that this share of the window's observations does not exceed, interpolated within its bucket; the
    /// lower bound of the last bucket where it lies there. `None` without observations.
    pub fn quantile(&self, series: &Series, share: f64) -> Option<f64> {
        let (Reading::Buckets(first), Reading::Buckets(last)) = self.ends(series)? else { return None };
        let grown: Vec<(f64, f64)> = last
            .iter()
            .zip(first)
            .map(|((bound, now), (_, then))| (*bound, now.saturating_sub(*then) as f64))
            .collect();
        let total = grown.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        let wanted = total * share.clamp(0.0, 1.0);
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, count) in grown {
            if count >= wanted {
                let within = count - below;
                let fraction = if within > 0.0 { (wanted - below) / within } else { 1.0 };
                return Some(if bound.is_finite() { lower + (bound - lower) * fraction } else { lower });
            }
            (lower, below) = (bound, count);
        }
        None
    }

    fn ends(&self, series: &Series) -> Option<(&Reading, &Reading)> {
        let row = self.rows.iter().find(|row| row.series == *series)?;
        if row.samples.len() < 2 {
            return None;
        }
        Some((&row.samples.front()?.1, &row.samples.back()?.1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn series(window: u64) -> Series {
        Series { figure: "requests".to_owned(), application: None, window: Duration::from_secs(window) }
    }

    #[test]
    fn growth_is_that_of_the_window_and_memory_is_bounded() {
        let mut recorder = Recorder::new([series(30), series(30)]);
        assert_eq!(recorder.increase(&series(30)), None);
        for second in 0..1_000_u64 {
            // Ten a second, and a hundred a second for the last ten seconds.
            let count = second * 10 + second.saturating_sub(990) * 90;
            recorder.record(Duration::from_secs(second), |_| Some(Reading::Counter(count)));
        }
        let grown = recorder.increase(&series(30)).unwrap();
        assert_eq!(grown, 30.0 * 10.0 + 9.0 * 90.0);
        assert!(recorder.rows.len() == 1 && recorder.rows[0].samples.len() <= 32);
        assert_eq!(recorder.increase(&series(31)), None, "nothing records it");
    }

    #[test]
    fn a_short_past_counts_as_far_as_it_goes() {
        let mut recorder = Recorder::new([series(600)]);
        recorder.record(Duration::ZERO, |_| Some(Reading::Counter(0)));
        recorder.record(Duration::from_secs(20), |_| Some(Reading::Counter(7)));
        assert_eq!(recorder.increase(&series(600)), Some(7.0));
    }

    #[test]
    fn quantiles_come_from_what_was_observed_within_the_window() {
        let mut recorder = Recorder::new([series(30)]);
        let buckets = |a, b, c| Some(Reading::Buckets(vec![(0.1, a), (1.0, b), (f64::INFINITY, c)]));
        recorder.record(Duration::ZERO, |_| buckets(1_000, 1_000, 1_000));
        assert_eq!(recorder.quantile(&series(30), 0.5), None);
        recorder.record(Duration::from_secs(10), |_| buckets(1_000, 1_000, 1_000));
        assert_eq!(recorder.quantile(&series(30), 0.5), None, "nothing was observed");
        recorder.record(Duration::from_secs(20), |_| buckets(1_050, 1_100, 1_101));
        assert_eq!(recorder.quantile(&series(30), 50.5 / 101.0), Some(0.1 + 0.9 * 0.01));
        assert_eq!(recorder.quantile(&series(30), 1.0), Some(1.0), "beyond the last bound");
    }
}
