//! The form for notifications, schedules and templates: its fields as text, as they were typed.
//!
//! Must stay true: input is shown again exactly as it was sent, so that an operator's typing is never lost; no
//! input causes a panic.

mod json;
mod keep;
mod prefill;
mod problem;
mod rule;

pub(crate) use json::{time_of, to_json};
pub(crate) use keep::{Recorded, of_schedule, recurring, schedule_json, template_json};
pub(crate) use prefill::{again, begun, left_out, like, replacing, updating};
pub(crate) use problem::{Problem, of_fields};
pub(crate) use rule::{DAYS, Plain};

use percent_encoding::percent_decode_str;

/// Names and values in the order in which a browser sent them.
pub(crate) type Pairs = Vec<(String, String)>;

/// Reads `application/x-www-form-urlencoded` (URL Standard §5.1), for bodies and queries. Bytes
/// that are not UTF-8 become replacement characters.
pub(crate) fn read_pairs(text: &str) -> Pairs {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Writes what [`read_pairs`] reads.
pub(crate) fn write_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let written: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    written.join("&")
}

/// The first value of this name; empty if there is none.
pub(crate) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Every field of the form. Empty: not filled in.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub(crate) struct Fields {
            /// What it is about, each as `application:mail`.
            pub targets: Vec<String>,
            /// Criteria that the form has no input for, each kind as a JSON object: shown in words, and kept
            /// or removed as a whole.
            pub kept: Vec<String>,
            /// The days of the week of a schedule, such as `SU`.
            pub days: Vec<String>,
            $($(#[$doc])* pub $name: String,)*
        }

        impl Fields {
            /// Takes what belongs to the form out of what a browser sent. Line ends become `\n`
            /// (browsers send `\r\n`), so that the same text is the same content.
            pub(crate) fn read(pairs: &[(String, String)]) -> Self {
                let mut fields = Self::default();
                for (name, value) in pairs {
                    let value = value.replace("\r\n", "\n");
                    match name.as_str() {
                        "targets" if fields.targets.len() < MOST_TARGETS => fields.targets.push(value),
                        "kept" if fields.kept.len() < MOST_KEPT => fields.kept.push(value),
                        "days" if fields.days.len() < DAYS.len() => fields.days.push(value),
                        $(stringify!($name) => fields.$name = value,)*
                        _ => {}
                    }
                }
                fields
            }

            /// What is filled in, for hidden inputs.
            pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
                let targets = self.targets.iter().map(|target| ("targets", target.as_str()));
                let kept = self.kept.iter().map(|kind| ("kept", kind.as_str()));
                let days = self.days.iter().map(|day| ("days", day.as_str()));
                targets.chain(kept).chain(days).chain([$((stringify!($name), self.$name.as_str())),*]).filter(|(_, value)| !value.is_empty()).collect()
            }
        }
    };
}

/// One more than a notification may have, so that too many are noticed and not cut off.
const MOST_TARGETS: usize = 101;
/// More kinds of criteria than there are.
const MOST_KEPT: usize = 32;

fields! {
    /// The notification's id, made when the form is first shown: a double click, a reload or a
    /// retry at another node is the same notification.
    id,
    /// Made when the page with the confirming button is shown, not earlier: it decides precedence.
    timestamp,
    /// The plan to cancel; everything else but the message stays empty then.
    cancels,
    /// The plan that this one takes the place of.
    replaces,
    /// The closing that this one updates: it must still stand when this is sent. For the pages
    /// alone.
    updates,
    /// `available`, `unavailable` or `degraded`.
    status,
    /// Its name.
    reason,
    /// The failed part.
    component,
    /// For users.
    message,
    /// As typed, in the operators' zone. Empty: now.
    begins,
    /// The same in RFC 3339, set by scripts, which know the browser's zone. It goes before.
    begins_exact,
    /// What the field was filled in with, and the moment that this stands for, with a space between. Without
    /// scripts an untouched field is still that moment: the field may have fewer digits, or show a local time
    /// that clocks show twice.
    begins_shown,
    /// As typed, in the operators' zone.
    back,
    /// See `begins_exact`.
    back_exact,
    /// See `begins_shown`.
    back_shown,
    /// So long before the beginning newcomers are turned away: a number.
    last_entry,
    /// `minutes`, `seconds`, `hours`.
    last_entry_unit,
    /// A number.
    duration,
    /// `minutes`, `hours`, `days`.
    duration_unit,
    /// `manual` or `automatic`.
    restore,
    /// One a line.
    methods,
    /// One a line.
    paths,
    /// One `name: pattern` a line.
    headers,
    /// One `name=pattern` a line.
    query,
    /// One `name=pattern` a line.
    cookies,
    /// One a line.
    clients,
    /// One a line.
    nodes,
    /// `normal` or `critical`.
    priority,
    /// The id of a template: the form is about that, not about a notification.
    template,
    /// The id of a schedule: the form is about that.
    schedule,
    /// The version of the template or schedule that the form was filled in from; empty: a new one.
    version,
    /// What a template or schedule is called.
    title,
    /// The time zone of a schedule.
    zone,
    /// The local date and time from which on a schedule's rule is applied.
    starts,
    /// How a schedule recurs: see [`Plain`]; `other`: as `rule` says.
    repeat,
    /// Every how many days, weeks, months or years.
    every,
    /// The last day.
    until,
    /// An RFC 5545 rule.
    rule,
}

/// What a form is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// A notification.
    Notification,
    /// A template.
    Template,
    /// A schedule.
    Schedule,
}

impl Fields {
    /// What the form is about.
    pub(crate) fn about(&self) -> About {
        match (self.schedule.is_empty(), self.template.is_empty()) {
            (false, _) => About::Schedule,
            (true, false) => About::Template,
            (true, true) => About::Notification,
        }
    }

    /// This day of the week is chosen.
    pub(crate) fn has_day(&self, day: &str) -> bool {
        self.days.iter().any(|chosen| chosen == day)
    }

    /// Some criteria are filled in.
    pub(crate) fn has_criteria(&self) -> bool {
        [&self.methods, &self.paths, &self.headers, &self.query, &self.cookies, &self.clients, &self.nodes]
            .into_iter()
            .chain(&self.kept)
            .any(|text| !text.trim().is_empty())
    }

    /// This target is chosen.
    pub(crate) fn has_target(&self, target: &str) -> bool {
        self.targets.iter().any(|chosen| chosen == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_as_it_was() {
        let body = "targets=application%3Amail&targets=system&message=a+%3Cb%3E%0D%0A%26+%C3%BC&csrf=secret&status=unavailable&&odd";
        let fields = Fields::read(&read_pairs(body));
        assert_eq!(fields.targets, ["application:mail", "system"]);
        assert_eq!(fields.message, "a <b>\n& ü");
        let again = Fields::read(&read_pairs(&write_pairs(fields.pairs())));
        assert_eq!(again, fields);
        assert!(!write_pairs(fields.pairs()).contains("secret"), "the token is no field");
    }

    #[test]
    fn nonsense_is_read_without_harm() {
        for text in ["", "%", "%zz=%", "=&=", "a=%ff%fe", "&&&"] {
            Fields::read(&read_pairs(text));
        }
    }
}
