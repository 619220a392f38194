//! Planned maintenance as a calendar of a month or a week, in the operators' zone.
//!
//! Must stay true: a plan stands on every day that it touches; what does not fit into a day is counted and led to,
//! never left out in silence.

use std::time::Duration;

use askama::Template;
use chrono::{Datelike as _, Days, Months, NaiveDate, TimeZone as _};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Chrome, FarmState, board::planned};
use crate::{
    actors::desk::Board,
    availability::{Entry, Moment},
    control::console::{
        when::Face,
        words::{self, Titles},
    },
};

/// How many plans a day of a month shows; the week shows more.
const IN_MONTH: usize = 4;
const IN_WEEK: usize = 100;
/// What begins within this time has become a plan; beyond it schedules are asked.
const PLANNED: Duration = Duration::from_secs(14 * 86_400);
/// Names of days, Monday first.
const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A month or a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// The month of its first day.
    Month(NaiveDate),
    /// The week of its Monday.
    Week(NaiveDate),
}

impl Span {
    /// From an address; `None`: a list is asked for. What is no date is today.
    pub(crate) fn read(view: &str, at: &str, face: &Face) -> Option<Self> {
        let today = day_of(face.now, face.zone);
        let day = [at.to_owned(), format!("{at}-01")].iter().find_map(|text| text.parse::<NaiveDate>().ok());
        // Time is counted from 1970 to 9999; a calendar needs some room on both sides.
        let day = day.filter(|day| (1971..=9_000).contains(&day.year())).unwrap_or(today);
        match view {
            "month" => Some(Self::Month(day.with_day(1).unwrap_or(day))),
            "week" => Some(Self::Week(monday(day))),
            _ => None,
        }
    }

    /// The days that are shown, first and last.
    fn days(self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Month(first) => {
                let last = first + Months::new(1) - Days::new(1);
                (monday(first), monday(last) + Days::new(6))
            }
            Self::Week(first) => (first, first + Days::new(6)),
        }
    }

    /// The part of the shown time in which occurrences of schedules are no plans yet.
    pub(crate) fn beyond_plans(self, face: &Face) -> (Moment, Moment) {
        let (first, last) = self.days();
        let from = begins(first, face.zone).max(face.now.after(PLANNED));
        (from, begins(last + Days::new(1), face.zone))
    }

    fn href(self) -> String {
        match self {
            Self::Month(first) => format!("/plans?view=month&at={}", first.format("%Y-%m")),
            Self::Week(first) => format!("/plans?view=week&at={first}"),
        }
    }

    /// The span before and after.
    fn around(self) -> (Self, Self) {
        match self {
            Self::Month(first) => (Self::Month(first - Months::new(1)), Self::Month(first + Months::new(1))),
            Self::Week(first) => (Self::Week(first - Days::new(7)), Self::Week(first + Days::new(7))),
        }
    }
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(day.weekday().num_days_from_monday().into())
}

fn day_of(at: Moment, zone: Tz) -> NaiveDate {
    at.to_datetime().with_timezone(&zone).date_naive()
}

/// When a day begins; where clocks skip midnight, an hour later.
fn begins(day: NaiveDate, zone: Tz) -> Moment {
    let hours = (0..3).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
    let first = hours.filter_map(|local| zone.from_local_datetime(&local).earliest()).next();
    first.map_or(Moment::ZERO, |first| Moment::from_millis(first.timestamp_millis()))
}

/// An occurrence of a schedule that is no plan yet.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// When it begins.
    pub begins: Moment,
    /// When it ends.
    pub ends: Moment,
    /// What its schedule is called.
    pub title: String,
    /// Of which schedule.
    pub schedule: Uuid,
}

/// One plan on one day.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Where more of it is.
    pub href: String,
    /// At what time on this day.
    pub time: String,
    /// What it closes.
    pub title: String,
    /// `plan`, `running` or `expected`.
    pub kind: &'static str,
    begins: Moment,
    ends: Option<Moment>,
}

/// One day.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// `2026-12-06`.
    pub date: NaiveDate,
    /// Its number in the month.
    pub number: u32,
    /// "Sunday, 6 December", for phones and for those who hear the page.
    pub label: String,
    /// It is the present one.
    pub today: bool,
    /// It belongs to another month.
    pub outside: bool,
    /// Its plans, by their beginning.
    pub items: Vec<Item>,
    /// How many more there are, and where.
    pub more: usize,
    /// The week of this day.
    pub week: String,
}

