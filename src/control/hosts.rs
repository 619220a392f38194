//! The names under which a node may be asked (`control.hosts`): a page of another site whose name leads here after all
//! (DNS rebinding) is told nothing.
//!
//! Must stay true: what has a protection of its own, or nothing to hide, answers under every name.

use std::sync::Arc;

use actix_web::{
    Error, ResponseError as _,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};
use arc_swap::ArcSwap;

use super::{errors::Failure, session::Door};

/// The names, without ports and in small letters; none: all.
#[derive(Debug, Default)]
pub(crate) struct Hosts(ArcSwap<Vec<String>>);

impl Hosts {
    /// These.
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self(ArcSwap::from_pointee(names))
    }

    /// These from now on.
    pub(crate) fn change(&self, names: Vec<String>) {
        self.0.store(Arc::new(names));
    }

    fn allow(&self, host: Option<&str>) -> bool {
        let names = self.0.load();
        names.is_empty()
            || host.is_some_and(|host| names.iter().any(|name| name.eq_ignore_ascii_case(without_port(host))))
    }
}

/// The name or the address of a host with or without a port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Nodes sign their requests; these say nothing that is worth a detour.
fn is_open(path: &str) -> bool {
    path.starts_with("/peer/") || matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// Middleware: refuses requests under another name.
///
/// # Errors
/// What the handlers behind it give.
pub(crate) async fn known<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let front = request.app_data::<web::Data<Door>>().map(|door| door.proxies.front(request.request()));
    let host = front.and_then(|front| front.host);
    let allowed = request.app_data::<web::Data<Hosts>>().is_none_or(|hosts| hosts.allow(host.as_deref()));
    if allowed || is_open(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let detail = "this node is not asked under this name; the names are in control.hosts of its configuration";
    Ok(request.into_response(Failure::Forbidden(detail.to_owned()).error_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_and_all_where_none_is() {
        let hosts = Hosts::new(vec!["ops.example".to_owned(), "[::1]".to_owned()]);
        for host in ["ops.example", "OPS.example:7070", "[::1]:80", "[::1]"] {
            assert!(hosts.allow(Some(host)), "{host}");
        }
        for host in [Some("evil.example"), Some("ops.example.evil.example:7070"), Some("[::2]:80"), Some(""), None] {
            assert!(!hosts.allow(host), "{host:?}");
        }
        hosts.change(Vec::new());
        assert!(hosts.allow(Some("evil.example")) && hosts.allow(None));
        assert!(is_open("/peer/v1/announce") && is_open("/readyz") && !is_open("/") && !is_open("/api/v1/nodes"));
    }
}
