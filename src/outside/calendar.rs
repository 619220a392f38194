//! What is planned, for calendars (RFC 5545). An event's `UID` is the plan's id.

use icalendar::{Calendar, Component, Event, EventLike, EventStatus};

use super::{Status, summary::page_of};
use crate::text::english;

pub(super) fn calendar(status: &Status<'_>) -> String {
    let mut calendar = Calendar::new();
    calendar.name(&status.settings.title);
    for plan in status.plans() {
        let n = &plan.entry.notification;
        let mut event = Event::new();
        event
            .uid(&n.id.to_string())
            .timestamp(n.timestamp.to_datetime())
            .summary(&plan.title(english()))
            .starts(n.since().to_datetime())
            .status(EventStatus::Confirmed)
            .url(&page_of(&status.settings.url));
        if let Some(until) = n.expected_back_at {
            event.ends(until.to_datetime());
        }
        if let Some(message) = &n.message {
            event.description(message);
        }
        calendar.push(event.done());
    }
    calendar.to_string()
}
