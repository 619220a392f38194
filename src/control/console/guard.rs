//! The checks before every page: the session, and for changes the origin and the token.
#![allow(clippy::result_large_err)] // the refusal is the answer itself, once per request; a box would only be unpacked again

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use tokio::sync::Semaphore;

use super::{
    ConsoleState, assets,
    form::{self, Pairs},
    page,
    view::{self, Chrome, LoginPage, MessagePage},
    when::Face,
};
use crate::{
    availability::Moment,
    body::{self, Bounds, Fault},
    clock,
    control::{
        body::PATIENCE,
        session::{Session, Use},
    },
    sync::ConflictKind,
};

/// How many forms of people who are not signed in may arrive at a time.
static STRANGERS: Semaphore = Semaphore::const_new(50);

/// One signed-in request.
pub(crate) struct Visit<'a> {
    /// Everything.
    pub state: &'a ConsoleState,
    /// Whose.
    pub session: Session,
    /// The operators' zone and when the request came.
    pub face: Face,
    /// The browser uses https.
    secure: bool,
}

impl<'a> Visit<'a> {
    /// Of a request with this session.
    pub(crate) fn new(state: &'a ConsoleState, request: &HttpRequest, session: Session, now: Moment) -> Self {
        let face = Face { zone: state.time_zone, now };
        Self { state, session, face, secure: state.door.front(request).secure }
    }

    /// Lets operators pass who may change something.
    ///
    /// # Errors
    /// The answer to the others.
    pub(crate) fn must_act(&self) -> Result<(), HttpResponse> {
        if self.session.rights.acts() {
            return Ok(());
        }
        let text = "You have the role viewer: you see everything and change nothing. Ask an operator.";
        Err(self.message(StatusCode::FORBIDDEN, "", "Not allowed", text, &[("/", "To the board")]))
    }

    /// What surrounds a page for this operator.
    pub(crate) fn chrome(&self, section: &'static str) -> Chrome {
        Chrome {
            operator: Some(self.session.operator.clone()),
            acts: self.session.rights.acts(),
            token: self.session.token.clone(),
            section,
            ..chrome(self.state)
        }
    }

    /// A page.
    pub(crate) fn html(&self, status: StatusCode, template: &impl Template) -> HttpResponse {
        page::html(status, self.secure, template)
    }

    /// To another page.
    pub(crate) fn see_other(&self, to: &str) -> HttpResponse {
        page::see_other(to, self.secure)
    }

    /// A page with one message.
    pub(crate) fn message(
        &self,
        status: StatusCode,
        section: &'static str,
        title: &str,
        text: &str,
        links: &[(&str, &str)],
    ) -> HttpResponse {
        let links = links.iter().map(|(href, words)| ((*href).to_owned(), (*words).to_owned())).collect();
        let page = MessagePage { chrome: self.chrome(section), title: title.to_owned(), text: text.to_owned(), links };
        self.html(status, &page)
    }
}

/// What surrounds a page before sign-in.
pub(crate) fn chrome(state: &ConsoleState) -> Chrome {
    Chrome {
        section: "",
        node: state.node.to_string(),
        operator: None,
        acts: false,
        token: String::new(),
        css: assets::href("app.css"),
        js: assets::href("app.js"),
        icon: assets::href("icon.svg"),
        zone: state.time_zone.name().to_owned(),
        fenced: state.desk.fenced().map(ConflictKind::remedy),
    }
}

/// Lets a reading request in, or leads it to the login page.
///
/// # Errors
/// The answer to give instead.
pub(crate) fn enter<'a>(
    state: &'a ConsoleState,
    request: &HttpRequest,
    now: Moment,
) -> Result<Visit<'a>, HttpResponse> {
    // A page that refreshes itself marks its requests, with scripts and without: they do not keep the session alive.
    let by_itself = request.headers().contains_key("x-forewarn-refresh")
        || form::first(&form::read_pairs(request.query_string()), "auto") == "1";
    let used = if by_itself { Use::No } else { Use::Yes };
    match state.door.who(request, now, used) {
        Some(session) => Ok(Visit::new(state, request, session, now)),
        None => {
            let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
            let next = view::safe_next(here);
            let to = if next == "/" { "/login".to_owned() } else { format!("/login?next={}", view::encoded(next)) };
            Err(page::see_other(&to, state.door.front(request).secure))
        }
    }
}

