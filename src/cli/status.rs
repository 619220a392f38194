//! `forewarn status`: what is available, once or continuously.
//!
//! What must stay true: the output is the node's latest answer; while the node cannot be reached, the output
//! reports this, and nothing old is shown as if it were new.

mod board;
mod drawing;
mod watch;

use std::io::Write;

use super::args::{Access, StatusArgs};
use super::client::{CallError, Client, Reply};
use super::error::{CliError, json_line};
use super::show::Screen;

/// Shows it on `out`; with `--watch` until it is interrupted.
///
/// # Errors
///
/// [`CliError::Call`] when the node does not answer or does not know the application,
/// [`CliError::Told`], [`CliError::Output`].
pub fn run(args: &StatusArgs, access: Access, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    if args.watch {
        return watch::run(args, &client, screen, out);
    }
    let reply = match fetch(args, &client) {
        Err(error) => return Err(super::told(args.output, error, out)),
        Ok(reply) => reply,
    };
    if args.output.json {
        return json_line(out, &reply.body);
    }
    let text = draw(args, &client, &reply, screen)?;
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

/// The node's present answer.
fn fetch(args: &StatusArgs, client: &Client) -> Result<Reply, CallError> {
    let path = match &args.application {
        // a name needs no escaping: letters, digits and a few marks that paths allow
        Some(name) => format!("/api/v1/availability/{name}"),
        None => "/api/v1/availability".to_owned(),
    };
    client.get(&path)
}

fn draw(args: &StatusArgs, client: &Client, reply: &Reply, screen: &Screen) -> Result<String, CallError> {
    Ok(match args.application {
        Some(_) => board::one(&client.read(reply)?, screen),
        None => board::all(&client.read(reply)?, screen),
    })
}

#[cfg(test)]
mod tests;
