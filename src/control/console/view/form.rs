//! The form for notifications.

use askama::Template;

use super::{Choice, Chrome, Moved};
use crate::{
    availability::{Reasons, Target},
    control::console::{
        form::{About, Fields, Problem, time_of},
        when::Face,
        words,
    },
};

/// A field for a date and a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeField {
    /// As it is shown: in the operators' zone, or as it was typed if that is no time.
    pub value: String,
    /// The moment it stands for, for scripts, which show it in the browser's zone; empty: none.
    pub exact: String,
}

impl TimeField {
    fn new(typed: &str, exact: &str, shown: &str, face: &Face) -> Self {
        match time_of(typed, exact, shown, face.zone).ok().flatten() {
            Some(moment) => Self { value: face.field(moment), exact: moment.to_string() },
            None => Self { value: typed.to_owned(), exact: String::new() },
        }
    }

    /// What goes with the field unseen, so that it stays that moment if it is not edited.
    pub(crate) fn shown(&self) -> String {
        if self.exact.is_empty() { String::new() } else { format!("{} {}", self.value, self.exact) }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/form.html")]
pub(crate) struct FormPage {
    /// Around it.
    pub chrome: Chrome,
    /// As they were typed.
    pub fields: Fields,
    /// The whole system.
    pub system: Choice,
    /// Every application of the farm.
    pub applications: Vec<Choice>,
    /// Every resource of the farm.
    pub resources: Vec<Choice>,
    /// What was chosen and is not known, so that it is seen and can be taken away.
    pub others: Vec<Choice>,
    /// All reasons of this node.
    pub reasons: Vec<Choice>,
    /// When it begins.
    pub begins: TimeField,
    /// When it is back.
    pub back: TimeField,
    /// Criteria without an input, in words; without the mark they are not sent.
    pub kept: Vec<Choice>,
    /// What to fix.
    pub problems: Vec<Problem>,
    /// Something to know first.
    pub notice: Option<String>,
    /// What the plan or closing has become meanwhile.
    pub moved: Option<Moved>,
    /// Templates to start from: addresses and titles.
    pub starts: Vec<Choice>,
}

impl FormPage {
    /// A form with these fields filled in.
    pub(crate) fn new(
        chrome: Chrome,
        mut fields: Fields,
        known: &[(Target, String)],
        reasons: &Reasons,
        face: &Face,
    ) -> Self {
        for (field, default) in [
            (&mut fields.status, "unavailable"),
            (&mut fields.duration_unit, "minutes"),
            (&mut fields.last_entry_unit, "minutes"),
        ] {
            if field.is_empty() {
                default.clone_into(field);
            }
        }
        let choice = |target: &Target, label: &str| {
            let value = target.to_string();
            Choice { chosen: fields.has_target(&value), label: label.to_owned(), value }
        };
        let of = |wanted: fn(&Target) -> bool| -> Vec<Choice> {
            let mut choices: Vec<Choice> = known
                .iter()
                .filter(|(target, _)| wanted(target))
                .map(|(target, title)| choice(target, title))
                .collect();
            choices.sort_by_key(|choice| choice.label.to_lowercase());
            choices
        };
        let applications = of(|target| matches!(target, Target::Application(_)));
        let resources = of(|target| matches!(target, Target::Resource(_)));
        let system = choice(&Target::System, "The whole system");
        let offered = |value: &String| {
            [&system].into_iter().chain(&applications).chain(&resources).any(|choice| choice.value == *value)
        };
        let others = fields.targets.iter().filter(|value| !offered(value));
        let others = others.map(|value| Choice { value: value.clone(), label: value.clone(), chosen: true }).collect();
        let chosen = if fields.reason.is_empty() { "unknown" } else { &fields.reason };
        let mut reasons: Vec<Choice> = reasons
            .iter()
            .map(|reason| Choice {
                value: reason.name.to_string(),
                label: words::reason(reason),
                chosen: reason.name.as_str() == chosen,
            })
            .collect();
        if !reasons.iter().any(|reason| reason.chosen) {
            let label = format!("{chosen} (not in this node’s configuration)");
            reasons.push(Choice { value: chosen.to_owned(), label, chosen: true });
        }
        let kept = fields.kept.iter().map(|kept| Choice {
            value: kept.clone(),
            label: serde_json::from_str(kept).map_or_else(|_| kept.clone(), |kinds| words::kinds(&kinds).join("; ")),
            chosen: true,
        });
        Self {
            begins: TimeField::new(&fields.begins, &fields.begins_exact, &fields.begins_shown, face),
            back: TimeField::new(&fields.back, &fields.back_exact, &fields.back_shown, face),
            kept: kept.collect(),
            chrome,
            system,
            applications,
            resources,
            others,
            reasons,
            fields,
            problems: Vec::new(),
            notice: None,
            moved: None,
            starts: Vec::new(),
        }
    }

    /// It is about a notification.
    pub(crate) fn notifies(&self) -> bool {
        self.fields.about() == About::Notification
    }

    /// It is about a schedule.
    pub(crate) fn recurs(&self) -> bool {
        self.fields.about() == About::Schedule
    }

    /// It changes nothing that is there.
    pub(crate) fn is_new(&self) -> bool {
        self.fields.replaces.is_empty() && self.fields.updates.is_empty() && self.fields.version.is_empty()
    }

    /// Where it is sent.
    pub(crate) fn action(&self) -> &'static str {
        match self.fields.about() {
            About::Notification => "/notify",
            About::Template => "/templates/edit",
            About::Schedule => "/schedules/edit",
        }
    }

    /// How a schedule may recur.
    pub(crate) fn repeats(&self) -> Vec<Choice> {
        let choices = [
            ("daily", "Daily"),
            ("weekly", "Weekly"),
            ("monthly", "Monthly, on the same day"),
            ("weekday", "Monthly, on the same day of the week (such as the first Sunday)"),
            ("last", "Monthly, on the last one of this day of the week"),
            ("yearly", "Yearly"),
            ("other", "Another rule"),
        ];
        let choice = |(value, label): (&str, &str)| Choice {
            chosen: value == self.fields.repeat,
            value: value.to_owned(),
            label: label.to_owned(),
        };
        choices.into_iter().map(choice).collect()
    }

    /// Time zones to choose from.
    pub(crate) fn zones(&self) -> impl Iterator<Item = &'static str> {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        names.filter(|name| *name == "UTC" || (name.contains('/') && !name.starts_with("Etc/")))
    }

    /// What is wrong with one input.
    pub(crate) fn at(&self, anchor: &str) -> Vec<&Problem> {
        self.problems.iter().filter(|problem| problem.anchor == anchor).collect()
    }

    /// The `aria-describedby` and `aria-invalid` of an input belong to its problems.
    pub(crate) fn wrong(&self, anchor: &str) -> bool {
        self.problems.iter().any(|problem| problem.anchor == anchor)
    }

    /// Many enough to be searched rather than read.
    pub(crate) fn searchable(&self) -> bool {
        self.applications.len() + self.resources.len() > 8
    }

    /// The heading.
    pub(crate) fn title(&self) -> &'static str {
        match (self.fields.about(), self.is_new()) {
            (About::Template, true) => return "New template",
            (About::Template, false) => return "Change the template",
            (About::Schedule, true) => return "New schedule",
            (About::Schedule, false) => return "Change the schedule",
            (About::Notification, _) => {}
        }
        match (self.fields.replaces.is_empty(), self.fields.updates.is_empty()) {
            (false, _) => "Change planned maintenance",
            (true, false) => "Update",
            (true, true) => "Notify users",
        }
    }
}
