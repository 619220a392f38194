//! Signing in and out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    web,
};

use super::{ask, either};
use crate::{
    clock,
    control::{
        console::{
            ConsoleState,
            form::{self, Fields},
            guard::{self, Visit, chrome, read_form},
            page,
            view::{LoginPage, safe_next},
            when::words,
        },
        session::{NotSignedIn, Use},
    },
    noise::Noise,
};

static REFUSED: Noise = Noise::new("sign_in_refused");

/// A carried form is encoded twice: up to three times what `/notify` takes.
const MOST: usize = 768 << 10;

/// `GET /login`
pub(crate) async fn login_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    let query = form::read_pairs(request.query_string());
    let next = safe_next(form::first(&query, "next"));
    let tls = state.door.front(&request).secure;
    if state.door.who(&request, clock::now(), Use::Yes).is_some() {
        return page::see_other(next, tls);
    }
    let page = LoginPage {
        chrome: chrome(&state),
        possible: state.sign_in.is_possible(),
        name: String::new(),
        next: next.to_owned(),
        carried: String::new(),
        problem: None,
    };
    page::html(StatusCode::OK, tls, &page)
}

/// `POST /login`
pub(crate) async fn login(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(try_login(&state, &request, body).await)
}

async fn try_login(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> super::Answer {
    let pairs = read_form(state, request, body, MOST).await?;
    let now = clock::now();
    let (name, next) = (form::first(&pairs, "name"), safe_next(form::first(&pairs, "next")));
    let carried = form::first(&pairs, "carried");
    let front = state.door.front(request);
    let address = front.client;
    let operator = match state.sign_in.attempt(name, form::first(&pairs, "password"), address, now).await {
        Ok(operator) => operator,
        Err(error) => {
            if REFUSED.admits() {
                log::warn!(from:% = address, because:% = error.name(); "sign_in_refused");
            }
            let page = LoginPage {
                chrome: chrome(state),
                possible: state.sign_in.is_possible(),
                name: name.chars().take(200).collect(),
                next: next.to_owned(),
                carried: carried.to_owned(),
                problem: Some(explain(error)),
            };
            return Err(refusal(error, page::html(status(error), front.secure, &page)));
        }
    };
    log::info!(operator = operator.name, from:% = address; "signed_in");
    // The session gets a new id: another site may have set the one that was sent (session fixation).
    if let Some(before) = state.door.claimed(request) {
        state.door.sessions.end(&before);
    }
    let (id, session) = state.door.sessions.begin(&operator.name, operator.rights, address, now);
    let visit = Visit::new(state, request, session, now);
    let mut answer = if carried.is_empty() {
        visit.see_other(next)
    } else {
        let fields = Fields::read(&form::read_pairs(carried));
        ask::given_back(&visit, fields).await
    };
    if answer.add_cookie(&state.door.cookies.give(&id, front.secure)).is_err() {
        // Letters and digits only: this cannot be; without its cookie the session is of no use.
        state.door.sessions.end(&id);
    }
    Ok(answer)
}

fn explain(error: NotSignedIn) -> String {
    match error {
        NotSignedIn::Wrong => "The name or the password is wrong.".to_owned(),
        NotSignedIn::Throttled(wait) => {
            let wait = if wait.as_secs() < 60 { format!("{} s", seconds(wait)) } else { words(wait) };
            format!("There were too many failed attempts. Try again in {wait}.")
        }
        NotSignedIn::Busy => "The node is busy checking other passwords. Try again in a moment.".to_owned(),
    }
}

fn status(error: NotSignedIn) -> StatusCode {
    match error {
        NotSignedIn::Wrong => StatusCode::FORBIDDEN,
        NotSignedIn::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        NotSignedIn::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refusal(error: NotSignedIn, mut answer: HttpResponse) -> HttpResponse {
    let wait = match error {
        NotSignedIn::Wrong => return answer,
        NotSignedIn::Throttled(wait) => seconds(wait),
        NotSignedIn::Busy => 2,
    };
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    answer
}

/// Whole seconds, rounded up.
fn seconds(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

/// `POST /logout`
pub(crate) async fn logout(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(try_logout(&state, &request, body).await)
}

async fn try_logout(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> super::Answer {
    let pairs = read_form(state, request, body, MOST).await?;
    let front = state.door.front(request);
    if state.door.who(request, clock::now(), Use::No).is_some() {
        let visit = guard::enter_to_change(state, request, &pairs, "/", clock::now())?;
        log::info!(operator = visit.session.operator, from:% = front.client; "signed_out");
        if let Some(id) = state.door.claimed(request) {
            state.door.sessions.end(&id);
        }
    }
    let mut answer = page::see_other("/login", front.secure);
    // An empty value always fits into a header; if it did not, the session is gone all the same.
    answer.add_cookie(&state.door.cookies.take(front.secure)).ok();
    Ok(answer)
}
