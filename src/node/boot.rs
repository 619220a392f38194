//! The phases of a start, as types.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{
    dev::channel::{AddressReceiver, channel},
    prelude::*,
};
use actix_web::{
    dev::{Server, ServerHandle},
    web,
};
use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::{
    NodeError,
    certificates::Certificates,
    descriptors, hooks,
    listeners::{Served, control_server, public_events},
    made::{facts, farm_id, gate, limits, merge_plan, open_store, slots, trust, visitors},
    parts::{Bound, GRACE, bind, definitions, ended, resources},
    status,
};
use crate::{
    actors::{
        Desk,
        application_cache::{ApplicationCache, LoadWords},
        courier::Couriers,
        desk::Choice,
        live::Live,
        messages::{BeReady, Begin, Close, Connect, Request},
        monitor::{self, Monitors},
        queue::{EmbeddedQueue, Queue as _},
        repeater::{MAILBOX, Repeater, now},
        shared::Shared,
        told::Book,
        transport::Transport,
    },
    availability::verdict::View,
    clock,
    config::{GateSettings, Settings},
    control::events,
    gate::{
        entrance::{Entrance, Kind},
        listener::{self, Entry},
        reading::reading,
        status::{self as gate_status, StatusPage},
        waiting::Waiting,
    },
    peer::{
        broker::{BrokerTransport, Line, follow},
        client::PeerClient,
        endpoints::Door,
        guard::{Guard, MAX_MESSAGE},
        signature::{Identity, Key, Receiver},
        wire::HttpTransport,
    },
    store::{
        Store,
        crash::{Place, crash_point},
    },
    sync::{Facts, Node, Phase, Reply},
    tls::Acceptor,
    vocabulary::Listen,
};

/// What lives as long as the node does.
struct Core {
    settings: Settings,
    store: Store,
    shared: Arc<Shared>,
    desk: Desk,
    repeater: Addr<Repeater>,
    couriers: Addr<Couriers>,
    caches: Vec<Addr<ApplicationCache>>,
    streams: web::Data<events::Streams>,
    gate: Vec<Bound>,
    /// The listener that sends browsers to `https`.
    redirect: Option<Bound>,
    certificates: Certificates,
    gate_streams: web::Data<events::Streams>,
    /// The most connections of the gate.
    users: usize,
    server: ServerHandle,
    facts: Facts,
    /// The threads of the actors end with the node.
    arbiters: Vec<Arbiter>,
}

/// The store is open; the control listener answers. What is sent to the repeater waits in its mailbox until
/// the node is restored.
pub(super) struct Opened(Core, AddressReceiver<Repeater>);
/// The caches know what the ledger knew.
pub(super) struct Restored(Core);
/// What was pending is applied.
pub(super) struct Replayed(Core);
/// What peers knew is applied.
pub(super) struct Merged(Core);

/// The gate listens.
pub(super) struct Ready {
    /// Ends when the gate does.
    pub(super) gate: Server,
    /// Serves the clients whom it leaves waiting.
    waiting: Waiting,
    /// Where it listens.
    addresses: Vec<Listen>,
    gate_streams: web::Data<events::Streams>,
    monitors: Monitors,
    _arbiters: Vec<Arbiter>,
}

/// The way to end a node in order.
pub(super) struct Control {
    server: ServerHandle,
    repeater: Addr<Repeater>,
    shared: Arc<Shared>,
    streams: web::Data<events::Streams>,
}

