//! The access log: a line for each request of a user (docs/contract.md#access-log).
//!
//! Must stay true: no request waits for its line. A thread writes them; if it does not keep up, lines are dropped and
//! counted. Each reading of the configuration opens the file anew, so that it can be moved away and read again.

mod line;

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
};

pub(super) use self::line::{Decided, Line, Logged};
use crate::{
    noise::Noise,
    vocabulary::{AccessFormat, AccessSettings},
};

static NOT_WRITTEN: Noise = Noise::new("access_log_not_written");

/// Lines that may wait for the thread.
const WAITING: usize = 4_096;

/// Where lines are handed in. The thread ends when the last request that uses it has ended.
#[derive(Debug)]
pub struct AccessLog {
    lines: SyncSender<Box<Line>>,
}

impl AccessLog {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(settings: &AccessSettings) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match &settings.file {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        let (lines, waiting) = sync_channel(WAITING);
        let format = settings.format;
        thread::Builder::new().name("access-log".to_owned()).spawn(move || write(&waiting, format, out))?;
        Ok(Self { lines })
    }

    /// Hands in a line. Returns whether it was taken.
    pub(super) fn take(&self, line: Box<Line>) -> bool {
        self.lines.try_send(line).is_ok()
    }
}

/// Writes lines until no sender is left.
fn write(waiting: &Receiver<Box<Line>>, format: AccessFormat, out: impl Write) {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut text = Vec::new();
    loop {
        let line = match waiting.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                report(out.flush());
                match waiting.recv() {
                    Ok(line) => line,
                    Err(_) => break, // no sender is left
                }
            }
        };
        text.clear();
        match format {
            AccessFormat::Combined => line.combined(&mut text),
            AccessFormat::Json => line.json(&mut text),
        }
        report(out.write_all(&text));
    }
    report(out.flush());
}

fn report(result: io::Result<()>) {
    if let Err(error) = result
        && NOT_WRITTEN.admits()
    {
        log::warn!(error:%; "access_log_not_written");
    }
}

#[cfg(test)]
mod tests;
