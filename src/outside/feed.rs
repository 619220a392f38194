//! The news as an Atom feed (RFC 4287): outages of the last 90 days and what is planned, the newest first.

use atom_syndication::{Content, Entry, Feed, Generator, Link, Person, Text};
use chrono::{DateTime, FixedOffset};
use uuid::Uuid;

use super::{Status, summary::page_of};
use crate::{availability::Moment, text::english};

/// The most entries.
const ENTRIES: usize = 50;

pub(super) fn feed(status: &Status<'_>) -> String {
    let page = page_of(&status.settings.url);
    let mut entries: Vec<Entry> = Vec::new();
    for outage in status.record.outages.iter().rev().take(ENTRIES) {
        let Some(application) = status.applications.get(outage.application) else { continue };
        let updated = outage.until.or(outage.updates.last().map(|update| update.0)).unwrap_or(outage.from);
        let mut lines: Vec<String> = outage.updates.iter().map(|(at, text)| format!("{at}: {text}")).collect();
        lines.push(match outage.until {
            Some(until) => format!("Over since {until}."),
            None => "It lasts.".to_owned(),
        });
        entries.push(Entry {
            id: format!("urn:uuid:{}", Uuid::new_v5(&outage.id, application.name.as_str().as_bytes())),
            title: Text::plain(format!("{}: {}", application.title, super::present::reason(&outage.reason))),
            updated: time(updated),
            published: Some(time(outage.from)),
            ..entry(&page, lines.join("\n"))
        });
    }
    for plan in status.plans().iter().take(ENTRIES) {
        let n = &plan.entry.notification;
        let until = n.expected_back_at.map(|until| format!(" until {until}")).unwrap_or_default();
        let text = format!("Planned from {}{until}. {}", n.since(), n.message.as_deref().unwrap_or_default());
        entries.push(Entry {
            id: format!("urn:uuid:{}", n.id),
            title: Text::plain(format!("Planned: {}", plan.title(english()))),
            updated: time(n.timestamp),
            published: Some(time(n.timestamp)),
            ..entry(&page, text.trim().to_owned())
        });
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.updated));
    let updated =
        entries.first().map_or(time(status.record.known_since.unwrap_or(Moment::ZERO)), |entry| entry.updated);
    let this = Link { href: format!("{page}/feed.atom"), rel: "self".to_owned(), ..Link::default() };
    Feed {
        title: Text::plain(status.settings.title.clone()),
        id: page.clone(),
        updated,
        authors: vec![Person { name: status.settings.title.clone(), ..Person::default() }],
        generator: Some(Generator { value: "Forewarn".to_owned(), ..Generator::default() }),
        links: vec![this, alternate(&page)],
        entries,
        ..Feed::default()
    }
    .to_string()
}

fn entry(page: &str, text: String) -> Entry {
    Entry {
        links: vec![alternate(page)],
        content: Some(Content { value: Some(text), content_type: Some("text".to_owned()), ..Content::default() }),
        ..Entry::default()
    }
}

fn alternate(page: &str) -> Link {
    Link {
        href: page.to_owned(),
        rel: "alternate".to_owned(),
        mime_type: Some("text/html".to_owned()),
        ..Link::default()
    }
}

fn time(moment: Moment) -> DateTime<FixedOffset> {
    moment.to_datetime().fixed_offset()
}