/// Reads a form that comes from an own page. Where it comes from and what it is are checked before a
/// byte of it is read.
///
/// # Errors
/// The answer to give instead: 400, 403, 408, 413 or 415.
pub(crate) async fn read_form(
    state: &ConsoleState,
    request: &HttpRequest,
    body: web::Payload,
    most: usize,
) -> Result<Pairs, HttpResponse> {
    let tls = state.door.front(request).secure;
    let refuse = |status, title: &str, text: String| {
        let links = vec![("/".to_owned(), "To the board".to_owned())];
        page::html(status, tls, &MessagePage { chrome: chrome(state), title: title.to_owned(), text, links })
    };
    if let Err(error) = state.door.check_origin(request) {
        return Err(refuse(StatusCode::FORBIDDEN, "Refused", format!("Nothing was changed: {error}.")));
    }
    if !request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let text = "Nothing was changed: these pages accept forms only. Programs use /api/v1.".to_owned();
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a form", text));
    }
    // Clients that are not signed in share a few places, so that forms that never end
    // cannot take the connections of operators and nodes.
    let is_stranger = state.door.who(request, clock::now(), Use::No).is_none();
    let _place = match is_stranger.then(|| STRANGERS.try_acquire()) {
        None => None,
        Some(Ok(place)) => Some(place),
        Some(Err(_full)) => {
            let text = "Nothing was changed: too many forms arrive at once. Try again in a moment.".to_owned();
            return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "Too many forms at once", text));
        }
    };
    let bounds = Bounds { most, patience: PATIENCE };
    let (status, title, text) = match body::read(request, body, bounds, |_| {}).await {
        Ok(body) => return Ok(form::read_pairs(&String::from_utf8_lossy(&body))),
        Err(Fault::TooLarge(most)) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too long",
            format!("Nothing was changed: the form is longer than {} KiB.", most / 1024),
        ),
        Err(fault @ Fault::TooSlow(_)) => {
            (StatusCode::REQUEST_TIMEOUT, "Too slow", format!("Nothing was changed: {fault}. Send it again."))
        }
        Err(fault @ Fault::Broken(_)) => {
            (StatusCode::BAD_REQUEST, "Broken off", format!("Nothing was changed: {fault}. Send it again."))
        }
    };
    Err(refuse(status, title, text))
}

/// Lets a changing request in that comes from an own page: with a session and its token.
///
/// # Errors
/// The login page, or a refusal that leads to `back`.
pub(crate) fn enter_to_change<'a>(
    state: &'a ConsoleState,
    request: &HttpRequest,
    pairs: &Pairs,
    back: &str,
    now: Moment,
) -> Result<Visit<'a>, HttpResponse> {
    let Some(session) = state.door.who(request, now, Use::Yes) else {
        let problem = Some("Your session has ended, nothing was changed. Sign in and try again.".to_owned());
        return Err(login_again(state, request, back, String::new(), problem));
    };
    let visit = Visit::new(state, request, session, now);
    match state.door.check(request, &visit.session, form::first(pairs, "csrf")) {
        Ok(()) => Ok(visit),
        Err(refusal) => {
            let text = format!("Nothing was changed: {refusal}.");
            Err(visit.message(StatusCode::FORBIDDEN, "", "Refused", &text, &[(back, "Try again")]))
        }
    }
}

/// The login page where something else was asked for; with what was sent, if that is to come back.
pub(crate) fn login_again(
    state: &ConsoleState,
    request: &HttpRequest,
    next: &str,
    carried: String,
    problem: Option<String>,
) -> HttpResponse {
    let page = LoginPage {
        chrome: chrome(state),
        possible: state.sign_in.is_possible(),
        name: String::new(),
        next: view::safe_next(next).to_owned(),
        carried,
        problem,
    };
    page::html(StatusCode::FORBIDDEN, state.door.front(request).secure, &page)
}
