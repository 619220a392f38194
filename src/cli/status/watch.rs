//! `status --watch`: the events of a node say when to look again.
//!
//! Events carry names, never content, and what changed before the stream was open is not told: so
//! everything is looked up once the stream is open, and again after each event. Several events at
//! once are one look.

use std::io::Write;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::super::args::StatusArgs;
use super::super::client::{CallError, Client};
use super::super::error::{CliError, json_line};
use super::super::show::{Screen, Tone, paint};
use crate::cli::logging::escaped;

/// A node sends at least a comment every 15 s; three times that is a lost connection.
const SILENCE: Duration = Duration::from_secs(45);
/// How long further events are waited for before looking.
const SETTLE: Duration = Duration::from_millis(50);
/// Between attempts to reach a node that is away.
const RETRY: Duration = Duration::from_secs(2);
/// How often relative times are drawn anew on a terminal.
const REDRAW: Duration = Duration::from_secs(15);

/// Runs until interrupted, or until the output is closed.
///
/// # Errors
///
/// [`CliError::Call`] when the node refuses, or cannot be reached in the beginning; later losses are
/// shown, and tried again. [`CliError::Output`].
pub async fn run(args: &StatusArgs, client: &Client, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        ended = follow(args, client, screen, out) => ended,
        // the wished-for end
        _ = interrupted => Ok(()),
    }
}

async fn follow(args: &StatusArgs, client: &Client, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let mut drawing = Drawing::default();
    let mut met = false;
    loop {
        let lost = match session(args, client, screen, out, &mut drawing, &mut met).await {
            Ok(()) => "the node has ended the connection".to_owned(),
            Err(CliError::Call(error)) if met && error.another_may() => error.to_string(),
            Err(error) => return Err(error),
        };
        drawing.lost(args, screen, out, &lost)?;
        tokio::time::sleep(RETRY).await;
    }
}

/// One connection, from its opening to its end.
async fn session(
    args: &StatusArgs,
    client: &Client,
    screen: &Screen,
    out: &mut dyn Write,
    drawing: &mut Drawing,
    met: &mut bool,
) -> Result<(), CliError> {
    let mut stream = client.stream("/api/v1/events").await?;
    loop {
        let reply = super::fetch(args, client).await?;
        *met = true;
        match args.output.json {
            true => drawing.json(&reply.body, out)?,
            false => drawing.draw(&super::draw(args, client, &reply, screen)?, screen, out)?,
        }
        match event(&mut stream, client, screen.terminal).await? {
            Next::Event => {}
            Next::End => return Ok(()),
        }
    }
}

enum Next {
    /// Look again.
    Event,
    /// The stream has ended.
    End,
}

/// Waits for the next event, and a little longer for those that come with it; on a terminal only
/// until times must be drawn anew, and that look proves that the node is there.
async fn event(stream: &mut Incoming, client: &Client, terminal: bool) -> Result<Next, CallError> {
    let redraw = Instant::now() + REDRAW;
    let (mut settled, mut line) = (None, LineKind::Start);
    loop {
        let limit = match (settled, terminal) {
            (Some(settled), _) => settled,
            (None, true) => redraw,
            (None, false) => Instant::now() + SILENCE,
        };
        match tokio::time::timeout_at(limit, stream.frame()).await {
            Ok(Some(Ok(frame))) => {
                if frame.data_ref().is_some_and(|data| line.feed(data)) {
                    settled.get_or_insert(Instant::now() + SETTLE);
                }
            }
            Err(_elapsed) if settled.is_some() || terminal => return Ok(Next::Event),
            // the end, if it is one, comes again
            Ok(_) if settled.is_some() => return Ok(Next::Event),
            Ok(None) => return Ok(Next::End),
            Ok(Some(Err(source))) => {
                return Err(CallError::Broken { address: client.address().clone(), source: source.into() });
            }
            Err(_elapsed) => {
                return Err(CallError::TimedOut { address: client.address().clone(), after: SILENCE });
            }
        }
    }
}

/// Where in a line of the stream the reader is. Only `data` lines are events; comments and `retry`
/// are not, and the empty line that ends an event adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    /// At its start.
    Start,
    /// So many bytes of `data:` were there, and nothing else.
    Matched(usize),
    /// In a line of another kind.
    Other,
}

impl LineKind {
    /// Whether a `data` line begins in these bytes.
    fn feed(&mut self, bytes: &[u8]) -> bool {
        const FIELD: &[u8] = b"data:";
        let mut found = false;
        for &byte in bytes {
            let matched = match *self {
                LineKind::Start => Some(0),
                LineKind::Matched(count) => Some(count),
                LineKind::Other => None,
            };
            *self = match (byte, matched) {
                (b'\n' | b'\r', _) => LineKind::Start,
                (_, Some(count)) if FIELD.get(count) == Some(&byte) => {
                    found |= count + 1 == FIELD.len();
                    LineKind::Matched(count + 1)
                }
                _ => LineKind::Other,
            };
        }
        found
    }
}

/// What has been drawn.
#[derive(Debug, Default)]
struct Drawing {
    last: String,
}

impl Drawing {
    /// Redraws a terminal; elsewhere writes only what is new, an empty line before it.
    fn draw(&mut self, text: &str, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
        if screen.terminal {
            let hint = paint("Ctrl-C ends this", Tone::Head, screen.colour);
            // home, draw, and clear what is left below: no flicker
            let text = text.replace('\n', "\u{1b}[K\n");
            write!(out, "\u{1b}[H{text}\u{1b}[K\n{hint}\u{1b}[K\n\u{1b}[J")
        } else if self.last == text {
            return Ok(());
        } else {
            let gap = if self.last.is_empty() { "" } else { "\n" };
            write!(out, "{gap}{text}")
        }
        .and_then(|()| out.flush())
        .map_err(CliError::Output)?;
        self.last = text.to_owned();
        Ok(())
    }

    /// A line for each new state.
    fn json(&mut self, body: &serde_json::Value, out: &mut dyn Write) -> Result<(), CliError> {
        let text = body.to_string();
        if self.last != text {
            json_line(out, body)?;
            out.flush().map_err(CliError::Output)?;
            self.last = text;
        }
        Ok(())
    }

    /// The node is away. What is on a terminal stays, under a line that says that it is old.
    fn lost(&mut self, args: &StatusArgs, screen: &Screen, out: &mut dyn Write, why: &str) -> Result<(), CliError> {
        let line = format!("not up to date: {}; trying again", escaped(why));
        if !screen.terminal || args.output.json {
            // nowhere is left to report that standard error is closed
            let _ = writeln!(std::io::stderr(), "forewarn: {line}");
            return Ok(());
        }
        let last = self.last.replace('\n', "\u{1b}[K\n");
        let line = paint(&line, Tone::Bad, screen.colour);
        write!(out, "\u{1b}[H{last}\u{1b}[K\n{line}\u{1b}[K\n\u{1b}[J")
            .and_then(|()| out.flush())
            .map_err(CliError::Output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_is_news_however_it_is_cut() {
        let mut line = LineKind::Start;
        assert!(!line.feed(b"retry: 2000\n: data: changes from now on\n\n"));
        assert!(!line.feed(b"id: 1\nevent: availability\nda"));
        assert!(line.feed(b"ta: {}\n\n"));
        assert!(!line.feed(b": still here\n\nevent: data:\ndatum: 1\n\n"));
    }
}
