//! The output of `status --watch`: on a terminal one picture on the alternate screen, redrawn in place;
//! elsewhere only what is new.
//!
//! Must stay true: a picture never scrolls the terminal, however long or wide the board is; when
//! watching ends, the terminal is as it was, with the last board below.

use std::io::Write;

use crossterm::terminal;

use super::super::error::{CliError, json_line};
use super::super::logging::escaped;
use super::super::show::{Screen, Tone, paint};

/// Enters the second screen without a cursor, where long lines are cut (xterm's private modes).
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
/// And back.
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";

/// See the module.
pub(crate) struct Drawing<'o> {
    /// How results are shown.
    pub screen: Screen,
    last: String,
    full_screen: bool,
    out: &'o mut dyn Write,
}

impl<'o> Drawing<'o> {
    /// Nothing is drawn yet.
    ///
    /// # Errors
    ///
    /// [`CliError::Output`].
    pub(crate) fn begin(screen: Screen, json: bool, out: &'o mut dyn Write) -> Result<Self, CliError> {
        let mut drawing = Drawing { screen, last: String::new(), full_screen: screen.terminal && !json, out };
        if drawing.full_screen {
            drawing.write(ENTER)?;
        }
        Ok(drawing)
    }

    /// Leaves the terminal as it was; the last board stays to be read.
    ///
    /// # Errors
    ///
    /// [`CliError::Output`].
    pub(crate) fn end(&mut self) -> Result<(), CliError> {
        match self.full_screen {
            true => self.write(&format!("{LEAVE}{}", self.last)),
            false => Ok(()),
        }
    }

    /// A board.
    ///
    /// # Errors
    ///
    /// [`CliError::Output`].
    pub(crate) fn draw(&mut self, text: &str) -> Result<(), CliError> {
        if self.full_screen {
            self.last = text.to_owned();
            let hint = paint("Ctrl-C ends this", Tone::Head, self.screen.colour);
            return self.picture(&hint);
        }
        if self.last == text {
            return Ok(());
        }
        let gap = if self.last.is_empty() { "" } else { "\n" };
        self.last = text.to_owned();
        self.write(&format!("{gap}{text}"))
    }

    /// A line for each new state.
    ///
    /// # Errors
    ///
    /// [`CliError::Output`].
    pub(crate) fn json(&mut self, body: &serde_json::Value) -> Result<(), CliError> {
        let text = body.to_string();
        if self.last == text {
            return Ok(());
        }
        self.last = text;
        json_line(self.out, body)?;
        self.out.flush().map_err(CliError::Output)
    }

    /// The node cannot be reached. The terminal keeps the last state and marks it as old.
    ///
    /// # Errors
    ///
    /// [`CliError::Output`].
    pub(crate) fn lost(&mut self, why: &str) -> Result<(), CliError> {
        let line = format!("not up to date: {}; trying again", escaped(why));
        if self.full_screen {
            let line = paint(&line, Tone::Bad, self.screen.colour);
            return self.picture(&line);
        }
        // a closed standard error changes nothing
        let _ = writeln!(std::io::stderr(), "forewarn: {line}");
        Ok(())
    }

    /// The last board over this line, within the terminal's height.
    fn picture(&mut self, line: &str) -> Result<(), CliError> {
        let height = match self.screen.height {
            Some(height) => height,
            None => terminal::size().map_or(24, |(_, rows)| rows),
        };
        self.write(&frame(&self.last, line, usize::from(height)))
    }

    fn write(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(CliError::Output)
    }
}

/// From the top left: as many lines of the board as there is room for, an empty one, and the line;
/// what was below is cleared. Nothing is cleared first, so nothing flickers.
fn frame(board: &str, line: &str, height: usize) -> String {
    const CLEAR_LINE: &str = "\u{1b}[K\r\n";
    let lines: Vec<&str> = board.lines().collect();
    let room = height.saturating_sub(2).max(1);
    let mut text = "\u{1b}[H".to_owned();
    let mut add = |line: &str| {
        text.push_str(line);
        text.push_str(CLEAR_LINE);
    };
    match lines.len() > room {
        true => {
            lines[..room - 1].iter().for_each(|line| add(line));
            add(&format!("… {} more lines: a larger window shows them", lines.len() - (room - 1)));
        }
        false => lines.iter().for_each(|line| add(line)),
    }
    add("");
    text.push_str(line);
    text.push_str("\u{1b}[K\u{1b}[J");
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn drawn(height: u16, boards: &[&str]) -> String {
        let screen = Screen { terminal: true, colour: false, now: None, height: Some(height) };
        let mut out = Vec::new();
        let mut drawing = Drawing::begin(screen, false, &mut out).unwrap();
        for board in boards {
            drawing.draw(board).unwrap();
        }
        drawing.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_redrawn_in_place_however_long_the_board_is() {
        let board: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let text = drawn(10, &[&board, &board]);
        let pictures: Vec<&str> = text.split("\u{1b}[H").collect();
        assert_eq!(pictures[0], ENTER);
        for picture in &pictures[1..] {
            let picture = picture.split(LEAVE).next().unwrap();
            assert_eq!(picture.matches('\n').count(), 9, "nothing scrolls: {picture:?}");
            assert!(picture.contains("line 6") && !picture.contains("line 7\u{1b}"), "{picture:?}");
            assert!(picture.contains("… 93 more lines"), "{picture:?}");
        }
        let after = text.split(LEAVE).nth(1).unwrap();
        assert_eq!(after, board, "the last board stays, whole");
    }

    #[test]
    fn a_short_board_is_shown_whole() {
        let text = drawn(10, &["one\ntwo\n"]);
        assert!(text.contains("\u{1b}[Hone\u{1b}[K\r\ntwo\u{1b}[K\r\n\u{1b}[K\r\nCtrl-C ends this"), "{text:?}");
    }
}