/// Opens the store and starts the control listener.
pub(super) async fn open(settings: Settings) -> Result<Opened, NodeError> {
    for note in settings.notes() {
        log::warn!(note; "configuration");
    }
    let shares = descriptors::raise(settings.gate.max_connections);
    let control = bind("control.listen", &Listen::Tcp(settings.control.listen))?;
    let gate = settings.gate.listen.iter().map(|listen| bind("gate.listen", listen)).collect::<Result<Vec<_>, _>>()?;
    let redirect = settings.gate.redirect.as_ref().map(|listen| bind("gate.redirect", listen)).transpose()?;
    let certificates = Certificates::new(&settings)?;
    let (data, reserve) = (settings.node.data.clone(), settings.node.reserve);
    let (store, identity) =
        tokio::task::spawn_blocking(move || open_store(&data, reserve)).await.map_err(ended("opening the store"))??;
    let control_address = match control.at() {
        Listen::Tcp(address) => *address,
        Listen::Unix(_) => settings.control.listen,
    };
    let facts = facts(&settings, identity, &settings.control.advertised(control_address).to_string());
    let definitions = definitions(&settings);
    let node = settings.node.name.clone();
    let slots = slots(&settings, &node, facts.rules, &definitions);
    let live = settings.monitors.iter().map(Live::new).collect();
    let shared = Shared::new(node.clone(), facts.rules, slots)
        .with_visitors(visitors(&settings))
        .with_texts(settings.gate.texts.clone())
        .watching(live);
    let (folder, told) = (settings.node.data.clone(), settings.hooks.clone());
    let book = tokio::task::spawn_blocking(move || Book::open(&folder, &told, clock::now()));
    let shared = Arc::new(shared.telling(Arc::new(book.await.map_err(ended("reading what the hooks were told"))??)));
    log::info!(
        node:%, id:% = identity.node, boot = identity.boot, control:% = control_address,
        data:% = settings.node.data.display();
        "open"
    );

    // One thread for the repeater and the caches, between which most messages go, and one for what
    // talks to peers: long messages are read and written there.
    let arbiters: Vec<Arbiter> = (0..2).map(|_| Arbiter::new()).collect();
    let caches: Vec<Addr<ApplicationCache>> = (0..shared.slots.len())
        .map(|index| {
            let shared = Arc::clone(&shared);
            ApplicationCache::start_in_arbiter(&arbiters[0].handle(), move |_| ApplicationCache::new(shared, index))
        })
        .collect();
    // The repeater's mailbox is open from now on; what comes in waits until the node is restored.
    let (repeater, mailbox) = channel::<Repeater>(MAILBOX);
    let repeater = Addr::new(repeater);
    let key = Key::new(settings.farm.secret.as_ref().map_or("", |secret| secret.expose_secret()));
    let who = Identity { node: identity.node, boot: identity.boot, boot_nonce: identity.nonce };
    // The broker's session runs beside the couriers and needs the desk, which needs the couriers.
    let (ready, desk_is_there) = oneshot::channel::<Desk>();
    let couriers = {
        let (repeater, client) = (repeater.clone(), PeerClient::new(key.clone(), who, trust(&settings), MAX_MESSAGE));
        let line = settings.farm.broker.clone().map(|broker| (broker, identity.node, key.clone()));
        Couriers::start_in_arbiter(&arbiters[1].handle(), move |_| {
            let http = HttpTransport::new(client);
            let transport: Rc<dyn Transport> = match line {
                None => Rc::new(http),
                Some((broker, me, key)) => {
                    let line = Rc::new(Line::new(broker, me, key));
                    let session = Rc::clone(&line);
                    // Ends with the thread.
                    actix::spawn(async move {
                        if let Ok(desk) = desk_is_there.await {
                            follow(session, desk).await;
                        }
                    });
                    Rc::new(BrokerTransport::new(http, line))
                }
            };
            Couriers::new(transport, repeater.recipient())
        })
    };
    let resources = resources(&settings);
    let choice = Choice { notifier: settings.notifier.clone(), own: facts.address.clone() };
    let desk = Desk::new(repeater.clone(), store.clone(), Arc::clone(&shared), resources, couriers.clone(), choice);
    // Without a broker nobody waits for it.
    ready.send(desk.clone()).ok();
    let streams = web::Data::new(events::Streams::default());
    let me = Receiver { node: identity.node, address: facts.address.clone() };
    let door = Door { guard: Guard::new(key, me), desk: desk.clone(), shared: Arc::clone(&shared) };
    let served = Served { desk: desk.clone(), streams: streams.clone(), door: web::Data::new(door) };
    let server = control_server(&settings, &facts, control, served, &certificates, shares.control)?;
    let handle = server.handle();
    actix::spawn(async move {
        if let Err(error) = server.await {
            log::error!(error:%; "control_failed");
        }
    });
    let core = Core {
        settings,
        store,
        shared,
        desk,
        repeater,
        couriers,
        caches,
        streams,
        gate,
        redirect,
        certificates,
        gate_streams: web::Data::new(events::Streams::default()),
        users: shares.users,
        server: handle,
        facts,
        arbiters,
    };
    Ok(Opened(core, mailbox))
}

impl Core {
    /// Asks the node to do something and waits for its answer; there is none where the store cannot write.
    async fn wait(&self, request: Request) -> Result<Option<Reply>, NodeError> {
        let (begin, answer) = Begin::new(request);
        self.repeater.send(begin).await.map_err(ended("the repeater"))?;
        Ok(answer.await.ok())
    }
}

