//! One language: its messages, and dates and distances in time as it has them.
//!
//! Must stay true: asking for a message costs no lock but where a number decides between plurals, and those texts
//! are kept; a message that is missing shows its own name, and tests and checks see to it that none is.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::{CharacterDirection, LanguageIdentifier};

use super::Site;
use crate::availability::{Moment, Reason};

/// Distances that are kept, once they were told: in minutes, hours and days, up to these.
const KEPT: [(Unit, u64); 3] = [(Unit::Minutes, 45), (Unit::Hours, 24), (Unit::Days, 100)];

/// Names of the languages that come with the program.
const NAMES: [(&str, &str); 7] = [
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
    ("ja", "日本語"),
    ("pt", "Português"),
];

/// See the module.
pub struct Language {
    tag: String,
    rtl: bool,
    bundle: FluentBundle<FluentResource>,
    /// The kept distances, those ahead first.
    distances: [Vec<OnceLock<String>>; 2],
    /// The site that it is spoken at.
    site: Arc<Site>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Minutes,
    Hours,
    Days,
}

impl Language {
    /// Of Fluent texts; a later one replaces messages of those before. None: the tag or a text is not valid.
    pub(super) fn new<'a>(tag: &str, texts: impl IntoIterator<Item = &'a str>, site: &Arc<Site>) -> Option<Self> {
        let id: LanguageIdentifier = tag.parse().ok()?;
        let rtl = id.character_direction() == CharacterDirection::RTL;
        let tag = id.to_string();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // What is put in may run the other way; elsewhere texts stay as they are written.
        bundle.set_use_isolating(rtl);
        for text in texts {
            bundle.add_resource_overriding(FluentResource::try_new(text.to_owned()).ok()?);
        }
        let kept = KEPT.iter().map(|(_, most)| *most as usize + 1).sum();
        let places = || (0..kept).map(|_| OnceLock::new()).collect();
        Some(Self { tag, rtl, bundle, distances: [places(), places()], site: Arc::clone(site) })
    }

    /// Its tag (BCP 47), for `lang` and `Content-Language`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What its speakers call it; the tag of one that is not known here.
    pub fn name(&self) -> &str {
        let known = NAMES.iter().find(|(tag, _)| *tag == self.tag);
        known.map_or(&self.tag, |(_, name)| name)
    }

    /// The value of `dir`.
    pub fn dir(&self) -> &'static str {
        if self.rtl { "rtl" } else { "ltr" }
    }

    /// What the site gives of its own, in every language.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whether it is English, whose texts programs rely on.
    pub fn is_english(&self) -> bool {
        self.tag == "en"
    }

    /// Whether there is such a message.
    pub fn has(&self, id: &str) -> bool {
        self.bundle.has_message(id)
    }

    /// A message without variables.
    pub fn say(&self, id: &str) -> String {
        self.tell(id, &[])
    }

    /// A message with texts in it.
    pub fn tell(&self, id: &str, texts: &[(&'static str, &str)]) -> String {
        let mut args = FluentArgs::with_capacity(texts.len());
        for (name, text) in texts {
            args.set(*name, *text);
        }
        self.format(id, None, &args)
    }

    /// The text that a message has beside itself, such as what a problem means.
    pub fn more(&self, id: &str, texts: &[(&'static str, &str)]) -> String {
        let mut args = FluentArgs::with_capacity(texts.len());
        for (name, text) in texts {
            args.set(*name, *text);
        }
        self.format(id, Some("text"), &args)
    }

    /// A message about so many.
    pub fn count(&self, id: &str, n: u64) -> String {
        let mut args = FluentArgs::with_capacity(1);
        // In Arabic the last two digits decide; the library's table of rules lacks that "modulo 100".
        let like = match n % 100 {
            _ if n <= 100 || !self.tag.starts_with("ar") => n,
            0..=2 => 100,
            rest => rest,
        };
        args.set("n", like);
        let text = self.format(id, None, &args);
        if like == n { text } else { text.replace(&like.to_string(), &n.to_string()) }
    }

    /// A message around what is written in between, which may have markup: what comes before and behind it.
    pub fn around(&self, id: &str, name: &'static str) -> (String, String) {
        let whole = self.tell(id, &[(name, "\u{1}")]);
        match whole.split_once('\u{1}') {
            Some((before, behind)) => (before.to_owned(), behind.to_owned()),
            None => (whole, String::new()),
        }
    }

    fn format(&self, id: &str, part: Option<&str>, args: &FluentArgs<'_>) -> String {
        let message = self.bundle.get_message(id);
        let pattern = message.and_then(|message| match part {
            None => message.value(),
            Some(part) => Some(message.get_attribute(part)?.value()),
        });
        match pattern {
            Some(pattern) => self.bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned(),
            None => id.to_owned(),
        }
    }

    /// What people call an application: the site's own text for it, or its title.
    pub fn application(&self, name: &str, title: &str) -> String {
        self.own("application", name).unwrap_or_else(|| title.to_owned())
    }

    fn own(&self, kind: &str, name: &str) -> Option<String> {
        let id = format!("{kind}-{}", name.replace('.', "-"));
        self.has(&id).then(|| self.say(&id))
    }

    /// Why something is down, as the sentences about it have it.
    pub fn reason(&self, reason: &Reason) -> String {
        match (self.own("reason", reason.name.as_str()), &reason.title) {
            (Some(own), _) => own,
            (None, Some(title)) => self.tell("titled-reason", &[("title", title)]),
            (None, None) => self.tell("named-reason", &[("name", reason.name.as_str())]),
        }
    }

    /// The same by itself.
    pub fn cause(&self, reason: &Reason) -> String {
        match (self.own("cause", reason.name.as_str()), &reason.title) {
            (Some(own), _) => own,
            (None, _) if !self.is_english() && self.own("reason", reason.name.as_str()).is_some() => {
                self.reason(reason)
            }
            (None, Some(title)) => title.clone(),
            (None, None) => reason.name.as_str().replace('-', " "),
        }
    }

    /// A point in time for people who have no script to tell it in their own zone.
    pub fn date(&self, moment: Moment) -> String {
        use chrono::{Datelike as _, Timelike as _};
        let at = moment.to_datetime();
        let mut args = FluentArgs::with_capacity(4);
        args.set("day", at.day().to_string());
        args.set("month", at.month());
        args.set("year", at.year().to_string());
        args.set("time", format!("{:02}:{:02}", at.hour(), at.minute()));
        self.format("date", None, &args)
    }

    /// A point in time within a sentence: as programs write it in English, which they may read; else for people.
    pub fn moment(&self, moment: Moment) -> String {
        match self.is_english() {
            true => moment.whole_second().to_string(),
            false => self.date(moment),
        }
    }

    /// How far `then` lies from `now`: "in 2 hours", "5 minutes ago". The page's script tells the same
    /// (`Intl.RelativeTimeFormat`), so that nothing changes when it takes over.
    pub fn distance(&self, now: Moment, then: Moment) -> Cow<'_, str> {
        let ahead = then > now;
        let distance = if ahead { then.since(now) } else { now.since(then) };
        let seconds = u64::try_from(distance.as_millis().saturating_add(500) / 1000).unwrap_or(u64::MAX / 2);
        let rounded = |unit: u64| (seconds + unit / 2) / unit;
        let (unit, n) = match seconds {
            0..90 => (Unit::Minutes, 1),
            90..2_700 => (Unit::Minutes, rounded(60)),
            2_700..5_400 => (Unit::Hours, 1),
            5_400..79_200 => (Unit::Hours, rounded(3_600)),
            79_200..129_600 => (Unit::Days, 1),
            _ => (Unit::Days, rounded(86_400)),
        };
        let make = || self.count(unit.message(ahead), n);
        let before: u64 = KEPT.iter().take_while(|(kept, _)| *kept != unit).map(|(_, most)| most + 1).sum();
        let most = KEPT.iter().find(|(kept, _)| *kept == unit).map_or(0, |(_, most)| *most);
        let place = usize::try_from(before + n).ok().filter(|_| n <= most);
        match place.and_then(|place| self.distances[usize::from(!ahead)].get(place)) {
            Some(place) => Cow::Borrowed(place.get_or_init(make)),
            None => Cow::Owned(make()),
        }
    }
}

impl Unit {
    fn message(self, ahead: bool) -> &'static str {
        match (self, ahead) {
            (Self::Minutes, true) => "in-minutes",
            (Self::Minutes, false) => "minutes-ago",
            (Self::Hours, true) => "in-hours",
            (Self::Hours, false) => "hours-ago",
            (Self::Days, true) => "in-days",
            (Self::Days, false) => "days-ago",
        }
    }
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Language").field(&self.tag).finish()
    }
}
