//! The inputs of a node's parts: the store with its identity, the replica's settings, the slots of the
//! applications, the settings of merges, the routes and upstreams of the gate.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    NodeError,
    parts::{critical, definitions, digests},
};
use crate::{
    actors::shared::{Shared, Slot, Slots},
    answer::{App, Snapshot, form::NotKept},
    availability::{
        Ledger, Name, NodeId, Reasons, Rules,
        verdict::{Definition, View},
    },
    clock,
    config::{self, Settings},
    gate::{
        access::AccessLog,
        forwarded::TrustedProxies,
        limits::Limits,
        per_client::PerClient,
        rate::RateLimit,
        route::{Route, Routes},
        served::Served,
        service::Gate,
        status_page::StatusPage,
        upstream::{Upstream, Upstreams},
    },
    peer::{connector::Trust, signature::Key},
    store::{
        Options, Store,
        crash::{Place, crash_point},
        records,
    },
    sync::{Change, Defines, Facts, MAX_ROWS, Plan, merge::SMALL},
    tls::client::client,
    vocabulary::{Fanout, FarmId, Secret, Visitors},
};

/// How far the boot number of a store that has lost records goes ahead: its last ones may be among them, and
/// peers would take it for a copy.
const FAR_AHEAD: u64 = 1 << 20;

/// Opens the store and gives this run its number.
pub(super) fn open_store(data: &std::path::Path, reserve: u64) -> Result<(Store, records::Identity), NodeError> {
    let store = Store::open(data, Options { reserve, ..Options::default() })?;
    crash_point(Place::BootOpen);
    let before = records::identity(&store)?;
    // A copy that has been found out must not overtake the node whose id it has by being started
    // more often: its number stays until its store is renewed.
    let found_out = records::conflict(&store)?.is_some_and(|conflict| conflict.kind.is_lasting());
    let missing = store.is_missing_records();
    let identity = records::Identity {
        node: before.map_or_else(clock::new_node_id, |before| before.node),
        boot: before.map_or(0, |before| before.boot) + u64::from(!found_out) + if missing { FAR_AHEAD } else { 0 },
        nonce: clock::random(),
    };
    let mut writes = vec![records::put_identity(&identity)];
    if missing {
        // Rows for peers may be among what was lost: each of them gets a merge.
        for member in records::members(&store)?.iter().filter(|member| !member.forgotten && member.id != identity.node)
        {
            records::encode(&Change::MergeOnReturn(member.id, true), &mut writes);
        }
    }
    // Durable before anybody is told (docs/contract.md#announcement). A full disk keeps no node from
    // answering: it goes on under the number and nonce of its last run, for a new number that is not
    // kept would come again with another nonce, and look like a copy.
    let identity = match (store.write_sync(writes), before) {
        (Ok(()), _) => identity,
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(before)) => {
            log::error!(error:%, note = "submissions are refused until the store can write"; "boot_number_not_written");
            before
        }
    };
    crash_point(Place::BootIdentity);
    Ok((store, identity))
}

/// What sets this farm apart: it follows from its secret. A node without a secret is a farm of its own.
pub(super) fn farm_id(settings: &Settings, node: NodeId) -> FarmId {
    let id = |secret: &Secret| Key::new(secret.expose_secret()).farm_id();
    let farm = &settings.farm;
    FarmId {
        id: farm.secret.as_ref().map_or_else(|| Key::new(&node.to_string()).farm_id(), id),
        previous: farm.previous_secret.as_ref().map(id),
    }
}

/// What signs and checks messages between nodes.
pub(super) fn key(settings: &Settings) -> Key {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let key = Key::new(&text(&settings.farm.secret).unwrap_or_default());
    text(&settings.farm.previous_secret).map_or(key.clone(), |previous| key.with_previous(&previous))
}

/// What the replica is to know of this node.
pub(super) fn facts(settings: &Settings, identity: records::Identity, address: &str) -> Facts {
    let Defines { reasons, critical, definitions, together } = defines(settings);
    Facts {
        me: identity.node,
        name: settings.node.name.clone(),
        address: address.to_owned(),
        boot: identity.boot,
        boot_nonce: identity.nonce,
        rules: Rules { max_clock_skew: settings.farm.max_clock_skew, lapse: settings.farm.lapse },
        reasons,
        // What a broker carries needs no relays.
        fanout: if settings.farm.broker.is_some() { Fanout::All } else { settings.farm.fanout },
        critical,
        definitions,
        together,
        peers: settings.farm.peers.iter().map(ToString::to_string).collect(),
        max_rows: MAX_ROWS,
    }
}

