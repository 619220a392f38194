//! Statuspage's API, version 2: `summary.json`, as its clients read it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Planned, Status,
    present::{State, is_planned},
};
use crate::text::english;

pub(super) fn summary(status: &Status<'_>) -> Value {
    let settings = status.settings;
    let components: Vec<Value> = status
        .applications
        .iter()
        .enumerate()
        .map(|(place, application)| {
            let changed = application.since.or(status.record.known_since).unwrap_or(status.now);
            json!({
                "id": application.name, "name": application.title, "status": application.state.name(),
                "created_at": status.record.known_since.unwrap_or(status.now), "updated_at": changed,
                "position": place + 1, "description": null, "showcase": false, "group_id": null, "group": false,
                "page_id": page_id(&settings.url), "only_show_if_degraded": false, "start_date": null,
            })
        })
        .collect();
    let worst = status.applications.iter().map(|application| application.state).max().unwrap_or(State::Operational);
    let all_down = status.applications.iter().all(|application| application.state == State::Major);
    let (indicator, description) = match worst {
        State::Operational => ("none", "All Systems Operational"),
        State::Maintenance => ("maintenance", "Service Under Maintenance"),
        State::Degraded => ("minor", "Degraded Service"),
        State::Partial => ("minor", "Minor Service Outage"),
        State::Major if all_down => ("critical", "Major Service Outage"),
        State::Major => ("major", "Partial System Outage"),
    };
    json!({
        "page": {
            "id": page_id(&settings.url), "name": settings.title, "url": settings.url, "time_zone": "Etc/UTC",
            "updated_at": status.now,
        },
        "status": {"indicator": indicator, "description": description},
        "components": components,
        "incidents": incidents(status),
        "scheduled_maintenances": status.plans().iter().map(|plan| maintenance(status, plan)).collect::<Vec<_>>(),
    })
}

/// What is down without a plan, a row for each notification.
fn incidents(status: &Status<'_>) -> Vec<Value> {
    let mut incidents: Vec<(Uuid, Value)> = Vec::new();
    for application in &status.applications {
        let Some(entry) = application.cause.as_ref().filter(|entry| !is_planned(entry)) else { continue };
        let n = &entry.notification;
        let component = json!({
            "id": application.name, "name": application.title, "status": application.state.name(),
        });
        if let Some((_, incident)) = incidents.iter_mut().find(|(id, _)| *id == n.id) {
            incident["components"].as_array_mut().into_iter().for_each(|list| list.push(component.clone()));
            continue;
        }
        let body = n.message.clone().unwrap_or_else(|| super::present::reason(&n.reason));
        let began = application.since.unwrap_or(n.timestamp);
        incidents.push((n.id, json!({
            "id": n.id, "name": format!("{}: {}", application.title, super::present::reason(&n.reason)),
            "status": "investigating", "impact": impact(application.state), "page_id": page_id(&status.settings.url),
            "created_at": began, "started_at": began, "updated_at": n.timestamp, "monitoring_at": null,
            "resolved_at": null, "shortlink": page_of(&status.settings.url), "components": [component],
            "incident_updates": [{
                "id": n.id, "incident_id": n.id, "status": "investigating", "body": body,
                "created_at": n.timestamp, "updated_at": n.timestamp, "display_at": n.timestamp,
                "affected_components": [],
            }],
        })));
    }
    incidents.into_iter().map(|(_, incident)| incident).collect()
}

fn maintenance(status: &Status<'_>, plan: &Planned<'_>) -> Value {
    let n = &plan.entry.notification;
    let state = if n.since() <= status.now { "in_progress" } else { "scheduled" };
    let body = n.message.clone().unwrap_or_else(|| super::present::reason(&n.reason));
    json!({
        "id": n.id, "name": plan.title(english()), "status": state, "impact": "maintenance",
        "page_id": page_id(&status.settings.url), "created_at": n.timestamp, "updated_at": n.timestamp,
        "started_at": n.since(), "monitoring_at": null, "resolved_at": null,
        "shortlink": page_of(&status.settings.url),
        "scheduled_for": n.since(), "scheduled_until": n.expected_back_at,
        "components": plan.applications.iter().map(|application| json!({
            "id": application.name, "name": application.title, "status": application.state.name(),
        })).collect::<Vec<_>>(),
        "incident_updates": [{
            "id": n.id, "incident_id": n.id, "status": state, "body": body, "created_at": n.timestamp,
            "updated_at": n.timestamp, "display_at": n.timestamp, "affected_components": [],
        }],
    })
}

fn impact(state: State) -> &'static str {
    match state {
        State::Major => "major",
        State::Maintenance => "maintenance",
        State::Partial | State::Degraded => "minor",
        State::Operational => "none",
    }
}

/// The same for the same page, whichever node answers.
fn page_id(url: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes()).simple().to_string()[..12].to_owned()
}

/// The page's address.
pub(super) fn page_of(url: &str) -> String {
    format!("{url}/.forewarn/status")
}
