//! The nodes to which a notification is submitted, and their order.

use std::thread;

use super::super::args::{Access, NotifyArgs, Pick};
use super::super::client::Client;
use super::super::error::CliError;
use crate::actors::desk::Load;

/// `--to` in the order of `--pick`, or else the node of the environment. Never empty. With
/// least-loaded (docs/contract.md#the-initial-node) only nodes that answer and take submissions are left.
///
/// # Errors
///
/// [`CliError::Refused`] when none of them answers.
pub(crate) fn choose(args: &NotifyArgs, access: Access) -> Result<Vec<Client>, CliError> {
    let addresses = match args.to.is_empty() {
        true => vec![access.url.clone()],
        false => args.to.clone(),
    };
    let clients = addresses.into_iter().map(|url| Client::new(Access { url, ..access.clone() }));
    let clients: Vec<Client> = clients.collect();
    if args.pick == Pick::Listed || clients.len() == 1 {
        return Ok(clients);
    }
    // asked at once: one that does not answer costs its time-out once
    let loads: Vec<_> = thread::scope(|scope| {
        let ask = |client: &Client| client.read::<Load>(&client.get("/api/v1/load")?);
        let asked: Vec<_> = clients.iter().map(|client| scope.spawn(move || ask(client))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    });
    let mut ranked = Vec::with_capacity(clients.len());
    let mut failures = String::new();
    for (client, load) in clients.into_iter().zip(loads) {
        match load {
            Ok(load) => ranked.push((load.rank(), client)),
            Err(error) => failures.push_str(&format!("\n  {error}")),
        }
    }
    if ranked.is_empty() {
        return Err(CliError::Refused(format!("no node reported its load:{failures}")));
    }
    // stable: among equals the one that is listed first
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, client)| client).collect())
}
