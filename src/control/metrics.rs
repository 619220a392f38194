//! `/metrics` in Prometheus' text format, version 0.0.4.
//!
//! Must stay true: each family stands once, with HELP and TYPE before its samples, whichever part of
//! the node its samples come from; values of labels are escaped.

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use super::{
    api::routes::{Place, get},
    events::Streams,
};
use crate::actors::desk::{Desk, Family};

/// What other parts of the node (the gate, for one) add to `/metrics`.
#[derive(Clone, Default)]
pub struct Sources(Vec<Arc<dyn Source>>);

/// Gives its current figures; must not wait for anything.
pub trait Source: Fn() -> Vec<Family> + Send + Sync {}

impl<F: Fn() -> Vec<Family> + Send + Sync> Source for F {}

impl Sources {
    /// These, and one more.
    #[must_use]
    pub fn and(mut self, source: impl Source + 'static) -> Self {
        self.0.push(Arc::new(source));
        self
    }
}

/// `/metrics`, open to everybody who reaches the control listener.
pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/metrics", vec![get(show)])]
}

async fn show(request: HttpRequest) -> HttpResponse {
    let mut families = vec![Family {
        name: "forewarn_build_info",
        help: "Always 1; the label says which version runs.",
        kind: "gauge",
        samples: vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)],
    }];
    if let Some(streams) = request.app_data::<Data<Streams>>() {
        families.push(Family {
            name: "forewarn_control_event_streams",
            help: "Readers that follow this node's changes on the control listener.",
            kind: "gauge",
            samples: vec![(Vec::new(), streams.open() as f64)],
        });
    }
    if let Some(desk) = request.app_data::<Data<Desk>>() {
        families.extend(desk.figures().await.families);
    }
    if let Some(sources) = request.app_data::<Data<Sources>>() {
        families.extend(sources.0.iter().flat_map(|source| source()));
    }
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(render(families))
}

/// The text of these families; those with the same name become one.
pub fn render(families: Vec<Family>) -> String {
    let mut merged: Vec<Family> = Vec::with_capacity(families.len());
    for family in families {
        match merged.iter_mut().find(|known| known.name == family.name) {
            Some(known) => known.samples.extend(family.samples),
            None => merged.push(family),
        }
    }
    let mut text = String::new();
    for Family { name, help, kind, samples } in merged {
        // Writing into a String does not fail.
        let _ =
            writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", help.replace('\\', r"\\").replace('\n', r"\n"));
        for (labels, value) in samples {
            text.push_str(name);
            for (at, (label, value)) in labels.iter().enumerate() {
                let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
                let _ = write!(text, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' });
            }
            let _ = writeln!(text, "{} {}", if labels.is_empty() { "" } else { "}" }, number(value));
        }
    }
    text
}

/// As Go's `ParseFloat` reads it.
fn number(value: f64) -> String {
    match value {
        _ if value == f64::INFINITY => "+Inf".to_owned(),
        _ if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_stand_once_and_labels_are_escaped() {
        let family = |labels, value| Family {
            name: "forewarn_outbox_rows",
            help: "Rows that wait,\nby \\ peer.",
            kind: "gauge",
            samples: vec![(labels, value)],
        };
        let other =
            Family { name: "forewarn_up", help: "Up.", kind: "counter", samples: vec![(vec![], f64::INFINITY)] };
        let text = render(vec![
            family(vec![("peer", "a\"\\\n".to_owned()), ("kind", "x".to_owned())], 3.0),
            other,
            family(vec![], 0.25),
        ]);
        assert_eq!(
            text,
            "# HELP forewarn_outbox_rows Rows that wait,\\nby \\\\ peer.\n# TYPE forewarn_outbox_rows gauge\n\
             forewarn_outbox_rows{peer=\"a\\\"\\\\\\n\",kind=\"x\"} 3\nforewarn_outbox_rows 0.25\n\
             # HELP forewarn_up Up.\n# TYPE forewarn_up counter\nforewarn_up +Inf\n"
        );
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(number(1e6), "1000000");
    }
}
