//! `/metrics` in Prometheus' text format, version 0.0.4. Open to everybody who reaches the control listener.
//!
//! Must stay true: names have base units; labels are names of nodes and applications, of which there are
//! as many as are configured or met, and never what users or strangers send.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use prometheus_client::{
    encoding::prometheus_text,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{
    events::Streams,
    routes::{Place, get},
};
use crate::{actors::desk::Desk, tls::Acceptor};

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/metrics", vec![get(show)])]
}

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "node", security(()),
    responses((status = 200, description = "Text format 0.0.4.", content_type = "text/plain", body = String))
)]
pub(super) async fn show(request: HttpRequest) -> HttpResponse {
    let mut registry = Registry::default();
    let version = Family::<[(&str, &str); 1], Gauge>::default();
    version.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("forewarn_build_info", "Always 1; the label says which version runs", version);
    if let Some(streams) = request.app_data::<Data<Streams>>() {
        let open = Gauge::<i64>::default();
        open.set(i64::try_from(streams.open()).unwrap_or(i64::MAX));
        registry.register(
            "forewarn_control_event_streams",
            "Readers that follow this node's changes on the control listener",
            open,
        );
    }
    if let Some(acceptors) = request.app_data::<Data<Vec<Arc<Acceptor>>>>() {
        let family = Family::<[(&str, String); 2], Gauge>::default();
        for acceptor in acceptors.iter() {
            for (file, expires) in acceptor.expiries() {
                let labels = [("listener", acceptor.listener().to_owned()), ("file", file.display().to_string())];
                family.get_or_create(&labels).set(expires);
            }
        }
        registry.register(
            "forewarn_certificate_expiry_timestamp_seconds",
            "When a certificate expires, in seconds since 1970",
            family,
        );
    }
    if let Some(desk) = request.app_data::<Data<Desk>>() {
        desk.figures(&mut registry).await;
    }
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        // a string takes everything
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