impl Opened {
    /// The way to end it in order.
    pub(super) fn control(&self) -> Control {
        let core = &self.0;
        Control {
            server: core.server.clone(),
            repeater: core.repeater.clone(),
            shared: Arc::clone(&core.shared),
            streams: core.streams.clone(),
        }
    }

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
        let views: Vec<View> = core.shared.slots.iter().map(|slot| View::of(ledger, &slot.app.definition)).collect();
        let (queue, shared, caches) =
            (EmbeddedQueue::new(core.store.clone()), Arc::clone(&core.shared), core.caches.clone());
        // On the thread of the caches. It applies nothing before the replay.
        let is_started = core.arbiters[0].spawn_fn(move || {
            Context::with_receiver(mailbox).run(Repeater::new(node, Box::new(queue), shared, caches));
        });
        if !is_started {
            return Err(NodeError::Ended("the repeater"));
        }
        let loads = views.into_iter().zip(&core.caches).map(|(view, cache)| cache.send(LoadWords(view)));
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
    pub(super) async fn ready(self) -> Result<Ready, NodeError> {
        let core = self.0;
        let gate = gate(&core.settings, &core.shared)?;
        let (streams, changes) = (core.gate_streams.clone(), web::Data::new(core.shared.events.clone()));
        let farm = farm_id(&core.settings, core.facts.me);
        let public_farm = web::Data::new(farm.clone());
        let addresses: Vec<Listen> = core.gate.iter().chain(&core.redirect).map(|bound| bound.at().clone()).collect();
        let rules = core.shared.rules();
        let page = core.settings.status_page.clone().map(|settings| {
            let page = Arc::new(StatusPage { settings, record: ArcSwap::default() });
            // Ends with the node's runtime.
            actix::spawn(status::keep(Arc::clone(&page), core.store.clone(), Arc::clone(&core.shared), rules));
            page
        });
        // Ends with the node's runtime.
        actix::spawn(core.certificates.clone().watch());
        let entries = entries(core.gate, core.redirect, core.certificates.gate.as_ref(), &core.settings.gate)?;
        let (server, waiting) =
            listener::serve(entries, gate, limits(&core.settings), GRACE, core.users, move |more| {
                let (streams, changes) = (streams.clone(), changes.clone());
                if let Some(page) = &page {
                    gate_status::configure(more, Arc::clone(page));
                }
                more.app_data(public_farm.clone());
                more.app_data(streams).app_data(changes).service(reading("/events", public_events));
            })?;
        crash_point(Place::BootListening);
        core.shared.set_phase(Phase::Ready);
        crash_point(Place::BootReady);
        core.repeater.send(BeReady).await.map_err(ended("the repeater"))?;
        log::info!(node:% = core.shared.node, gate = shown(&addresses), phase = core.shared.phase().name(); "listening");
        hooks::start(hooks::Setup {
            hooks: core.settings.hooks,
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
        let (watches, data) = (core.settings.monitors, core.settings.node.data);
        let monitors = monitor::start(watches, core.desk, data, farm, &arbiter.handle()).await;
        arbiters.push(arbiter);
        Ok(Ready { gate: server, waiting, addresses, gate_streams: core.gate_streams, monitors, _arbiters: arbiters })
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
fn shown(addresses: &[Listen]) -> String {
    addresses.iter().map(Listen::to_string).collect::<Vec<_>>().join(",")
}

impl Control {
    /// Stops accepting, finishes requests, flushes.
    pub(super) async fn stop(self, ready: Option<Ready>) {
        self.shared.set_phase(Phase::Stopping);
        if let Some(ready) = ready {
            ready.gate_streams.end();
            ready.monitors.stop().await;
            let gate = ready.gate.handle();
            // The server must be polled for its stop to be carried out.
            futures_util::future::join3(gate.stop(true), ready.gate, ready.waiting.serve()).await.1.ok();
            for listen in &ready.addresses {
                if let Listen::Unix(path) = listen
                    && let Err(error) = std::fs::remove_file(path)
                {
                    log::warn!(path:? = path, error:%; "socket_not_removed");
                }
            }
        }
        self.streams.end();
        self.server.stop(true).await;
        let close = tokio::time::timeout(Duration::from_secs(8), self.repeater.send(Close)).await;
        if close.is_err() {
            log::error!(note = "what has been acknowledged is durable"; "close_timed_out");
        }
        log::info!("stopped");
    }
}
