//! The control listener, put together: API, pages and peers' endpoints; and the gate's public events,
//! which are the API's.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{App as WebApp, HttpRequest, HttpResponse, HttpServer, dev::Server, web};
use socket2::Socket;
use tokio::sync::broadcast;

use super::{NodeError, boot::GRACE, parts::listen};
use crate::{
    actors::{Desk, desk::Event},
    clock,
    config::{self, Settings},
    control::{
        self, auth,
        console::{self, ConsoleState},
        errors::Failure,
        events,
        session::{Cookies, Door as SessionDoor, Limits as SessionLimits, Operator, Sessions, SignIn, Use},
    },
    peer::endpoints::{self, Door},
    sync::Facts,
};

/// The server of the control listener.
pub(super) fn control_server(
    settings: &Settings,
    facts: &Facts,
    (address, socket): (SocketAddr, Socket),
    desk: Desk,
    streams: web::Data<events::Streams>,
    door: web::Data<Door>,
) -> Result<Server, NodeError> {
    let tokens = settings.tokens.iter().map(|token| auth::Token {
        name: token.name.clone(),
        role: match token.role {
            config::Role::Operator => auth::Role::Operator,
            config::Role::Monitor => auth::Role::Monitor,
        },
        sha256: token.sha256,
    });
    let tokens = web::Data::new(auth::Tokens::new(tokens.collect()));
    let console = web::Data::new(console(settings, &desk, facts));
    let sessions = web::Data::new(auth::Sessions::new({
        let console = console.clone();
        move |req: &HttpRequest| {
            // What a page asks for by itself is no sign of a person.
            console.door.who(req, clock::now(), Use::No).map(|session| session.operator)
        }
    }));
    let desk = web::Data::new(desk);
    let serves_peers = settings.farm.secret.is_some();
    let server = HttpServer::new(move || {
        let mut app = WebApp::new()
            .app_data(desk.clone())
            .app_data(tokens.clone())
            .app_data(sessions.clone())
            .app_data(streams.clone())
            .app_data(door.clone())
            .configure(control::configure);
        if serves_peers {
            app = app.configure(endpoints::configure);
        }
        app.configure(console::configure(console.clone()))
    });
    let server = server.workers(2).disable_signals().shutdown_timeout(GRACE).tcp_nodelay(true).listen(listen(
        "control.listen",
        address,
        socket,
    )?)?;
    Ok(server.run())
}

fn console(settings: &Settings, desk: &Desk, facts: &Facts) -> ConsoleState {
    // Each node has a cookie of its own: several on one machine share a host name. No TLS yet.
    let cookies = Cookies::new(&facts.name, false);
    let operators = settings
        .operators
        .iter()
        .map(|operator| Operator { name: operator.name.clone(), phc: operator.password.expose_secret().to_owned() });
    ConsoleState {
        desk: desk.clone(),
        door: SessionDoor { sessions: Arc::new(Sessions::new(SessionLimits::default())), cookies },
        sign_in: SignIn::new(operators.collect()),
        time_zone: settings.control.time_zone,
        node: facts.name.clone(),
        reasons: Arc::new(facts.reasons.clone()),
    }
}

/// `GET /.forewarn/events`: availability for anyone, by name only.
pub(super) async fn public_events(
    req: HttpRequest,
    events: web::Data<broadcast::Sender<Event>>,
    streams: web::Data<events::Streams>,
) -> Result<HttpResponse, Failure> {
    let application = events::filter(&req)?;
    events::respond(&req, events.subscribe(), &streams, events::Audience::Public, application)
}
