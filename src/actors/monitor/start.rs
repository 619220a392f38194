//! Starts the monitors of a node that is ready, and ends them with it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix::prelude::*;

use super::{
    Monitor, PATIENCE, Stop,
    figures::{LiveFigures, STEP},
    shown,
    survey::{Known, Survey},
    voice::Voice,
};
use crate::{
    actors::{Desk, desk::SubmitError},
    availability::{Author, Source, Submission, Target},
    clock,
    monitor::{Check, Machine, Watch, rule::Figures},
    probe,
    vocabulary::FarmId,
};

/// The monitors of a node that runs.
#[derive(Default)]
pub(crate) struct Monitors(Vec<Addr<Monitor>>);

/// Starts the configured monitors on this thread, in the order of [`Shared::monitors`], and takes back what
/// monitors have said that are not configured any more. `data` is the folder of the store.
///
/// [`Shared::monitors`]: crate::actors::shared::Shared::monitors
pub(crate) async fn start(
    watches: Vec<Watch>,
    desk: Desk,
    data: PathBuf,
    farm: FarmId,
    thread: &ArbiterHandle,
) -> Monitors {
    let shared = Arc::clone(desk.shared());
    let voices: Vec<Voice> = watches.iter().map(|watch| Voice::new(watch.clone(), shared.node.clone())).collect();
    let known = voices.iter().zip(&watches);
    let known = known
        .map(|(voice, watch)| Known { reporter: voice.reporter(), target: watch.target.clone(), scope: voice.scope() })
        .collect();
    // Without an answer the node is on its way down.
    let Some(surveyed) = desk.look(Survey { node: shared.node.clone(), known }).await else {
        return Monitors::default();
    };
    for (target, reporter) in surveyed.orphans {
        thread.spawn(take_back(desk.clone(), target, reporter));
    }
    let series: Vec<_> =
        watches.iter().flat_map(|watch| rule_of(watch).into_iter().flat_map(|rule| rule.series().to_vec())).collect();
    let records = !series.is_empty();
    let figures = Arc::new(LiveFigures::new(Arc::clone(&shared), data, series));
    if records {
        let figures = Arc::clone(&figures);
        thread.spawn(async move {
            let mut steps = tokio::time::interval(STEP);
            loop {
                steps.tick().await;
                figures.record();
            }
        });
    }
    let lapse = shared.rules().lapse;
    let monitors = watches.into_iter().zip(voices).zip(surveyed.standing).zip(shared.monitors.clone());
    let started = monitors.map(|(((watch, voice), standing), live)| {
        let farm = farm.clone();
        let (desk, figures, shared) = (desk.clone(), Arc::clone(&figures) as Arc<dyn Figures>, Arc::clone(&shared));
        Monitor::start_in_arbiter(thread, move |_| {
            let slot = shared.slots.iter().find(|slot| Target::Application(slot.app.name().clone()) == watch.target);
            let inside = probe::Inside { traffic: slot.map(|slot| Arc::clone(&slot.traffic)), figures, farm };
            Monitor {
                probe: probe::of(&watch, inside),
                machine: Machine::new(watch.thresholds(lapse), standing),
                voice,
                desk,
                live,
                watch,
                begun: Duration::ZERO,
                latency: None,
                unknown: None,
                unsaid: None,
                is_speaking: false,
                verify_at: Duration::ZERO,
            }
        })
    });
    Monitors(started.collect())
}

fn rule_of(watch: &Watch) -> Option<&crate::monitor::Rule> {
    match &watch.check {
        Check::Rule(rule) => Some(rule),
        _ => None,
    }
}

fn source_of(reporter: &str) -> Source {
    if reporter.starts_with("farm/") { Source::Farm } else { Source::Monitor }
}

/// Opens what a monitor has closed that is gone; tries until that is taken.
async fn take_back(desk: Desk, target: Target, reporter: String) {
    let author = Author { operator: None, source: source_of(&reporter), reporter: Some(reporter.clone()) };
    let mut patience = PATIENCE[0];
    let id = clock::new_id();
    loop {
        let opening = Submission::parse(&serde_json::json!({"id": id, "targets": [target], "status": "available"}));
        let submitted = match opening {
            Ok(opening) => desk.hand_in(opening, author.clone()).await,
            Err(errors) => Err(SubmitError::Invalid(errors)),
        };
        match submitted {
            Ok(_) => {
                log::info!(reporter, target:%; "monitor_word_taken_back");
                return;
            }
            Err(error @ SubmitError::Unavailable { .. }) => {
                log::warn!(reporter, target:%, error:%, again_in:? = patience; "monitor_word_not_taken_back");
            }
            Err(error) => {
                log::warn!(reporter, target:%, error = shown(&error); "monitor_word_not_taken_back");
                return;
            }
        }
        tokio::time::sleep(patience).await;
        patience = (patience * 2).min(PATIENCE[1]);
    }
}

impl Monitors {
    /// Ends them. Returns when no check is being made any more, and no program of one runs.
    pub(crate) async fn stop(self) {
        let stopping = self.0.iter().map(|monitor| monitor.send(Stop));
        // One that has ended already cannot be told.
        futures_util::future::join_all(stopping).await;
    }
}
