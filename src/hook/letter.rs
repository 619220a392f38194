//! The message about one event, in the form that its receiver reads.
//!
//! Must stay true: whatever a message or a title contains, it is text there: escaped in Slack's markup, without line
//! breaks in a header field or a subject.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Event, Format, Kind};
use crate::{
    availability::{Moment, Name},
    vocabulary::Secret,
};

/// An application that the event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: String,
}

/// A message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Header fields beside the usual ones.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A line that says what has happened, such as *Mail is unavailable*.
pub fn title(event: &Event, about: &[About]) -> String {
    let names: Vec<&str> = about.iter().map(|about| about.title.as_str()).collect();
    let names = match names.as_slice() {
        [] => event.entry.notification.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        [one] => (*one).to_owned(),
        [some @ .., last] if names.len() <= 5 => format!("{} and {last}", some.join(", ")),
        [first, second, ..] => format!("{first}, {second} and {} more applications", names.len() - 2),
    };
    let verb = if about.len() > 1 { "are" } else { "is" };
    let text = match event.kind {
        Kind::Planned | Kind::BeginsSoon => {
            let begin = event.entry.notification.goes_down_at.map(clock).unwrap_or_default();
            format!("{names} will be unavailable from {begin}")
        }
        Kind::Cancelled => format!("{names}: the planned closing was cancelled"),
        Kind::Closed => format!("{names} {verb} unavailable"),
        Kind::Opened if event.entry.notification.degraded => format!("{names} {verb} available, but degraded"),
        Kind::Opened => format!("{names} {verb} available again"),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is known beyond the title, a line each.
pub fn lines(event: &Event) -> Vec<String> {
    let said = &event.entry.notification;
    let mut lines = Vec::new();
    if event.kind != Kind::Opened {
        lines.push(format!("Reason: {}", said.reason.title.as_deref().unwrap_or(said.reason.name.as_str())));
        lines.extend(said.expected_back_at.map(|back| format!("Expected back: {}", clock(back))));
    }
    lines.extend(said.component.iter().map(|component| format!("Component: {component}")));
    if event.kind != Kind::Opened || said.status.is_some_and(|status| status == crate::availability::Status::Available)
    {
        lines.extend(said.message.clone());
    }
    lines
}

fn clock(moment: Moment) -> String {
    moment.to_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The message for a webhook. `now` is signed with it.
pub fn letter(
    event: &Event,
    about: &[About],
    sender: &Name,
    format: Format,
    secret: Option<&Secret>,
    now: Moment,
) -> Letter {
    let (title, lines) = (title(event, about), lines(event));
    let mut fields = Vec::new();
    let body = match format {
        Format::Json => json!({
            "id": event.id,
            "event": event.kind,
            "at": event.at,
            "title": title,
            "text": lines.join("\n"),
            "applications": about.iter().map(|one| json!({"name": one.name, "title": one.title})).collect::<Vec<_>>(),
            "notification": event.entry.notification,
            "node": sender,
        }),
        Format::Slack => {
            let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let text: Vec<String> =
                [format!("*{}*", escape(&title))].into_iter().chain(lines.iter().map(|line| escape(line))).collect();
            json!({"text": text.join("\n")})
        }
        Format::Teams => card(&title, &lines),
        Format::Ntfy => Value::Null,
    };
    let body = match format {
        Format::Ntfy => {
            fields.push(("title", title));
            fields.push(("tags", if event.kind == Kind::Opened { "white_check_mark" } else { "warning" }.to_owned()));
            fields.push(("priority", if event.kind == Kind::Closed { "4" } else { "3" }.to_owned()));
            fields.push(("content-type", "text/plain; charset=utf-8".to_owned()));
            lines.join("\n").into_bytes()
        }
        Format::Json | Format::Slack | Format::Teams => {
            fields.push(("content-type", "application/json".to_owned()));
            body.to_string().into_bytes()
        }
    };
    fields.push(("forewarn-event", event.kind.name().to_owned()));
    fields.push(("forewarn-event-id", event.id.to_string()));
    fields.extend(secret.map(|secret| ("forewarn-signature", signature(secret, now, &body))));
    Letter { fields, body }
}

/// An Adaptive Card, as the workflows of Microsoft Teams take it.
fn card(title: &str, lines: &[String]) -> Value {
    let heading = json!({"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": true});
    let mut body = vec![heading];
    body.extend(lines.iter().map(|line| json!({"type": "TextBlock", "text": line, "wrap": true})));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

/// `t=…,v1=…`: the time in seconds, and the HMAC-SHA256 of time, a dot and the body.
fn signature(secret: &Secret, now: Moment, body: &[u8]) -> String {
    let time = now.millis().div_euclid(1_000).to_string();
    // HMAC takes keys of any length (RFC 2104, section 2).
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return String::new() };
    hmac.update(time.as_bytes());
    hmac.update(b".");
    hmac.update(body);
    format!("t={time},v1={}", hex::encode(hmac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::event, *};

    fn about(titles: &[&str]) -> Vec<About> {
        titles.iter().map(|title| About { name: "mail".parse().unwrap(), title: (*title).to_owned() }).collect()
    }

    fn closing() -> Event {
        let more = json!({
            "message": "Disk <b>full</b> & hot", "reason": "unplanned-outage", "reason_code": 2,
            "expected_back_at": Moment::from_millis(7_200_000),
        });
        event::events(&[event::tests::entry(1, 3_600_000, more)]).remove(0)
    }

    fn written(format: Format, secret: Option<&Secret>) -> Letter {
        letter(&closing(), &about(&["Mail"]), &"a".parse().unwrap(), format, secret, Moment::from_millis(1_500))
    }

    #[test]
    fn each_format_says_what_has_happened_until_when_and_why() {
        let json: Value = serde_json::from_slice(&written(Format::Json, None).body).unwrap();
        assert_eq!((&json["event"], &json["title"]), (&"closed".into(), &"Mail is unavailable".into()));
        assert_eq!(json["notification"]["message"], "Disk <b>full</b> & hot");
        assert_eq!((&json["applications"][0]["name"], &json["at"]), (&"mail".into(), &"1970-01-01T01:00:00Z".into()));
        let slack: Value = serde_json::from_slice(&written(Format::Slack, None).body).unwrap();
        let text = "*Mail is unavailable*\nReason: unplanned-outage\nExpected back: 1970-01-01 02:00 UTC\n\
            Disk &lt;b&gt;full&lt;/b&gt; &amp; hot";
        assert_eq!(slack["text"], text);
        let teams: Value = serde_json::from_slice(&written(Format::Teams, None).body).unwrap();
        assert_eq!(teams["attachments"][0]["content"]["body"][0]["text"], "Mail is unavailable");
        let ntfy = written(Format::Ntfy, None);
        assert!(ntfy.fields.contains(&("title", "Mail is unavailable".to_owned())));
        assert!(String::from_utf8(ntfy.body).unwrap().contains("Expected back"));
    }

    #[test]
    fn the_signature_is_over_time_and_body() {
        let letter = written(Format::Ntfy, Some(&Secret::new("key")));
        let signature = &letter.fields.iter().find(|(name, _)| *name == "forewarn-signature").unwrap().1;
        let mut hmac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        hmac.update(&[b"1.", letter.body.as_slice()].concat());
        assert_eq!(*signature, format!("t=1,v1={}", hex::encode(hmac.finalize().into_bytes())));
    }

    #[test]
    fn titles_name_some_and_count_the_rest() {
        let event = closing();
        assert_eq!(title(&event, &[]), "application:mail is unavailable");
        assert_eq!(title(&event, &about(&["A", "B\r\nX", "C"])), "A, B  X and C are unavailable");
        let many: Vec<&str> = (0..60).map(|_| "A").collect();
        assert_eq!(title(&event, &about(&many)), "A, A and 58 more applications are unavailable");
    }
}
