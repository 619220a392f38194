//! The registered addresses as data, so that every address can name its methods when it gets another one (RFC
//! 9110 §15.5.6), and so that tests can compare the OpenAPI document with it.

use actix_web::{
    FromRequest, Handler, HttpResponse, Responder, Route, guard,
    web::{self, ServiceConfig},
};

use crate::control::errors::Failure;

/// One method of one address.
pub(crate) struct Verb {
    /// The methods, as `Allow` lists them: `GET, HEAD`, `POST`, `PUT` or `DELETE`.
    pub(crate) allow: &'static str,
    route: Route,
}

/// One address and everything that may be asked of it.
pub(crate) struct Place {
    /// The path's pattern, relative to where it is registered.
    pub path: &'static str,
    /// Its methods.
    pub verbs: Vec<Verb>,
}

impl Place {
    /// This pattern with these methods.
    pub(crate) fn new(path: &'static str, verbs: Vec<Verb>) -> Self {
        Self { path, verbs }
    }
}

/// `GET`, and `HEAD`, which is the same without a body.
pub(crate) fn get<F, Args>(handler: F) -> Verb
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    Verb { allow: "GET, HEAD", route: route.to(handler) }
}

/// `POST`.
pub(crate) fn post<F, Args>(handler: F) -> Verb
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Verb { allow: "POST", route: web::post().to(handler) }
}

/// `PUT`.
pub(crate) fn put<F, Args>(handler: F) -> Verb
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Verb { allow: "PUT", route: web::put().to(handler) }
}

/// `DELETE`.
pub(crate) fn delete<F, Args>(handler: F) -> Verb
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Verb { allow: "DELETE", route: web::delete().to(handler) }
}

/// Registers these; other methods get 405 with `Allow`.
pub(crate) fn register(cfg: &mut ServiceConfig, places: Vec<Place>) {
    for Place { path, verbs } in places {
        let allow = verbs.iter().map(|verb| verb.allow).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(path);
        for verb in verbs {
            resource = resource.route(verb.route);
        }
        cfg.service(resource.default_service(web::to(move || {
            let failure = Failure::MethodNotAllowed(allow.clone());
            async { Err::<HttpResponse, _>(failure) }
        })));
    }
}
