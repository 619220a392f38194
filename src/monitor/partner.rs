//! Another farm: what its availability and its event stream say (docs/contract.md#another-farm).
//!
//! Must stay true: a cause that was derived from this farm's own words is no cause here, so that two farms that watch
//! each other do not keep each other closed; everything that is read is bounded.

use serde::Deserialize;

use super::{Claim, Statement};
use crate::availability::{Moment, Name, Reasons};

/// The most farms that a word is derived from.
pub const MAX_ORIGINS: usize = 16;
/// The longest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 256 * 1024;
/// The longest line of an event stream, in bytes.
pub const MAX_LINE: usize = 8 * 1024;
/// The longest message, in characters, as in every notification.
const MAX_MESSAGE: usize = 2_000;
/// The longest id of a farm, in bytes.
const MAX_FARM: usize = 64;

/// The answer of `/.forewarn/availability/NAME`; further members are passed over.
#[derive(Deserialize)]
struct Availability {
    available: bool,
    #[serde(default)]
    farm: Option<String>,
    #[serde(default)]
    causes: Vec<Cause>,
    #[serde(default)]
    advisories: Vec<Cause>,
    // A version without `causes` names the first one only.
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    expected_back_at: Option<Moment>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    expected_back_at: Option<Moment>,
    #[serde(default)]
    origins: Vec<String>,
}

/// Reads what a partner's availability says to the farm that calls itself `own`, and has these reasons.
///
/// # Errors
/// What is wrong with it, for people.
pub fn read(body: &[u8], own: impl Fn(&str) -> bool, reasons: &Reasons) -> Result<Statement, String> {
    let read: Availability = serde_json::from_slice(body)
        .map_err(|error| format!("The answer is not the availability of an application: {error}"))?;
    let Availability { available, farm, mut causes, advisories, reason, message, expected_back_at } = read;
    let farm = farm.filter(|farm| farm.len() <= MAX_FARM);
    if causes.is_empty() && !available {
        causes.push(Cause { reason, message, expected_back_at, origins: Vec::new() });
    }
    // What the partner says because of this farm is not said again.
    let is_foreign =
        |cause: &Cause| !farm.as_deref().is_some_and(&own) && !cause.origins.iter().any(|origin| own(origin));
    let closing: Vec<Cause> = causes.into_iter().filter(is_foreign).filter(|_| !available).collect();
    if !closing.is_empty() {
        return Ok(told(Claim::Unavailable, &closing, farm, reasons));
    }
    let degraded: Vec<Cause> = advisories.into_iter().filter(is_foreign).collect();
    Ok(match degraded.is_empty() {
        true => Statement::plain(Claim::Available, None),
        false => told(Claim::Degraded, &degraded, farm, reasons),
    })
}

/// Several causes: the first one's reason and message, the latest return, none if any has none.
fn told(claim: Claim, causes: &[Cause], farm: Option<String>, reasons: &Reasons) -> Statement {
    let first = causes.first();
    let known = |name: &String| name.parse::<Name>().is_ok() && reasons.named(name).is_some();
    let back = causes.iter().map(|cause| cause.expected_back_at).min_by_key(Option::is_some).flatten();
    let back = back.and_then(|_| causes.iter().filter_map(|cause| cause.expected_back_at).max());
    let mut origins: Vec<String> = Vec::new();
    for origin in farm.into_iter().chain(causes.iter().flat_map(|cause| cause.origins.iter().cloned())) {
        if origin.len() <= MAX_FARM && !origins.contains(&origin) && origins.len() < MAX_ORIGINS {
            origins.push(origin);
        }
    }
    let message = first.and_then(|cause| cause.message.as_ref());
    Statement {
        claim,
        reason: first.and_then(|cause| cause.reason.clone()).filter(known),
        message: message.map(|text| text.chars().take(MAX_MESSAGE).collect()),
        expected_back_at: back,
        held: false,
        origins,
    }
}

/// An event stream (WHATWG HTML §9.2), of which only matters that there was an event.
#[derive(Debug, Default)]
pub struct Events {
    line: usize,
    has_data: bool,
    /// The first bytes of the line.
    start: [u8; 5],
}