/// One slot per configured application. Of those before it, the ones that say the same go on as they are; another
/// one knows nothing yet, but goes on counting.
pub(super) fn slots(
    settings: &Settings,
    node: &Name,
    rules: Rules,
    definitions: &[Definition],
    before: &[Arc<Slot>],
) -> Slots {
    let empty = Ledger::new(rules);
    let slot = |(application, definition): (&config::Application, &Definition)| {
        let former = before.iter().find(|slot| *slot.app.name() == application.name);
        let is_same = |slot: &&Arc<Slot>| {
            let app = &slot.app;
            app.definition == *definition && app.title == application.title && slot.critical == application.critical
        };
        if let Some(same) = former.filter(is_same) {
            return Arc::clone(same);
        }
        let app = Arc::new(App { title: application.title.clone(), definition: definition.clone() });
        let view = View::of(&empty, definition);
        let snapshot = Snapshot::build(Arc::clone(&app), node.clone(), view, clock::now());
        Arc::new(Slot {
            app,
            critical: application.critical,
            snapshot: ArcSwap::from_pointee(snapshot),
            traffic: former.map(|former| Arc::clone(&former.traffic)).unwrap_or_default(),
            upstreams: former.map(|former| Arc::clone(&former.upstreams)).unwrap_or_default(),
        })
    };
    settings.applications.iter().zip(definitions).map(slot).collect()
}

/// How this node merges; with all references when records of its store were lost.
pub(super) fn merge_plan(settings: &Settings, missing: bool) -> Plan {
    let merge = &settings.farm.merge;
    Plan {
        references: match merge.references {
            config::References::Count(count) if !missing => Some(count.get()),
            config::References::All | config::References::Count(_) => None,
        },
        random: matches!(merge.order, config::MergeOrder::Random),
        series: matches!(merge.mode, config::MergeMode::Series),
        timeout: merge.timeout,
        every: merge.every,
        small: SMALL,
    }
}

/// How long and how much the gate waits and keeps.
fn limits(settings: &Settings) -> Limits {
    let timeouts = settings.gate.timeouts;
    Limits {
        header: timeouts.header,
        body: timeouts.body,
        idle: timeouts.idle,
        connect: timeouts.connect,
        upstream: timeouts.upstream,
        max_body: settings.gate.max_body,
        ..Limits::default()
    }
}

/// What the node tells its peers, and checks submissions against.
pub(super) fn defines(settings: &Settings) -> Defines {
    let definitions = definitions(settings);
    Defines {
        reasons: Reasons::with(settings.reasons.iter().cloned()),
        critical: critical(settings, &definitions),
        definitions: digests(settings, &definitions),
        together: definitions.iter().map(Definition::targets).collect(),
    }
}

/// What the gate is to know. What it has counted before, under the settings before, is kept: failures of upstreams
/// that are still the same, and what clients hold.
///
/// # Errors
/// Routes that contradict each other; an access log that cannot be opened.
pub(super) fn gate(
    settings: &Settings,
    shared: &Arc<Shared>,
    slots: Slots,
    before: Option<(&Settings, &Gate)>,
) -> Result<Gate, String> {
    let routes = settings.applications.iter().enumerate().flat_map(|(index, application)| {
        application.routes.iter().map(move |route| Route {
            host: route.host().map(str::to_owned),
            prefix: route.path().to_owned(),
            application: index,
        })
    });
    let served = settings.applications.iter().zip(slots.iter()).map(|(application, slot)| {
        let upstreams = match same_upstreams(application, before) {
            Some(same) => same,
            None => {
                let flags = application.upstream.iter().map(|url| slot.upstreams.flag(&url.to_string()));
                Arc::new(Upstreams::new(upstreams(application)?, application.balance).watched(flags))
            }
        };
        Ok(Served {
            upstreams,
            strip_prefix: application.strip_prefix,
            proxy_protocol: application.proxy_protocol,
            request_headers: application.request_headers.clone(),
            answer_headers: application.answer_headers.clone(),
            keeps_host: application.keeps_host,
            max_body: application.max_body,
            rate_limit: rate_limit(application, before),
            exempt: application.exempt.clone(),
            inject: application.inject || settings.gate.inject,
            home: application.routes.first().map(|route| (route.host().map(str::to_owned), route.path().to_owned())),
        })
    });
    let per_client = |most: u32, held: fn(&Gate) -> &PerClient| {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        before.map_or_else(|| PerClient::new(most), |(_, gate)| held(gate).at_most(most))
    };
    let served = served.collect::<Result<_, String>>()?;
    let page = settings.status_page.clone().map(|settings| {
        let record = before.and_then(|(_, gate)| gate.page.as_ref()).map(|page| Arc::clone(&page.record));
        Arc::new(StatusPage { settings, record: record.unwrap_or_default() })
    });
    let access = settings.gate.access_log.as_ref().map(|to| {
        let problem = |error: std::io::Error| {
            let name = to.file.as_ref().map_or("-".into(), |file| file.to_string_lossy());
            format!("gate.access_log = \"{name}\": {error}")
        };
        AccessLog::open(to).map_err(problem)
    });
    let access = access.transpose()?;
    Ok(Gate {
        shared: Arc::clone(shared),
        slots,
        limits: limits(settings),
        page,
        access,
        request_ids: settings.gate.request_ids,
        routes: Routes::build(routes).map_err(|error| error.to_string())?,
        served,
        trusted: TrustedProxies::new(settings.gate.trusted_proxies.iter().copied()),
        not_kept: settings.gate.not_kept.clone().map_or_else(NotKept::default, NotKept::new),
        connections: per_client(settings.gate.per_client.connections, |gate| &gate.connections),
        streams: per_client(settings.gate.per_client.streams, |gate| &gate.streams),
        cors: settings.gate.cors.clone(),
        hsts: settings
            .gate
            .tls
            .as_ref()
            .and_then(|tls| tls.hsts)
            .map(|age| format!("max-age={}", age.as_secs()).into_bytes().into()),
        chance: || (clock::random() & 0xffff) as u16,
    })
}

