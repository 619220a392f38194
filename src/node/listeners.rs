//! Assembles the control listener: API, pages and peers' endpoints; and the gate's public events, which are the
//! API's.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{App as WebApp, HttpRequest, HttpResponse, HttpServer, dev::Server, middleware::from_fn, web};
use arc_swap::ArcSwap;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{
    NodeError,
    certificates::Certificates,
    crowd::{self, Crowd},
    parts::{Bound, GRACE, WORKERS},
    under_tls::{self, Mutual},
};
use crate::{
    actors::{Desk, desk::Event},
    answer::ProblemKind,
    availability::Reasons,
    body,
    config::Settings,
    control::{
        self, auth,
        console::{self, ConsoleState, Days},
        errors::Failure,
        events,
        formats::alertmanager::Alerting,
        hosts::{self, Hosts},
        reload,
        rights::Rights,
        session::{Cookies, Door as SessionDoor, Limits as SessionLimits, Operator, Proxies, Sessions, SignIn},
    },
    gate::service::Seen,
    peer::endpoints::{self, Door},
    sync::Facts,
};

/// What answers at the control listener.
pub(super) struct Served {
    /// Operators and programs.
    pub(super) desk: Desk,
    /// Their event streams.
    pub(super) streams: web::Data<events::Streams>,
    /// Other nodes.
    pub(super) door: web::Data<Door>,
}

/// What the control listener knows of the configuration; changed when that is read again.
#[derive(Clone)]
pub(super) struct Doors {
    tokens: web::Data<auth::Tokens>,
    alerting: web::Data<ArcSwap<Alerting>>,
    console: web::Data<ConsoleState>,
    reload: web::Data<reload::Door>,
    mutual: web::Data<Mutual>,
    hosts: web::Data<Hosts>,
}

impl Doors {
    pub(super) fn new(settings: &Settings, facts: &Facts, desk: &Desk, reload: reload::Door) -> Self {
        Self {
            tokens: web::Data::new(auth::Tokens::new(tokens(settings))),
            alerting: web::Data::new(ArcSwap::from_pointee(alerting(settings))),
            console: web::Data::new(console(settings, desk, facts)),
            reload: web::Data::new(reload),
            mutual: web::Data::new(Mutual(AtomicBool::new(is_mutual(settings)))),
            hosts: web::Data::new(Hosts::new(settings.control.hosts.clone())),
        }
    }

    /// The configuration was read again.
    pub(super) fn change(&self, settings: &Settings) {
        self.tokens.change(tokens(settings));
        self.alerting.store(Arc::new(alerting(settings)));
        self.console.reasons.store(Arc::new(reasons(settings)));
        self.hosts.change(settings.control.hosts.clone());
        self.mutual.0.store(is_mutual(settings), Ordering::Relaxed);
        let gone = self.console.sign_in.change(operators(settings));
        self.console.door.sessions.end_of(&gone);
    }
}

/// The server of the control listener: it serves at most `most` connections at a time, more wait. One client has
/// a bounded part of them.
pub(super) fn control_server(
    settings: &Settings,
    bound: Bound,
    Served { desk, streams, door }: Served,
    certificates: &Certificates,
    doors: Doors,
    most: usize,
) -> Result<Server, NodeError> {
    let sessions = web::Data::new(doors.console.door.clone());
    let desk = web::Data::new(desk);
    let acceptors = web::Data::new(certificates.all());
    let serves_peers = settings.farm.secret.is_some();
    let crowd = Crowd::new(most, Proxies::new(settings.control.trusted_proxies.iter().copied()));
    let crowd_data = web::Data::new(crowd.clone());
    let mutual = doors.mutual.clone();
    let factory = move || {
        let Doors { tokens, alerting, console, reload, mutual: _, hosts } = doors.clone();
        let mut app = WebApp::new()
            .wrap(from_fn(hosts::known))
            .app_data(hosts)
            .wrap(from_fn(under_tls::mutual))
            .wrap(from_fn(crowd::count))
            .app_data(mutual.clone())
            .wrap(from_fn(body::answer_first))
            .app_data(crowd_data.clone())
            .app_data(desk.clone())
            .app_data(tokens)
            .app_data(alerting)
            .app_data(reload)
            .app_data(sessions.clone())
            .app_data(streams.clone())
            .app_data(door.clone())
            .app_data(acceptors.clone())
            .configure(control::configure);
        if serves_peers {
            app = app.configure(endpoints::configure);
        }
        app.configure(console::configure(console))
    };
    if let Some(acceptor) = &certificates.control {
        return under_tls::serve(factory, acceptor, &crowd, bound, most);
    }
    let server = HttpServer::new(factory)
        .on_connect(move |connection, kept| crowd.connected(connection, kept))
        .workers(WORKERS)
        .max_connections(most.div_ceil(WORKERS))
        .disable_signals()
        .shutdown_timeout(GRACE)
        .client_disconnect_timeout(body::LINGER)
        .tcp_nodelay(true)
        .listen(bound.listen_tcp()?)?;
    Ok(server.run())
}

