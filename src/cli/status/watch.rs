//! `status --watch`: a node's events trigger a new query.
//!
//! Events carry names, never content, and changes before the stream was open are not reported. So everything is
//! queried once the stream is open, and again after each event. Several events at once cause one query.
//!
//! ```text
//! thread: stream → data lines ─┐
//! thread: Ctrl-C ──────────────┴→ News → look → Drawing
//! ```

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::super::args::StatusArgs;
use super::super::client::{CallError, Client, Stream};
use super::super::error::CliError;
use super::super::show::Screen;
use super::drawing::Drawing;

/// How long further events are waited for before looking.
const SETTLE: Duration = Duration::from_millis(50);
/// Between attempts to reach a node that is away.
const RETRY: Duration = Duration::from_secs(2);
/// How often relative times are redrawn on a terminal.
const REDRAW: Duration = Duration::from_secs(15);

/// What the other threads tell.
enum News {
    /// The stream of this number has brought an event.
    Event(u32),
    /// The stream of this number has ended.
    Ended(u32, Result<(), CallError>),
    /// SIGINT (Ctrl-C) or SIGTERM: the terminal is to be left as it was.
    Interrupted,
}

/// What comes of waiting.
enum Next {
    Look,
    Lost(Result<(), CallError>),
    Stop,
}

/// Runs until interrupted, or until the output is closed.
///
/// # Errors
///
/// [`CliError::Call`] when the node refuses, or cannot be reached in the beginning; later losses are
/// shown, and tried again. [`CliError::Output`].
pub(crate) fn run(args: &StatusArgs, client: &Client, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let (tell, told) = mpsc::channel();
    tell_interrupts(tell.clone()).map_err(|error| CliError::Refused(format!("cannot start: {error}")))?;
    let mut drawing = Drawing::begin(*screen, args.output.json, out)?;
    let ended = follow(args, client, &mut drawing, (&tell, &told));
    let closed = drawing.end();
    ended.and(closed)
}

fn follow(
    args: &StatusArgs,
    client: &Client,
    drawing: &mut Drawing<'_>,
    (tell, told): (&Sender<News>, &Receiver<News>),
) -> Result<(), CliError> {
    let mut met = false;
    for number in 0.. {
        let lost = match session(args, client, drawing, number, (tell, told), &mut met) {
            Ok(Next::Stop) => return Ok(()),
            Ok(Next::Lost(Err(error))) => error.to_string(),
            Ok(Next::Lost(Ok(())) | Next::Look) => "the node has ended the connection".to_owned(),
            Err(CliError::Call(error)) if met && error.another_may() => error.to_string(),
            Err(error) => return Err(error),
        };
        drawing.lost(&lost)?;
        let until = Instant::now() + RETRY;
        // what the lost stream still tells is passed over
        while let Ok(news) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if matches!(news, News::Interrupted) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One connection, from its opening to its end.
fn session(
    args: &StatusArgs,
    client: &Client,
    drawing: &mut Drawing<'_>,
    number: u32,
    (tell, told): (&Sender<News>, &Receiver<News>),
    met: &mut bool,
) -> Result<Next, CliError> {
    let stream = client.stream("/api/v1/events")?;
    let tell = tell.clone();
    thread::spawn(move || tell_events(stream, number, &tell));
    loop {
        let reply = super::fetch(args, client)?;
        *met = true;
        match args.output.json {
            true => drawing.json(&reply.body)?,
            false => drawing.draw(&super::draw(args, client, &reply, &drawing.screen)?)?,
        }
        match wait(told, number, drawing.screen.terminal) {
            Next::Look => {}
            end => return Ok(end),
        }
    }
}

/// Waits for the next event, and a little longer for those that come with it; on a terminal only
/// until relative times must be redrawn.
fn wait(told: &Receiver<News>, number: u32, terminal: bool) -> Next {
    let mut redraw = Instant::now() + REDRAW;
    let mut settled = None;
    loop {
        let limit = settled.unwrap_or(redraw);
        match told.recv_timeout(limit.saturating_duration_since(Instant::now())) {
            Ok(News::Interrupted) => return Next::Stop,
            Ok(News::Event(of)) if of == number => {
                settled.get_or_insert(Instant::now() + SETTLE);
            }
            Ok(News::Ended(of, result)) if of == number => return Next::Lost(result),
            Ok(News::Event(_) | News::Ended(..)) => {}
            Err(RecvTimeoutError::Timeout) if settled.is_some() || terminal => return Next::Look,
            // not a terminal, and nothing new: go on waiting
            Err(RecvTimeoutError::Timeout) => redraw = Instant::now() + REDRAW,
            Err(RecvTimeoutError::Disconnected) => return Next::Lost(Ok(())),
        }
    }
}

fn tell_events(mut stream: Stream, number: u32, tell: &Sender<News>) {
    let (mut buffer, mut line) = ([0; 4_096], LineKind::Start);
    loop {
        let news = match stream.read(&mut buffer) {
            Ok(0) => News::Ended(number, Ok(())),
            Ok(length) if line.feed(&buffer[..length]) => News::Event(number),
            Ok(_) => continue,
            Err(error) => News::Ended(number, Err(error)),
        };
        let ended = matches!(news, News::Ended(..));
        if tell.send(news).is_err() || ended {
            return;
        }
    }
}

/// A thread of its own: signals come through a runtime, and the rest of this needs none.
fn tell_interrupts(tell: Sender<News>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(guard);
    thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        // if this fails, it has ended already
        let _ = tell.send(News::Interrupted);
    })?;
    Ok(())
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
