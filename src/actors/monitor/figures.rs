//! The figures that rules read: what the gate has counted, which monitors are down, how busy the machine is.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    actors::shared::Shared,
    availability::Glob,
    clock,
    monitor::{
        Health,
        figures::{Reading, Recorder},
        rule::{Figures, Series},
    },
};

/// How often the counters are looked at; the shortest window of a rule is twice as long.
pub(super) const STEP: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct LiveFigures {
    shared: Arc<Shared>,
    /// The folder of the store.
    data: PathBuf,
    recorder: Mutex<Recorder>,
    processors: Mutex<Processors>,
}

/// How busy the processors were between two looks.
struct Processors {
    at: Duration,
    /// Busy and total time.
    spent: Option<(u64, u64)>,
    share: Option<f64>,
}

impl LiveFigures {
    /// The figures of this node; of the past of these series only.
    pub(super) fn new(shared: Arc<Shared>, data: PathBuf, series: impl IntoIterator<Item = Series>) -> Self {
        let processors = Processors { at: clock::mono(), spent: processor_times(), share: None };
        Self { shared, data, recorder: Mutex::new(Recorder::new(series)), processors: Mutex::new(processors) }
    }

    /// Takes the present values of what is recorded.
    pub(super) fn record(&self) {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        recorder.record(clock::mono(), |series| self.read(series));
    }

    fn read(&self, series: &Series) -> Option<Reading> {
        let wanted = |name: &str| series.application.as_deref().is_none_or(|application| application == name);
        let slots = self.shared.slots();
        let slots = slots.iter().filter(|slot| wanted(slot.app.name().as_str()));
        slots.filter_map(|slot| slot.traffic.read(&series.figure)).reduce(Reading::plus)
    }

    fn recorded<T>(
        &self,
        figure: &str,
        application: Option<&str>,
        window: Duration,
        of: impl Fn(&Recorder, &Series) -> Option<T>,
    ) -> Option<T> {
        let series = Series { figure: figure.to_owned(), application: application.map(str::to_owned), window };
        of(&self.recorder.lock().unwrap_or_else(PoisonError::into_inner), &series)
    }
}

impl Figures for LiveFigures {
    fn increase(&self, counter: &str, application: Option<&str>, window: Duration) -> Option<f64> {
        self.recorded(counter, application, window, Recorder::increase)
    }

    fn quantile(&self, histogram: &str, application: Option<&str>, window: Duration, share: f64) -> Option<f64> {
        self.recorded(histogram, application, window, |recorder, series| recorder.quantile(series, share))
    }

    fn down(&self, names: &Glob) -> usize {
        let defined = self.shared.defined();
        let monitors = defined.monitors.iter().filter(|live| live.kind != "rule");
        let down = monitors.filter(|live| live.seen().health == Health::Down);
        down.filter(|live| names.matches(live.name.as_str(), false)).count()
    }

    fn cpu(&self) -> Option<f64> {
        let mut processors = self.processors.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::mono();
        if now.saturating_sub(processors.at) >= STEP {
            let spent = processor_times();
            processors.share = match (processors.spent, spent) {
                (Some((busy, total)), Some((busy_now, total_now))) if total_now > total => {
                    Some(busy_now.saturating_sub(busy) as f64 / (total_now - total) as f64)
                }
                _ => None,
            };
            (processors.at, processors.spent) = (now, spent);
        }
        processors.share
    }

    fn memory(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let kib = |name: &str| -> Option<f64> {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok())
        };
        let (total, available) = (kib("MemTotal:")?, kib("MemAvailable:")?);
        (total > 0.0).then(|| 1.0 - available / total)
    }

    fn disk_free(&self) -> Option<f64> {
        let disk = rustix::fs::statvfs(&self.data).ok()?;
        Some(disk.f_bavail as f64 * disk.f_frsize as f64)
    }
}

/// Busy and total time of all processors since the machine started, in its own unit.
fn processor_times() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<u64> =
        text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map_while(|time| time.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guests are part of user
    let idle = times.get(3)? + times.get(4)?;
    let total: u64 = times.iter().take(8).sum();
    Some((total.saturating_sub(idle), total))
}