/// The upstreams of an application as they are, if the settings before say the same of them.
fn same_upstreams(application: &config::Application, before: Option<(&Settings, &Gate)>) -> Option<Arc<Upstreams>> {
    let (settings, gate) = before?;
    let at = index(settings, application)?;
    let former = &settings.applications[at];
    let authorities = |one: &config::Application| one.upstream_ca.as_ref().map(|roots| roots.roots.clone());
    let is_same = former.upstream == application.upstream
        && former.http2 == application.http2
        && former.balance == application.balance
        && authorities(former) == authorities(application);
    is_same.then(|| Arc::clone(&gate.served[at].upstreams))
}

/// How often a client may ask an application, with what clients have asked before.
fn rate_limit(application: &config::Application, before: Option<(&Settings, &Gate)>) -> Option<RateLimit> {
    let rate = application.rate_limit?;
    let former = before.and_then(|(settings, gate)| gate.served[index(settings, application)?].rate_limit.as_ref());
    Some(former.map_or_else(|| RateLimit::new(rate), |former| former.at(rate)))
}

/// Where an application stands in other settings.
fn index(settings: &Settings, application: &config::Application) -> Option<usize> {
    settings.applications.iter().position(|former| former.name == application.name)
}

/// The upstreams of an application, under TLS where they are `https`.
fn upstreams(application: &config::Application) -> Result<Vec<Upstream>, String> {
    let wrong = |error: String| format!("application {}: {error}", application.name);
    // Connections that were checked against other authorities are not used, also after the file was read again.
    let owner = format!("{} {:x}", application.name, clock::random());
    let mut settings = None;
    let mut made = Vec::with_capacity(application.upstream.len());
    for url in &application.upstream {
        let upstream = Upstream::from(url);
        made.push(match (url.is_tls(), &settings) {
            (false, _) => upstream,
            (true, Some(known)) => upstream.under_tls(Arc::clone(known), &owner).map_err(wrong)?,
            (true, None) => {
                let mut config =
                    client(application.upstream_ca.as_ref(), None).map_err(|error| wrong(error.to_string()))?;
                config.alpn_protocols = vec![if application.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
                let known = settings.insert(Arc::new(config));
                upstream.under_tls(Arc::clone(known), &owner).map_err(wrong)?
            }
        });
    }
    Ok(match application.http2 {
        true => made.into_iter().map(Upstream::by_http2).collect(),
        false => made,
    })
}

/// Whom this node believes at other nodes' addresses.
pub(super) fn trust(settings: &Settings) -> Trust {
    let tls = &settings.farm.tls;
    Trust { roots: tls.roots.clone(), own: tls.own.clone() }
}

/// The keys of what visitors carry.
pub(super) fn visitors(settings: &Settings) -> Visitors {
    let random = [(); 4].map(|()| clock::random().to_le_bytes()).concat();
    let farm = &settings.farm;
    let random = random.try_into().unwrap_or_default();
    let keys = |secret: Option<&Secret>| Visitors::new(secret, farm.pass_key.as_ref(), random);
    match &farm.previous_secret {
        Some(previous) => keys(farm.secret.as_ref()).reading(&keys(Some(previous))),
        None => keys(farm.secret.as_ref()),
    }
}
