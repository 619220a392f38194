//! The later phases of a start, as types: restore, replay, merge, ready.

use std::sync::Arc;

use actix::prelude::*;
use actix_web::{dev::Server, web};
use arc_swap::ArcSwap;

use super::{
    Front, NodeError,
    hooks::{self, Hooks},
    listeners::public_events,
    made::{farm_id, gate, merge_plan},
    open::{Core, Opened},
    parts::{Bound, GRACE, ended},
    recall::recall,
    reload::{Parts, Running},
};
use crate::{
    actors::{
        application_cache::LoadWords,
        messages::{BeReady, Connect, Request},
        monitor::Monitors,
        queue::{EmbeddedQueue, Queue as _},
        repeater::{Repeater, now},
    },
    availability::verdict::View,
    clock,
    config::GateSettings,
    control::events,
    gate::{
        entrance::{Entrance, Kind},
        inside::{self, Door},
        listener::{self, Entry},
        reading::reading,
        service::Present,
        waiting::Waiting,
    },
    store::crash::{Place, crash_point},
    sync::{Node, Phase, Reply},
    tls::Acceptor,
    vocabulary::Listen,
};
/// The caches know what the ledger knew.
pub(super) struct Restored(Core);
/// What was pending is applied.
pub(super) struct Replayed(Core);
/// What peers knew is applied.
pub(super) struct Merged(Core);

/// The gate listens.
pub(super) struct Ready {
    /// None: users come in through the program that the node is inside of.
    pub(super) listening: Option<Listens>,
    pub(super) gate_streams: web::Data<events::Streams>,
    /// What changes when the configuration is read again.
    pub(super) running: Running,
    _arbiters: Vec<Arbiter>,
}

/// The gate at its listeners.
pub(super) struct Listens {
    /// Ends when the gate does.
    pub(super) gate: Server,
    /// Serves the clients whom it leaves waiting.
    pub(super) waiting: Waiting,
    /// Where it listens, and whether the node has opened that itself.
    pub(super) addresses: Vec<(Listen, bool)>,
}

impl Ready {
    /// Returns when the gate has ended, which it does not do by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<()> {
        match &mut self.listening {
            Some(listening) => (&mut listening.gate).await,
            None => std::future::pending().await,
        }
    }
}

impl Opened {
    /// The ledger into the caches.
    pub(super) async fn restore(self) -> Result<Restored, NodeError> {
        let Self(core, mailbox) = self;
        core.shared.set_phase(Phase::Restore);
        let (queue, rules) = (EmbeddedQueue::new(core.store.clone()), core.facts.rules);
        let mut restored =
            tokio::task::spawn_blocking(move || queue.restore(rules)).await.map_err(ended("restoring"))??;
        restored.conflict = restored.conflict.filter(|conflict| conflict.kind.is_lasting());
        let (entries, pending) = (restored.ledger.len(), restored.pending.len());
        crash_point(Place::BootRestore);
        let plan = merge_plan(&core.settings, core.store.is_missing_records());
        let node = Node::restore(core.facts.clone(), plan, restored, clock::random(), now());
        let ledger = node.replica().ledger();
        core.shared.advance(ledger.limit());
        let views: Vec<View> = core.caches.iter().map(|one| View::of(ledger, &one.slot.app.definition)).collect();
        let known: Vec<_> = core.caches.iter().map(|one| Arc::clone(&one.slot)).collect();
        let (store, shared, words, rules) =
            (core.store.clone(), Arc::clone(&core.shared), views.clone(), core.facts.rules);
        let recalled = tokio::task::spawn_blocking(move || {
            recall(&store, (&known, &words), (&shared.node, rules), shared.clock())
        });
        if let Err(error) = recalled.await.map_err(ended("reading the history"))? {
            log::warn!(error:%, note = "pages lack what was said before the start"; "history_not_recalled");
        }
        let (queue, shared, caches) =
            (EmbeddedQueue::new(core.store.clone()), Arc::clone(&core.shared), core.caches.clone());
        // On the thread of the caches. It applies nothing before the replay.
        let is_started = core.arbiters[0].spawn_fn(move || {
            Context::with_receiver(mailbox).run(Repeater::new(node, Box::new(queue), shared, caches));
        });
        if !is_started {
            return Err(NodeError::Ended("the repeater"));
        }
        let loads = views.into_iter().zip(&core.caches).map(|(view, one)| one.cache.send(LoadWords(view)));
        for loaded in futures_util::future::join_all(loads).await {
            loaded.map_err(ended("an application cache"))?;
        }
        crash_point(Place::BootRestored);
        log::info!(ledger = entries, pending; "restored");
        Ok(Restored(core))
    }
}

impl Restored {
    /// What was pending through the repeater.
    pub(super) async fn replay(self) -> Result<Replayed, NodeError> {
        let core = self.0;
        core.shared.set_phase(Phase::Replay);
        // A store that cannot write settles nothing; the node goes on with what it has restored.
        if core.wait(Request::Replay).await?.is_none() {
            log::error!(note = "the store cannot write; the node answers from what it knows"; "replay_not_durable");
        }
        core.repeater.send(Connect(core.couriers.clone().recipient())).await.map_err(ended("the repeater"))?;
        crash_point(Place::BootReplayed);
        Ok(Replayed(core))
    }
}

