//! The first phase of a start: the store is opened, the actors that the node consists of are made, and the control
//! listener answers.
//!
//! Must stay true: whatever can be refused is refused here, before anything is changed; what is sent to the repeater
//! waits in its mailbox until the node is restored.

use std::{rc::Rc, sync::Arc};

use actix::{
    dev::channel::{AddressReceiver, channel},
    prelude::*,
};
use actix_web::{dev::ServerHandle, web};
use tokio::sync::oneshot;

use super::{
    NodeError,
    certificates::Certificates,
    descriptors,
    inherited::Inherited,
    listeners::{Doors, Served, control_server},
    made::{facts, key, open_store, slots, trust, visitors},
    parts::{Bound, bind, definitions, ended, resources},
    reload,
};
use crate::{
    actors::{
        Desk,
        application_cache::Cached,
        courier::Couriers,
        desk::Choice,
        live::Live,
        messages::{Begin, Request},
        repeater::{MAILBOX, Repeater},
        shared::{Defined, Shared},
        told::Book,
        transport::Transport,
    },
    clock,
    config::Settings,
    control::events,
    peer::{
        broker::{BrokerTransport, Line, follow},
        client::PeerClient,
        endpoints::Door,
        guard::{Guard, MAX_MESSAGE},
        signature::{Identity, Receiver},
        wire::HttpTransport,
    },
    store::Store,
    sync::{Facts, Reply},
    vocabulary::Listen,
};
/// What lives as long as the node does.
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) store: Store,
    pub(super) shared: Arc<Shared>,
    pub(super) desk: Desk,
    pub(super) repeater: Addr<Repeater>,
    pub(super) couriers: Addr<Couriers>,
    pub(super) caches: Vec<Cached>,
    pub(super) doors: Doors,
    pub(super) streams: web::Data<events::Streams>,
    pub(super) gate: Vec<Bound>,
    /// The listener that sends browsers to `https`.
    pub(super) redirect: Option<Bound>,
    pub(super) certificates: Certificates,
    pub(super) gate_streams: web::Data<events::Streams>,
    /// The most connections of the gate.
    pub(super) users: usize,
    pub(super) server: ServerHandle,
    pub(super) facts: Facts,
    /// The threads of the actors end with the node.
    pub(super) arbiters: Vec<Arbiter>,
}

/// The store is open; the control listener answers. What is sent to the repeater waits in its mailbox until
/// the node is restored.
pub(super) struct Opened(pub(super) Core, pub(super) AddressReceiver<Repeater>);
/// Opens the store and starts the control listener.
pub(super) async fn open(settings: Settings, inherited: Inherited, reload: reload::Door) -> Result<Opened, NodeError> {
    for note in settings.notes() {
        log::warn!(note; "configuration");
    }
    let shares = descriptors::raise(settings.gate.max_connections);
    let Inherited { mut gate, redirect, control } = inherited;
    let control = control.map_or_else(|| bind("control.listen", &Listen::Tcp(settings.control.listen)), Ok)?;
    if gate.is_empty() {
        let bound = settings.gate.listen.iter().map(|listen| bind("gate.listen", listen));
        gate = bound.collect::<Result<Vec<_>, _>>()?;
    }
    let redirect = match (redirect, &settings.gate.redirect) {
        (None, Some(listen)) => Some(bind("gate.redirect", listen)?),
        (redirect, _) => redirect,
    };
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
    let slots = slots(&settings, &node, facts.rules, &definitions, &[]);
    let shared = Shared::new(node.clone(), facts.rules, Vec::new())
        .with_visitors(visitors(&settings))
        .with_texts(settings.gate.texts.clone());
    let (folder, told) = (settings.node.data.clone(), settings.hooks.clone());
    let book = tokio::task::spawn_blocking(move || Book::open(&folder, &told, clock::now()));
    let shared = Arc::new(shared.telling(Arc::new(book.await.map_err(ended("reading what the hooks were told"))??)));
    let monitors = settings.monitors.iter().map(Live::new).collect();
    shared.define(Defined { slots: Arc::clone(&slots), resources: resources(&settings), monitors });
    log::info!(
        node:%, id:% = identity.node, boot = identity.boot, control:% = control_address,
        data:% = settings.node.data.display();
        "open"
    );

    // One thread for the repeater and the caches, between which most messages go, and one for what
    // talks to peers: long messages are read and written there.
    let arbiters: Vec<Arbiter> = (0..2).map(|_| Arbiter::new()).collect();
    let caches: Vec<Cached> =
        slots.iter().map(|slot| Cached::start(&shared, Arc::clone(slot), &arbiters[0].handle())).collect();
    // The repeater's mailbox is open from now on; what comes in waits until the node is restored.
    let (repeater, mailbox) = channel::<Repeater>(MAILBOX);
    let repeater = Addr::new(repeater);
    let key = key(&settings);
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
    let choice = Choice { notifier: settings.notifier.clone(), own: facts.address.clone() };
    let desk = Desk::new(repeater.clone(), store.clone(), Arc::clone(&shared), couriers.clone(), choice);
    // Without a broker it has no reader.
    ready.send(desk.clone()).ok();
    let streams = web::Data::new(events::Streams::default());
    let me = Receiver { node: identity.node, address: facts.address.clone() };
    let door = Door { guard: Guard::new(key, me), desk: desk.clone(), shared: Arc::clone(&shared) };
    let doors = Doors::new(&settings, &facts, &desk, reload);
    let served = Served { desk: desk.clone(), streams: streams.clone(), door: web::Data::new(door) };
    let server = control_server(&settings, control, served, &certificates, doors.clone(), shares.control)?;
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
        doors,
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
    pub(super) async fn wait(&self, request: Request) -> Result<Option<Reply>, NodeError> {
        let (begin, answer) = Begin::new(request);
        self.repeater.send(begin).await.map_err(ended("the repeater"))?;
        Ok(answer.await.ok())
    }
}
