//! Assembles the control listener: API, pages and peers' endpoints; and the gate's public events, which are the
//! API's.

use std::sync::Arc;

use actix_web::{App as WebApp, HttpRequest, HttpResponse, HttpServer, dev::Server, middleware::from_fn, web};
use tokio::sync::broadcast;

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
    body,
    config::Settings,
    control::{
        self, auth,
        console::{self, ConsoleState, Days},
        errors::Failure,
        events,
        formats::alertmanager::Alerting,
        rights::Rights,
        session::{Cookies, Door as SessionDoor, Limits as SessionLimits, Operator, Proxies, Sessions, SignIn},
    },
    gate::service::Gate,
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

/// The server of the control listener: it serves at most `most` connections at a time, more wait. One client has
/// a bounded part of them.
pub(super) fn control_server(
    settings: &Settings,
    facts: &Facts,
    bound: Bound,
    Served { desk, streams, door }: Served,
    certificates: &Certificates,
    most: usize,
) -> Result<Server, NodeError> {
    let tokens = settings.tokens.iter().map(|token| auth::Token {
        name: token.name.to_string(),
        rights: Rights::new(token.role, token.targets.clone()),
        expires: token.expires,
        sha256: token.sha256,
    });
    let tokens = web::Data::new(auth::Tokens::new(tokens.collect()));
    let alerting = web::Data::new(Alerting { rules: settings.alerts.clone(), reasons: facts.reasons.clone() });
    let console = web::Data::new(console(settings, &desk, facts));
    let sessions = web::Data::new(console.door.clone());
    let desk = web::Data::new(desk);
    let acceptors = web::Data::new(certificates.all());
    let serves_peers = settings.farm.secret.is_some();
    let crowd = Crowd::new(most, Proxies::new(settings.control.trusted_proxies.iter().copied()));
    let crowd_data = web::Data::new(crowd.clone());
    let mutual = web::Data::new(Mutual(settings.control.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())));
    let factory = move || {
        let mut app = WebApp::new()
            .wrap(from_fn(under_tls::mutual))
            .wrap(from_fn(crowd::count))
            .app_data(mutual.clone())
            .wrap(from_fn(body::answer_first))
            .app_data(crowd_data.clone())
            .app_data(desk.clone())
            .app_data(tokens.clone())
            .app_data(alerting.clone())
            .app_data(sessions.clone())
            .app_data(streams.clone())
            .app_data(door.clone())
            .app_data(acceptors.clone())
            .configure(control::configure);
        if serves_peers {
            app = app.configure(endpoints::configure);
        }
        app.configure(console::configure(console.clone()))
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

fn console(settings: &Settings, desk: &Desk, facts: &Facts) -> ConsoleState {
    let operators = settings.operators.iter().map(|operator| Operator {
        name: operator.name.to_string(),
        phc: operator.password.expose_secret().to_owned(),
        rights: Rights::new(operator.role, operator.targets.clone()),
    });
    let door = SessionDoor {
        sessions: Arc::new(Sessions::new(SessionLimits::default())),
        // Each node has a cookie of its own: several on one machine share a host name.
        cookies: Cookies::new(&facts.name),
        proxies: Proxies::new(settings.control.trusted_proxies.iter().copied()),
    };
    ConsoleState {
        desk: desk.clone(),
        door,
        sign_in: SignIn::new(operators.collect()),
        time_zone: settings.control.time_zone,
        node: facts.name.clone(),
        reasons: Arc::new(facts.reasons.clone()),
        days: Days::new(facts.rules),
    }
}

/// `GET /.forewarn/events`: availability for anyone, by name only. One client may follow a bounded
/// number of streams.
pub(super) async fn public_events(
    req: HttpRequest,
    gate: web::Data<Gate>,
    events: web::Data<broadcast::Sender<Event>>,
    streams: web::Data<events::Streams>,
) -> Result<HttpResponse, Failure> {
    let application = events::filter(&req)?;
    if let Some(name) = &application
        && !gate.shared.slots.iter().any(|slot| slot.app.name() == name)
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
