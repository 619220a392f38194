//! Reads the configuration again, while the node runs (docs/contract.md#reading-it-again).
//!
//! Must stay true: a file that is not right changes nothing; each reader sees one reading of the file as a whole, the
//! one before or the new one; no request is dropped; nothing that was acknowledged is missing in a new cache,
//! because the repeater loads it from the ledger before anybody can see it; what needs a restart is named and left as
//! it was.

use std::{path::PathBuf, sync::Arc};

use actix::prelude::*;
use futures_util::future::{AbortHandle, abortable};
use tokio::sync::oneshot;

use super::{certificates::Certificates, hooks::Hooks, listeners::Doors, made, parts, sandbox, status};
use crate::{
    actors::{
        application_cache::Cached,
        live::Live,
        messages::Recast,
        monitor::Monitors,
        repeater::Repeater,
        shared::{Defined, Event, Shared},
    },
    availability::FieldError,
    clock,
    config::{ConfigError, Settings, keys::Written},
    control::reload::{Outcome, Reloaded},
    gate::service::Present,
    monitor::Watch,
    store::Store,
};

pub(super) use crate::control::reload::{Door, Request};

/// The parts of a node that a new configuration reaches.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) shared: Arc<Shared>,
    pub(super) repeater: Addr<Repeater>,
    pub(super) caches: Vec<Cached>,
    /// Where caches run.
    pub(super) thread: ArbiterHandle,
    pub(super) gate: Present,
    pub(super) doors: Doors,
    pub(super) certificates: Certificates,
    pub(super) hooks: Hooks,
    pub(super) monitors: Monitors,
}

/// See the module.
pub(super) struct Running {
    settings: Settings,
    /// What was written when the node started.
    started: Written,
    parts: Parts,
    /// Makes the status page's record.
    recording: Option<AbortHandle>,
}

impl Running {
    /// Starts what a node does besides answering: its monitors, its hooks, and the record of its status page.
    pub(super) async fn start(settings: Settings, parts: Parts) -> Self {
        let started = settings.source.written.clone();
        let mut running = Self { settings, started, parts, recording: None };
        running.record();
        running.parts.hooks.change(&running.settings.hooks);
        let watches = running.settings.monitors.iter().cloned().zip(running.parts.shared.defined().monitors.clone());
        running.parts.monitors.change(watches.collect()).await;
        running
    }

    /// Ends the monitors.
    pub(super) async fn stop(self) {
        self.parts.monitors.stop().await;
    }