/// Whether other nodes must show a certificate.
fn is_mutual(settings: &Settings) -> bool {
    settings.control.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
}

fn tokens(settings: &Settings) -> Vec<auth::Token> {
    let token = |token: &crate::config::Token| auth::Token {
        name: token.name.to_string(),
        rights: Rights::new(token.role, token.targets.clone()),
        expires: token.expires,
        sha256: token.sha256,
        ended: CancellationToken::new(),
    };
    settings.tokens.iter().map(token).collect()
}

fn alerting(settings: &Settings) -> Alerting {
    Alerting { rules: settings.alerts.clone(), reasons: reasons(settings) }
}

fn reasons(settings: &Settings) -> Reasons {
    Reasons::with(settings.reasons.iter().cloned())
}

fn operators(settings: &Settings) -> Vec<Operator> {
    let operator = |operator: &crate::config::Operator| Operator {
        name: operator.name.to_string(),
        phc: operator.password.expose_secret().to_owned(),
        rights: Rights::new(operator.role, operator.targets.clone()),
    };
    settings.operators.iter().map(operator).collect()
}

fn console(settings: &Settings, desk: &Desk, facts: &Facts) -> ConsoleState {
    let door = SessionDoor {
        sessions: Arc::new(Sessions::new(SessionLimits::default())),
        // Each node has a cookie of its own: several on one machine share a host name.
        cookies: Cookies::new(&facts.name),
        proxies: Proxies::new(settings.control.trusted_proxies.iter().copied()),
    };
    ConsoleState {
        desk: desk.clone(),
        door,
        sign_in: SignIn::new(operators(settings)),
        time_zone: settings.control.time_zone,
        node: facts.name.clone(),
        reasons: ArcSwap::from_pointee(reasons(settings)),
        days: Days::new(facts.rules),
    }
}

/// `GET /.forewarn/events`: availability for anyone, by name only. One client may follow a bounded
/// number of streams.
pub(super) async fn public_events(
    req: HttpRequest,
    gate: Seen,
    events: web::Data<broadcast::Sender<Event>>,
    streams: web::Data<events::Streams>,
) -> Result<HttpResponse, Failure> {
    let application = events::filter(&req)?;
    if let Some(name) = &application
        && !gate.slots.iter().any(|slot| slot.app.name() == name)
    {
        let detail = format!("This node knows no application {name}.");
        return Ok(gate.problem(req.head(), ProblemKind::NoSuchApplication, Some(&detail), None));
    }
    let lease = auth::Lease::without_end();
    let follow = || events::respond(&req, events.subscribe(), &streams, events::Audience::Public, lease, application);
    let Some(peer) = req.peer_addr() else { return follow() };
    let client = gate.trusted.client_address(peer.ip(), req.headers());
    match gate.streams.take(client) {
        Some(place) => Ok(place.held_by(follow()?)),
        None => {
            let most = gate.streams.most();
            let detail = format!("You follow {most} event streams already, the most that one client may.");
            Ok(gate.problem(req.head(), ProblemKind::TooMany, Some(&detail), None))
        }
    }
}
