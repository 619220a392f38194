//! What people see on a terminal: tables, relative times, colour.
//!
//! What must stay true: texts from a node were written by others, so none of them can control a terminal or
//! make two lines of one; colour is decoration and never the only sign.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use comfy_table::{Attribute, Color, presets};

use super::logging::escaped;
use crate::availability::Moment;
use crate::clock;

/// Where the output goes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Standard output is a terminal that can be redrawn.
    pub terminal: bool,
    /// Colour is welcome.
    pub colour: bool,
    /// What relative times are relative to; with `None` the clock, at every drawing.
    pub now: Option<Moment>,
    /// Lines of the terminal; with `None` it is asked at every drawing.
    pub height: Option<u16>,
}

impl Screen {
    /// Standard output as it is. `NO_COLOR` (<https://no-color.org>), not empty, forbids colour, and
    /// so does `TERM=dumb`.
    pub fn of_stdout() -> Screen {
        let set = |name: &str| std::env::var_os(name).unwrap_or_default();
        let terminal = std::io::stdout().is_terminal() && set("TERM") != "dumb";
        let colour = terminal && set("NO_COLOR").is_empty();
        Screen { terminal, colour, now: None, height: None }
    }

    /// The instant of this drawing.
    pub fn now(&self) -> Moment {
        self.now.unwrap_or_else(clock::now)
    }
}

/// How a cell is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Something in between.
    Warning,
    /// The head of a table.
    Head,
}

impl Tone {
    /// The parameter of the terminal's "select graphic rendition" (ECMA-48, 8.3.117).
    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "0",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warning => "33",
            Tone::Head => "2",
        }
    }
}

/// One cell of a table.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text, made harmless.
    pub fn new(text: impl AsRef<str>) -> Cell {
        Cell { text: escaped(text.as_ref()), tone: Tone::Plain }
    }

    /// The same in another tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Cell {
        self.tone = tone;
        self
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::new(text)
    }
}

impl From<Cell> for comfy_table::Cell {
    fn from(cell: Cell) -> comfy_table::Cell {
        let shown = comfy_table::Cell::new(cell.text);
        match cell.tone {
            Tone::Plain => shown,
            Tone::Good => shown.fg(Color::DarkGreen),
            Tone::Bad => shown.fg(Color::DarkRed).add_attribute(Attribute::Bold),
            Tone::Warning => shown.fg(Color::DarkYellow),
            Tone::Head => shown.add_attribute(Attribute::Dim),
        }
    }
}

/// Columns with a head, aligned by the width that a terminal gives each character; nothing at all
/// without rows.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with these columns.
    pub fn new(head: &[&str]) -> Table {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(head.iter().map(|name| comfy_table::Cell::from(Cell::new(name).tone(Tone::Head))));
        Table(table)
    }

    /// One more row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.0.add_row(cells.map(comfy_table::Cell::from));
    }

    /// Whether there is nothing but the head.
    pub fn is_empty(&self) -> bool {
        self.0.row_count() == 0
    }

    /// The text, each row with its line end; empty without rows.
    pub fn render(&self, colour: bool) -> String {
        if self.is_empty() {
            return String::new();
        }
        let mut table = self.0.clone();
        match colour {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        table.style_text_only();
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.trim_fmt() + "\n"
    }
}

/// A text in a tone; as it is, if there is no colour.
pub fn paint(text: &str, tone: Tone, colour: bool) -> String {
    match colour && tone != Tone::Plain && !text.is_empty() {
        true => format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code()),
        false => text.to_owned(),
    }
}

/// How long ago, or how far ahead.
pub fn relative(now: Moment, then: Moment) -> String {
    match then > now {
        true => format!("in {}", length(now, then)),
        false => format!("{} ago", length(then, now)),
    }
}

/// An expected return: when, and in what time; a past one is overdue.
pub fn back_at(now: Moment, then: Moment) -> String {
    let clock = then.to_datetime();
    let far = then.since(now).as_secs() >= 86_400;
    let clock = clock.format(if far { "%Y-%m-%d %H:%MZ" } else { "%H:%MZ" });
    match then > now {
        true => format!("in {}, {clock}", length(now, then)),
        false => format!("overdue by {}", length(then, now)),
    }
}

/// In at most two units, rounded to the smallest that is shown: what was said to take ten minutes
/// takes ten minutes, not nine, a moment later.
fn length(earlier: Moment, later: Moment) -> String {
    let seconds = later.since(earlier).as_secs_f64().round() as u64;
    let seconds = match seconds {
        0..60 => seconds,
        60..86_370 => (seconds + 30) / 60 * 60,
        86_370..171_000 => (seconds + 1_800) / 3_600 * 3_600,
        _ => (seconds + 43_200) / 86_400 * 86_400,
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let mut text = match () {
        () if days > 0 => format!("{days} d"),
        () if hours > 0 => format!("{hours} h"),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    };
    let rest = match () {
        () if days > 1 => 0,
        () if days > 0 => hours % 24,
        () if hours > 0 => minutes % 60,
        () => 0,
    };
    if rest > 0 {
        // writing to a String cannot fail
        let _ = write!(text, " {rest} {}", if days > 0 { "h" } else { "min" });
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn columns_are_aligned_and_harmless() {
        let mut table = Table::new(&["NAME", "STATE"]);
        assert_eq!(table.render(true), "");
        table.row(["mail".into(), Cell::new("gone").tone(Tone::Bad)]);
        table.row(["a\u{1b}[2J\nb".into(), Cell::default()]);
        // wide characters take two columns of a terminal, combining ones none
        table.row(["電子メール e\u{301}".into(), "here".into()]);
        let plain = table.render(false);
        assert_eq!(plain, "NAME           STATE\nmail           gone\na\\u001b[2J\\nb\n電子メール e\u{301}   here\n");
        let coloured = table.render(true);
        assert!(coloured.contains("\u{1b}[1mgone\u{1b}[0m\n"), "{coloured:?}");
    }

    #[test]
    fn times_in_words() {
        let now: Moment = "2026-11-23T16:00:00Z".parse().unwrap();
        for (seconds, words) in [
            (5, "5 s"),
            (119, "2 min"),
            (599, "10 min"),
            (3_595, "1 h"),
            (3_600, "1 h"),
            (86_395, "1 d"),
            (172_000, "2 d"),
            (7_260, "2 h 1 min"),
            (90_000, "1 d 1 h"),
            (864_000, "10 d"),
        ] {
            let by = Duration::from_secs(seconds);
            assert_eq!(relative(now, now.after(by)), format!("in {words}"));
            assert_eq!(relative(now, now.before(by)), format!("{words} ago"));
        }
        let by = |seconds| now.after(Duration::from_secs(seconds));
        assert_eq!(back_at(now, by(600)), "in 10 min, 16:10Z");
        assert_eq!(back_at(now, by(172_800)), "in 2 d, 2026-11-25 16:00Z");
        assert_eq!(back_at(by(60), now), "overdue by 1 min");
    }
}