    /// Reads the file again and answers the request to do so. Returns the outcome, in a few words.
    pub(super) async fn reload(&mut self, set_log: Option<fn(Option<&str>)>, Request(answer): Request) -> &'static str {
        let outcome = self.try_reload(set_log).await;
        let status = match &outcome {
            Ok(Reloaded { changed, needs_restart }) => {
                log::info!(changed = changed.join(","); "reloaded");
                if !needs_restart.is_empty() {
                    log::warn!(
                        keys = needs_restart.join(","), note = "they are in effect after a restart";
                        "needs_restart"
                    );
                }
                "The gate listens; the configuration was read again"
            }
            Err(problems) => {
                for FieldError { field, problem } in problems {
                    log::error!(field, problem, note = "nothing has changed"; "not_reloaded");
                }
                "The gate listens; the configuration was not read again, because it is wrong"
            }
        };
        // A signal has no caller that waits.
        answer.send(outcome).ok();
        status
    }

    async fn try_reload(&mut self, set_log: Option<fn(Option<&str>)>) -> Outcome {
        let file = self.settings.source.file.clone();
        let settings = match load(file)?.await {
            Ok(loaded) => loaded.map_err(|error| problems(&error))?,
            Err(_) => return Err(vec![FieldError::new("file", "was not read: the node is going down")]),
        };
        let refused = sandbox::refuses(&settings);
        if !refused.is_empty() {
            return Err(refused);
        }
        let (written, parts) = (&settings.source.written, &mut self.parts);
        let reloaded = Reloaded {
            changed: written.changed_in_place(&self.settings.source.written),
            needs_restart: written.needs_restart(&self.started),
        };
        let (shared, before) = (Arc::clone(&parts.shared), parts.shared.defined());
        let definitions = parts::definitions(&settings);
        let slots = made::slots(&settings, &shared.node, shared.rules(), &definitions, &before.slots);
        let gate = made::gate(&settings, &shared, Arc::clone(&slots), Some((&self.settings, &parts.gate.load())))
            .map_err(|problem| vec![FieldError::new("gate", problem)])?;
        let monitors = lives(&self.settings.monitors, &settings.monitors, &before.monitors);
        let refused = |error: super::NodeError| vec![FieldError::new("tls", error.to_string())];
        parts.certificates.reload(&settings).map_err(refused)?;
        // From here on nothing is refused. New caches first: they are not visible before they know what the ledger knows.
        let known = |slot| parts.caches.iter().find(|one| Arc::ptr_eq(&one.slot, slot)).cloned();
        let start = |slot| Cached::start(&shared, Arc::clone(slot), &parts.thread);
        let caches: Vec<Cached> = slots.iter().map(|slot| known(slot).unwrap_or_else(|| start(slot))).collect();
        let is_new = |one: &&Cached| !before.slots.iter().any(|slot| Arc::ptr_eq(slot, &one.slot));
        let both = parts.caches.iter().chain(caches.iter().filter(is_new)).cloned().collect();
        // The repeater is gone only when the node is going down.
        parts.repeater.send(Recast { caches: both, defines: None }).await.ok();
        shared.define(Defined { slots, resources: parts::resources(&settings), monitors: monitors.clone() });
        shared.texts.store(Arc::new(settings.gate.texts.clone()));
        parts.gate.store(Arc::new(gate));
        parts.doors.change(&settings);
        if let Some(set) = set_log {
            set(settings.node.log.as_deref());
        }
        let defines = Some(made::defines(&settings));
        parts.repeater.send(Recast { caches: caches.clone(), defines }).await.ok();
        parts.caches = caches;
        if settings.hooks != self.settings.hooks {
            let (book, hooks) = (Arc::clone(&shared.book), settings.hooks.clone());
            let known = tokio::task::spawn_blocking(move || book.change(&hooks, clock::now())).await;
            if let Ok(Err(error)) = known {
                log::error!(error:%; "hook_cursor_not_written");
            }
            parts.hooks.change(&settings.hooks);
        }
        parts.monitors.change(settings.monitors.iter().cloned().zip(monitors).collect()).await;
        self.settings = settings;
        self.record();
        let after = shared.slots();
        let of = |slots: &[Arc<crate::actors::shared::Slot>], other: &[Arc<crate::actors::shared::Slot>]| {
            let changed = slots.iter().filter(|slot| !other.iter().any(|one| Arc::ptr_eq(one, slot)));
            changed.map(|slot| slot.app.name().clone()).collect::<Vec<_>>()
        };
        for application in of(&after, &before.slots).into_iter().chain(of(&before.slots, &after)) {
            shared.tell(Event::Availability { application });
        }
        Ok(reloaded)
    }

    /// Keeps the status page's record while there is a page.
    fn record(&mut self) {
        let page = self.parts.gate.load().page.clone();
        match (page, &self.recording) {
            (Some(page), None) => {
                let (store, shared) = (self.parts.store.clone(), Arc::clone(&self.parts.shared));
                let rules = shared.rules();
                let (keep, handle) = abortable(status::keep(Arc::clone(&page.record), store, shared, rules));
                // Ends with the node's runtime.
                actix::spawn(keep);
                self.recording = Some(handle);
            }
            (None, Some(recording)) => {
                recording.abort();
                self.recording = None;
            }
            _ => {}
        }
    }
}

/// Reads the file in a thread of its own, for which a stop does not wait: the disk may hang.
fn load(file: PathBuf) -> Result<oneshot::Receiver<Result<Settings, ConfigError>>, Vec<FieldError>> {
    let (tell, told) = oneshot::channel();
    let read = move || tell.send(Settings::load(&file)).ok();
    let thread = std::thread::Builder::new().name("reload".to_owned()).spawn(read);
    thread.map(|_| told).map_err(|error| vec![FieldError::new("file", format!("was not read: {error}"))])
}

/// The state of each monitor: one that is the same as before publishes where it did.
fn lives(before: &[Watch], now: &[Watch], known: &[Arc<Live>]) -> Vec<Arc<Live>> {
    let live = |watch: &Watch| {
        let same = before.iter().zip(known).find(|(former, _)| *former == watch);
        same.map_or_else(|| Live::new(watch), |(_, live)| Arc::clone(live))
    };
    now.iter().map(live).collect()
}

/// What is wrong with the file.
fn problems(error: &ConfigError) -> Vec<FieldError> {
    match error.problems() {
        [] => vec![FieldError::new("file", error.to_string())],
        problems => {
            let shown = |one: &crate::config::Problem| {
                FieldError::new(one.key.clone(), format!("{} (line {})", one.problem, one.line))
            };
            problems.iter().map(shown).collect()
        }
    }
}
