//! `/openapi.json`: the API's description (OpenAPI 3.1), written by hand and built in.
//!
//! Must stay true: it names every address and method that is registered, and no others; the tests
//! compare it with the registration.

use actix_web::{HttpResponse, http::header};

use super::api::routes::{Place, get};

/// The document.
pub const DOCUMENT: &str = include_str!("../../static/openapi.json");

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/openapi.json", vec![get(show)])]
}

async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(DOCUMENT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::control::{api, health, metrics};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn it_names_what_is_registered_and_nothing_else() {
        let root = health::places().into_iter().chain(metrics::places()).chain(places()).map(|place| ("", place));
        let below = api::places().into_iter().map(|place| ("/api", place));
        let registered: BTreeSet<String> = root
            .chain(below)
            .flat_map(|(base, place)| {
                place.verbs.iter().map(|verb| format!("{} {base}{}", verb.name, place.path)).collect::<Vec<_>>()
            })
            .collect();
        let document = document();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object()
                    .unwrap()
                    .keys()
                    .filter(|key| *key != "parameters")
                    .map(move |verb| format!("{verb} {path}"))
            })
            .collect();
        assert_eq!(described, registered);
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                    }
                    members.values().for_each(|member| walk(member, document));
                }
                Value::Array(members) => members.iter().for_each(|member| walk(member, document)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }
}
