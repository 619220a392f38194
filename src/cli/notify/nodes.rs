//! The nodes to which a notification is submitted, and their order.

use std::thread;

use super::super::args::{Access, NotifyArgs, Pick};
use super::super::client::Client;
use super::super::error::CliError;

/// The gauge of a node's `/metrics` with the length of its queue.
const GAUGE: &str = "forewarn_pending";

/// `--to` in the order of `--pick`, or else the node of the environment. Never empty. With
/// least-loaded only nodes that answer are left, the shortest queue first; a node that does not say
/// how long its queue is comes last.
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
    let figures: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = clients.iter().map(|client| scope.spawn(|| client.text("/metrics"))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    });
    let mut loads = Vec::with_capacity(clients.len());
    let mut failures = String::new();
    for (client, figures) in clients.into_iter().zip(figures) {
        match figures {
            Ok(text) => loads.push((load(&text), client)),
            Err(error) => failures.push_str(&format!("\n  {error}")),
        }
    }
    if loads.is_empty() {
        return Err(CliError::Refused(format!("no node answers:{failures}")));
    }
    // stable: among equals the one that is listed first
    loads.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    Ok(loads.into_iter().map(|(_, client)| client).collect())
}

/// The length of a queue in Prometheus' text format; infinite where it is missing.
fn load(text: &str) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(GAUGE)?;
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        // a time stamp may follow the value
        let value: f64 = value.split_ascii_whitespace().next()?.parse().ok()?;
        (value >= 0.0).then_some(value)
    });
    samples.reduce(|one, other| one + other).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::load;

    #[test]
    fn the_load_is_read_from_the_metrics() {
        let text = "# TYPE forewarn_pending gauge\nforewarn_pending 7\nforewarn_pending_max 99\n";
        assert_eq!(load(text), 7.0);
        let labelled = "forewarn_pending{lane=\"a b}\"} 2 1700000\nforewarn_pending{lane=\"c\"} 3";
        assert_eq!(load(labelled), 5.0);
        assert_eq!(load("forewarn_up 1"), f64::INFINITY);
        assert_eq!(load("forewarn_pending NaN"), f64::INFINITY);
    }
}