impl Replayed {
    /// What peers know.
    pub(super) async fn merge(self) -> Result<Merged, NodeError> {
        let core = self.0;
        core.shared.set_phase(Phase::Merge);
        let peers = core.settings.farm.peers.len();
        let references = match core.wait(Request::MergeAtStart).await? {
            Some(Reply::Asked(references)) => references,
            _ => 0,
        };
        crash_point(Place::BootAsked);
        // Everything that was received is applied before the node is ready.
        core.wait(Request::Settle).await?;
        if core.store.is_missing_records() && (references > 0 || peers == 0) {
            core.store.made_good()?;
            log::warn!(references, note = "what no node that answered knew is gone for good"; "store_made_good");
        }
        crash_point(Place::BootMerged);
        Ok(Merged(core))
    }
}

impl Merged {
    /// Lets users in.
    pub(super) async fn ready(self, front: Front) -> Result<Ready, NodeError> {
        let core = self.0;
        let gate = gate(&core.settings, &core.shared, core.shared.slots(), None).map_err(NodeError::Settings)?;
        let gate: Present = web::Data::new(ArcSwap::from_pointee(gate));
        let (streams, changes) = (core.gate_streams.clone(), web::Data::new(core.shared.events.clone()));
        let farm = farm_id(&core.settings, core.facts.me);
        let public_farm = web::Data::new(farm.clone());
        let addresses: Vec<_> =
            core.gate.iter().chain(&core.redirect).map(|bound| (bound.at().clone(), bound.is_own())).collect();
        // Ends with the node's runtime.
        actix::spawn(core.certificates.clone().watch());
        let (own, users) = (gate.clone(), core.users);
        let more = move |more: &mut web::ServiceConfig| {
            let (streams, changes) = (streams.clone(), changes.clone());
            more.app_data(public_farm.clone());
            more.app_data(streams).app_data(changes).service(reading("/events", public_events));
        };
        let (listening, door) = match front {
            Front::Listens => {
                let acceptor = core.certificates.gate.as_ref();
                let entries = entries(core.gate, core.redirect, acceptor, &core.settings.gate)?;
                let (gate, waiting) = listener::serve(entries, own, GRACE, users, more)?;
                (Some(Listens { gate, waiting, addresses: addresses.clone() }), None)
            }
            Front::Inside(handed) => {
                let (door, asks) = Door::new(own.clone());
                // Ends with the node's runtime.
                actix::spawn(inside::serve(own, asks, more));
                (None, Some((handed, door)))
            }
        };
        crash_point(Place::BootListening);
        core.shared.set_phase(Phase::Ready);
        crash_point(Place::BootReady);
        core.repeater.send(BeReady).await.map_err(ended("the repeater"))?;
        log::info!(node:% = core.shared.node, gate = shown(&addresses), phase = core.shared.phase().name(); "listening");
        let hooks = Hooks::new(hooks::Setup {
            book: Arc::clone(&core.shared.book),
            store: core.store.clone(),
            shared: Arc::clone(&core.shared),
            repeater: core.repeater.clone(),
            couriers: core.couriers.clone(),
            me: core.facts.me,
        });
        let mut arbiters = core.arbiters;
        // A thread of its own: a thousand checks delay no notification.
        let arbiter = Arbiter::new();
        let data = core.settings.node.data.clone();
        let monitors = Monitors::new(core.desk, data, farm, arbiter.handle());
        let parts = Parts {
            store: core.store,
            shared: core.shared,
            repeater: core.repeater,
            caches: core.caches,
            thread: arbiters[0].handle(),
            gate,
            doors: core.doors,
            certificates: core.certificates,
            hooks,
            monitors,
        };
        arbiters.push(arbiter);
        let running = Running::start(core.settings, parts).await;
        if let Some((handed, door)) = door {
            // The program may have given up; then it stops the node.
            handed.send(door).ok();
        }
        Ok(Ready { listening, gate_streams: core.gate_streams, running, _arbiters: arbiters })
    }
}

/// The gate's listeners, and how clients come in there: a local socket has no need of TLS.
fn entries(
    gate: Vec<Bound>,
    redirect: Option<Bound>,
    acceptor: Option<&Arc<Acceptor>>,
    settings: &GateSettings,
) -> Result<Vec<Entry>, NodeError> {
    let ports = gate.iter().filter_map(|bound| if let Listen::Tcp(at) = bound.at() { Some(at.port()) } else { None });
    let to = Kind::Redirect(ports.into_iter().next().unwrap_or(443));
    let gate = gate.into_iter().map(|bound| {
        let kind = match (acceptor, bound.at()) {
            (Some(acceptor), Listen::Tcp(_)) => Kind::Tls(Arc::clone(acceptor)),
            _ => Kind::Plain,
        };
        (bound, kind)
    });
    let all = gate.chain(redirect.map(|bound| (bound, to)));
    let GateSettings { proxy_protocol, h2c, .. } = *settings;
    all.map(|(bound, kind)| Ok(Entry { socket: bound.listen()?, entrance: Entrance { kind, proxy_protocol, h2c } }))
        .collect()
}

/// Addresses in a line of the log.
fn shown(addresses: &[(Listen, bool)]) -> String {
    addresses.iter().map(|(listen, _)| listen.to_string()).collect::<Vec<_>>().join(",")
}
