//! Starts the monitors of a node that is ready, and ends them with it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix::prelude::*;

use super::{
    Monitor, Stop,
    figures::{LiveFigures, STEP},
    orphans::{Orphans, Survey},
};
use crate::{
    actors::Desk,
    availability::Target,
    monitor::{Check, Machine, Voice, Watch, rule::Figures},
    probe,
    vocabulary::FarmId,
};

/// The monitors of a node that runs.
#[derive(Default)]
pub(crate) struct Monitors {
    running: Vec<Addr<Monitor>>,
    /// Words of monitors that are not configured any more.
    orphans: Option<Orphans>,
}

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
    let known = voices.iter().map(|voice| voice.known().clone()).collect();
    let survey = Survey { node: shared.node.clone(), known };
    // What arrives while the ledger is looked at is looked at as well.
    let arriving = desk.subscribe();
    // Without an answer the node is on its way down.
    let Some(surveyed) = desk.look(survey.clone()).await else { return Monitors::default() };
    let orphans = Orphans::take_back(desk.clone(), surveyed.orphans, survey, arriving, thread);
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
    Monitors { running: started.collect(), orphans: Some(orphans) }
}

fn rule_of(watch: &Watch) -> Option<&crate::monitor::Rule> {
    match &watch.check {
        Check::Rule(rule) => Some(rule),
        _ => None,
    }
}

impl Monitors {
    /// Ends them. Returns when no check is being made any more, and no program of one runs.
    pub(crate) async fn stop(self) {
        drop(self.orphans);
        let stopping = self.running.iter().map(|monitor| monitor.send(Stop));
        // One that has ended already cannot be told.
        futures_util::future::join_all(stopping).await;
    }
}