impl Events {
    /// Takes the next bytes; whether an event has ended in them.
    ///
    /// # Errors
    /// A line is longer than [`MAX_LINE`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool, String> {
        let mut is_event = false;
        for byte in bytes {
            match byte {
                b'\n' if self.line == 0 => is_event |= std::mem::take(&mut self.has_data),
                b'\n' => {
                    self.has_data |= self.start == *b"data:";
                    (self.line, self.start) = (0, [0; 5]);
                }
                b'\r' => {}
                byte => {
                    if let Some(place) = self.start.get_mut(self.line) {
                        *place = *byte;
                    }
                    self.line += 1;
                    if self.line > MAX_LINE {
                        return Err(format!("A line of the event stream is longer than {MAX_LINE} bytes"));
                    }
                }
            }
        }
        Ok(is_event)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    const OWN: &str = "a1";

    fn says(value: &Value) -> Statement {
        read(value.to_string().as_bytes(), |farm| farm == OWN, &Reasons::with([])).unwrap()
    }

    fn cause(reason: &str, origins: &[&str], back: Option<&str>) -> Value {
        json!({"reason": reason, "message": format!("for {reason}"), "expected_back_at": back, "origins": origins, "new": 1})
    }

    fn closed(causes: &[Value]) -> Value {
        json!({"application": "x", "available": false, "farm": "b2", "causes": causes, "advisories": [], "upcoming": []})
    }

    #[test]
    fn a_closing_carries_reason_message_and_return_over() {
        let (early, late) = ("2026-11-23T18:00:00Z", "2026-11-23T19:00:00Z");
        let told = says(&closed(&[cause("testing", &[], Some(late)), cause("unknown", &["c3"], Some(early))]));
        let statement = &told;
        assert_eq!((statement.claim, statement.reason.as_deref()), (Claim::Unavailable, Some("testing")));
        assert_eq!(statement.message.as_deref(), Some("for testing"));
        assert_eq!(statement.expected_back_at, Some(late.parse().unwrap()));
        assert_eq!(told.origins, ["b2", "c3"]);
        let unsure = says(&closed(&[cause("testing", &[], Some(late)), cause("unknown", &[], None)]));
        assert_eq!(unsure.expected_back_at, None);
        assert_eq!(says(&closed(&[cause("their-own", &[], None)])).reason, None, "a reason that is unknown here");
    }

    #[test]
    fn what_was_derived_from_this_farm_is_no_cause_here() {
        let open = says(&closed(&[cause("testing", &["c3", OWN], None)]));
        assert_eq!((open.claim, open.origins.len()), (Claim::Available, 0));
        let both = says(&closed(&[cause("testing", &[OWN], None), cause("unknown", &[], None)]));
        assert_eq!((both.claim, both.reason.as_deref()), (Claim::Unavailable, Some("unknown")));
        let mut itself = closed(&[cause("testing", &[], None)]);
        itself["farm"] = json!(OWN);
        assert_eq!(says(&itself).claim, Claim::Available, "a farm that watches itself");
    }

    #[test]
    fn an_advisory_is_carried_over_unless_it_is_this_farms_own() {
        let degraded = |origins: &[&str]| {
            says(&json!({"available": true, "farm": "b2", "advisories": [cause("testing", origins, None)]}))
        };
        assert_eq!((degraded(&[]).claim, degraded(&["c3"]).origins.len()), (Claim::Degraded, 2));
        assert_eq!(degraded(&[OWN]).claim, Claim::Available);
    }

    #[test]
    fn an_earlier_version_and_what_is_no_availability() {
        let told = says(&json!({"available": false, "reason": "testing", "message": null}));
        assert_eq!((told.reason.as_deref(), told.origins.len()), (Some("testing"), 0));
        for wrong in ["", "[]", "{}", "{\"available\": 1}", "{\"available\": false, \"causes\": [1]}"] {
            assert!(read(wrong.as_bytes(), |farm| farm == OWN, &Reasons::with([])).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..100).map(|at| format!("f{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(says(&closed(&[cause("testing", &many, None)])).origins.len(), MAX_ORIGINS);
    }

    #[test]
    fn events_are_noticed_in_any_pieces() {
        let text = "retry: 2000\n: hello\n\nid: 1\nevent: availability\ndata: {}\n\ndata:x\r\n\r\n: idle\n\n";
        for size in [1, 2, 7, 1_000] {
            let mut events = Events::default();
            let seen: usize = text.as_bytes().chunks(size).map(|piece| usize::from(events.feed(piece).unwrap())).sum();
            assert!((1..=2).contains(&seen) && (size > 7 || seen == 2), "{size}: {seen}");
        }
        assert!(!Events::default().feed(b": only comments\n\n: more\n\n").unwrap());
        assert!(Events::default().feed(&vec![b'x'; MAX_LINE + 1]).is_err());
    }
}
