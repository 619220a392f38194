//! Starts the monitors of a node that is ready, changes them when the configuration is read again, and ends them with
//! the node.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix::prelude::*;
use futures_util::{
    FutureExt as _,
    future::{AbortHandle, abortable},
};

use super::{
    Monitor, Stop,
    figures::{LiveFigures, STEP},
    orphans::{Orphans, Survey},
};
use crate::{
    actors::{Desk, live::Live},
    availability::Target,
    monitor::{
        Check, Machine, Opinion, Standing, Voice, Watch,
        rule::{Figures, Series},
    },
    probe,
    vocabulary::FarmId,
};

/// The monitors of a node that runs.
pub(crate) struct Monitors {
    desk: Desk,
    /// The folder of the store.
    data: PathBuf,
    farm: FarmId,
    thread: ArbiterHandle,
    running: Vec<Running>,
    figures: Option<Kept>,
    /// Words of monitors that are not configured any more.
    orphans: Option<Orphans>,
}

/// One of them.
struct Running {
    live: Arc<Live>,
    is_rule: bool,
    monitor: Addr<Monitor>,
}

/// The figures of the rules, and the task that records them.
struct Kept(Arc<LiveFigures>, AbortHandle);

impl Drop for Kept {
    fn drop(&mut self) {
        self.1.abort();
    }
}

impl Monitors {
    /// None yet; they will run on this thread. `data` is the folder of the store.
    pub(crate) fn new(desk: Desk, data: PathBuf, farm: FarmId, thread: ArbiterHandle) -> Self {
        Self { desk, data, farm, thread, running: Vec::new(), figures: None, orphans: None }
    }

    /// From now on these are the monitors, each with the state that it publishes. One with the state of one that runs
    /// goes on; the others that run are ended, and what monitors have said that are not there any more is taken back.
    pub(crate) async fn change(&mut self, watches: Vec<(Watch, Arc<Live>)>) {
        // It knows the monitors of before, and would take back what a new one says.
        self.orphans = None;
        let goes_on = |one: &Running| watches.iter().any(|(_, live)| Arc::ptr_eq(live, &one.live));
        // Rules share their figures: if one is another now, all begin anew.
        let rules = watches.iter().filter(|(watch, _)| rule_of(watch).is_some());
        let same_rules = self.running.iter().filter(|one| one.is_rule).all(goes_on)
            && rules.clone().all(|(_, live)| self.running.iter().any(|one| Arc::ptr_eq(live, &one.live)));
        let (kept, ended): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|one| goes_on(one) && (same_rules || !one.is_rule));
        end(&ended).await;
        if !same_rules {
            let series: Vec<_> =
                rules.filter_map(|(watch, _)| rule_of(watch)).flat_map(|rule| rule.series().to_vec()).collect();
            self.figures = Some(self.keep(series));
        }
        let figures = match &self.figures {
            Some(Kept(figures, _)) => Arc::clone(figures),
            None => Arc::new(LiveFigures::new(Arc::clone(self.desk.shared()), self.data.clone(), [])),
        };
        let node = &self.desk.shared().node;
        let voices: Vec<Voice> = watches.iter().map(|(watch, _)| Voice::new(watch.clone(), node.clone())).collect();
        let known = voices.iter().map(|voice| voice.known().clone()).collect();
        let survey = Survey { node: node.clone(), known };
        // What arrives while the ledger is looked at is looked at as well.
        let arriving = self.desk.subscribe();
        // Without an answer the node is on its way down.
        let Some(surveyed) = self.desk.look(survey.clone()).await else { return };
        let (desk, found) = (self.desk.clone(), surveyed.orphans);
        self.orphans = Some(Orphans::take_back(desk, found, survey, arriving, &self.thread));
        self.running = kept;
        for (((watch, live), voice), standing) in watches.into_iter().zip(voices).zip(surveyed.standing) {
            if !self.running.iter().any(|one| Arc::ptr_eq(&one.live, &live)) {
                let is_rule = rule_of(&watch).is_some();
                let monitor = self.start(watch, Arc::clone(&live), voice, standing, &figures);
                self.running.push(Running { live, is_rule, monitor });
            }
        }
    }

    /// Records these from now on.
    fn keep(&self, series: Vec<Series>) -> Kept {
        let records = !series.is_empty();
        let figures = Arc::new(LiveFigures::new(Arc::clone(self.desk.shared()), self.data.clone(), series));
        let recorded = Arc::clone(&figures);
        let (recording, handle) = abortable(async move {
            let mut steps = tokio::time::interval(STEP);
            loop {
                steps.tick().await;
                recorded.record();
            }
        });
        if records {
            self.thread.spawn(recording.map(|_| ()));
        }
        Kept(figures, handle)
    }

    fn start(
        &self,
        watch: Watch,
        live: Arc<Live>,
        voice: Voice,
        standing: Option<Standing>,
        figures: &Arc<LiveFigures>,
    ) -> Addr<Monitor> {
        let (desk, farm) = (self.desk.clone(), self.farm.clone());
        let figures = Arc::clone(figures) as Arc<dyn Figures>;
        Monitor::start_in_arbiter(&self.thread, move |_| {
            let shared = desk.shared();
            let slots = shared.slots();
            let slot = slots.iter().find(|slot| Target::Application(slot.app.name().clone()) == watch.target);
            let inside = probe::Inside { traffic: slot.map(|slot| Arc::clone(&slot.traffic)), figures, farm };
            let lapse = shared.rules().lapse;
            let states = slot.map(|slot| Arc::clone(&slot.upstreams));
            let opinion = watch.upstream.clone().zip(states).map(|(watched, states)| Opinion::new(states, watched));
            Monitor {
                probe: probe::of(&watch, inside),
                machine: Machine::new(watch.thresholds(lapse), standing),
                opinion,
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
    }

    /// Ends them. Returns when no check is being made any more, and no program of one runs.
    pub(crate) async fn stop(self) {
        drop(self.orphans);
        end(&self.running).await;
    }
}

async fn end(monitors: &[Running]) {
    let stopping = monitors.iter().map(|one| one.monitor.send(Stop));
    // One that has ended already cannot be told.
    futures_util::future::join_all(stopping).await;
}

fn rule_of(watch: &Watch) -> Option<&crate::monitor::Rule> {
    match &watch.check {
        Check::Rule(rule) => Some(rule),
        _ => None,
    }
}