/// The page.
#[derive(Template)]
#[template(path = "console/calendar.html")]
pub(crate) struct CalendarPage {
    /// Around it.
    pub chrome: Chrome,
    /// Nodes that cannot be reached.
    pub farm: FarmState,
    /// `month` or `week`.
    pub tab: &'static str,
    /// "December 2026", "30 November to 6 December 2026".
    pub title: String,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
    /// Names of days.
    pub names: [&'static str; 7],
    /// The days by weeks.
    pub weeks: Vec<Vec<Day>>,
    /// Where the calendar goes back, to the present and on.
    pub previous: String,
    /// See `previous`.
    pub present: String,
    /// See `previous`.
    pub next: String,
}

impl CalendarPage {
    /// Of what is on the board and what schedules expect.
    pub(crate) fn new(
        chrome: Chrome,
        farm: FarmState,
        span: Span,
        board: &Board,
        expected: &[Expected],
        titles: &Titles,
        face: &Face,
    ) -> Self {
        let (first, last) = span.days();
        let mut items = items(board, expected, titles);
        items.sort_by_key(|item| item.begins);
        let most = if matches!(span, Span::Month(_)) { IN_MONTH } else { IN_WEEK };
        let mut touched = 0;
        let mut day = |date: NaiveDate| {
            let (from, until) = (begins(date, face.zone), begins(date + Days::new(1), face.zone));
            let of_day = items.iter().filter(|item| {
                item.begins < until && (item.ends.is_none_or(|ends| ends > from) || item.begins >= from)
            });
            let mut of_day: Vec<Item> = of_day.map(|item| item.on(from, until, face)).collect();
            touched += of_day.iter().filter(|item| item.begins >= from || date == first).count();
            let more = of_day.len().saturating_sub(most);
            of_day.truncate(most);
            Day {
                number: date.day(),
                label: date.format("%A, %-d %B").to_string(),
                today: date == day_of(face.now, face.zone),
                outside: matches!(span, Span::Month(month) if month.month() != date.month()),
                items: of_day,
                more,
                week: Span::Week(monday(date)).href(),
                date,
            }
        };
        let dates: Vec<NaiveDate> = first.iter_days().take_while(|date| *date <= last).collect();
        let weeks = dates.chunks(7).map(|week| week.iter().map(|date| day(*date)).collect()).collect();
        let (title, tab) = match span {
            Span::Month(month) => (month.format("%B %Y").to_string(), "month"),
            Span::Week(_) => (format!("{} to {}", first.format("%-d %B"), last.format("%-d %B %Y")), "week"),
        };
        let (previous, next) = span.around();
        let today = day_of(face.now, face.zone);
        let present = match span {
            Span::Month(_) => Span::Month(today.with_day(1).unwrap_or(today)),
            Span::Week(_) => Span::Week(monday(today)),
        };
        let summary = match touched {
            0 => "No maintenance is planned.".to_owned(),
            1 => "1 plan.".to_owned(),
            n => format!("{n} plans."),
        };
        Self {
            chrome,
            farm,
            tab,
            title,
            summary,
            names: NAMES,
            weeks,
            previous: previous.href(),
            present: present.href(),
            next: next.href(),
        }
    }
}

impl Item {
    /// The same with its time on one day.
    fn on(&self, from: Moment, until: Moment, face: &Face) -> Self {
        let clock = |at: Moment| at.to_datetime().with_timezone(&face.zone).format("%H:%M").to_string();
        let time = match (self.begins >= from, self.ends.filter(|ends| *ends <= until)) {
            (true, Some(ends)) if ends == until => format!("from {}", clock(self.begins)),
            (true, Some(ends)) => format!("{}–{}", clock(self.begins), clock(ends)),
            (true, None) => format!("from {}", clock(self.begins)),
            (false, Some(ends)) if ends < until => format!("until {}", clock(ends)),
            (false, _) => "all day".to_owned(),
        };
        Self { time, ..self.clone() }
    }
}

/// What is planned, what runs as planned, and what schedules expect.
fn items(board: &Board, expected: &[Expected], titles: &Titles) -> Vec<Item> {
    let of = |entry: &Entry, kind| {
        let n = &entry.notification;
        let mut named: Vec<String> = n.targets.iter().take(3).map(|target| titles.of(target)).collect();
        if n.targets.len() > 3 {
            named.push(format!("{} more", n.targets.len() - 3));
        }
        Item {
            href: format!("/notify/{}", n.id),
            time: String::new(),
            title: words::capital(&words::list(&named, "and")),
            kind,
            begins: n.since(),
            ends: n.expected_back_at,
        }
    };
    let rows = board.applications.iter().chain(&board.resources);
    let causes = rows.flat_map(|row| row.causes.iter().chain(&row.partial)).chain(&board.system);
    let mut running: Vec<&std::sync::Arc<Entry>> =
        causes.map(|cause| &cause.entry).filter(|entry| entry.notification.is_plan()).collect();
    running.sort_by_key(|entry| entry.stamp);
    running.dedup_by_key(|entry| entry.stamp);
    let running = running.into_iter().map(|entry| of(entry, "running"));
    let plans = planned(board).into_iter().map(|(entry, _)| of(entry, "plan"));
    let expected = expected.iter().map(|one| Item {
        href: format!("/schedules#schedule-{}", one.schedule),
        time: String::new(),
        title: one.title.clone(),
        kind: "expected",
        begins: one.begins,
        ends: Some(one.ends),
    });
    running.chain(plans).chain(expected).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::console::samples;

    fn page(span: Span, expected: &[Expected]) -> CalendarPage {
        let (titles, face) = (samples::titles(), samples::face());
        CalendarPage::new(
            samples::chrome("plans"),
            FarmState::default(),
            span,
            &samples::board(),
            expected,
            &titles,
            &face,
        )
    }

    #[test]
    fn a_month_has_whole_weeks_and_each_plan_on_its_days() {
        let face = samples::face();
        let month = Span::read("month", "2026-11", &face).unwrap();
        let page = page(month, &[]);
        assert_eq!((page.title.as_str(), page.weeks.len()), ("November 2026", 6));
        let days: Vec<&Day> = page.weeks.iter().flatten().collect();
        assert_eq!((days[0].date.to_string(), days[0].outside, days[6].outside), ("2026-10-26".into(), true, false));
        assert!(days.iter().find(|day| day.today).is_some_and(|day| day.date.to_string() == "2026-11-23"));
        // From 22:00 to 23:30 in Berlin.
        let of: Vec<(String, &str, &str)> = days
            .iter()
            .flat_map(|day| {
                day.items.iter().map(|item| (day.date.to_string(), item.time.as_str(), item.title.as_str()))
            })
            .collect();
        assert_eq!(of, [("2026-11-24".to_owned(), "22:00–23:30", "Chat and Wiki")]);
        assert_eq!(
            (page.previous.as_str(), page.next.as_str()),
            ("/plans?view=month&at=2026-10", "/plans?view=month&at=2026-12")
        );
    }

    #[test]
    fn what_lasts_for_days_is_on_each_of_them_and_what_does_not_fit_is_counted() {
        let at = samples::at;
        let long = |n: u128| Expected {
            begins: at("2026-12-09T22:30:00Z"),
            ends: at("2026-12-11T09:00:00Z"),
            title: format!("Move {n}"),
            schedule: Uuid::from_u128(n),
        };
        let all: Vec<Expected> = (0..6).map(long).collect();
        let week = Span::read("week", "2026-12-10", &samples::face()).unwrap();
        let shown = page(week, &all);
        let times: Vec<&str> =
            shown.weeks[0].iter().map(|day| day.items.first().map_or("", |item| item.time.as_str())).collect();
        assert_eq!(times, ["", "", "from 23:30", "all day", "until 10:00", "", ""]);
        assert_eq!(shown.summary, "6 plans.");
        let month = page(Span::read("month", "2026-12", &samples::face()).unwrap(), &all);
        let day = month.weeks.iter().flatten().find(|day| day.date.to_string() == "2026-12-10").unwrap();
        assert_eq!((day.items.len(), day.more, day.week.as_str()), (4, 2, "/plans?view=week&at=2026-12-07"));
    }

    #[test]
    fn nonsense_in_the_address_is_today() {
        let face = samples::face();
        for at in ["", "soon", "2026-13", "99999-01-01", "0001-01-01", "-1"] {
            assert_eq!(Span::read("week", at, &face), Some(Span::Week("2026-11-23".parse().unwrap())), "{at}");
        }
        assert_eq!(Span::read("", "2026-12", &face), None);
    }
}
