//! `forewarn why`: every word that was considered for a request, and why it counted or not.

use std::io::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::args::{Access, WhyArgs};
use super::client::Client;
use super::error::{CliError, json_line};
use super::logging::escaped;
use super::show::{Cell, Screen, Table, Tone, paint};

/// RFC 3986's unreserved characters stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The answer of `/api/v1/availability/{application}/why`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    available: bool,
    considered: Vec<Considered>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Considered {
    id: String,
    layer: String,
    reporter: String,
    said: String,
    because: String,
}

/// Asks, and shows the words on `out`. An unavailable application is no failure.
///
/// # Errors
///
/// [`CliError::Call`], [`CliError::Told`], [`CliError::Output`].
pub fn run(args: &WhyArgs, access: Access, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::new(access);
    let reply = match client.get(&address(args)) {
        Err(error) => return Err(super::told(args.output, error, out)),
        Ok(reply) => reply,
    };
    if args.output.json {
        return json_line(out, &reply.body);
    }
    let answer: Answer = client.read(&reply)?;
    let (state, tone) = match answer.available {
        true => ("available", Tone::Good),
        false => ("unavailable", Tone::Bad),
    };
    let state = paint(state, tone, screen.colour);
    let path = escaped(args.path.as_deref().unwrap_or("/"));
    let node = match &args.node {
        Some(node) => format!(" on {node}"),
        None => String::new(),
    };
    let (application, method) = (&args.application, &args.method);
    let mut text = format!("{application} is {state} for {method} {path}{node}\n");
    let mut table = Table::new(&["SAID", "LAYER", "BY", "BECAUSE", "NOTIFICATION"]);
    for word in &answer.considered {
        let tone = match word.said.as_str() {
            "available" => Tone::Good,
            "unavailable" => Tone::Bad,
            _ => Tone::Plain,
        };
        table.row([
            Cell::new(&word.said).tone(tone),
            Cell::new(&word.layer),
            Cell::new(&word.reporter),
            Cell::new(&word.because),
            Cell::new(&word.id),
        ]);
    }
    text.push_str(match table.is_empty() {
        true => "No notification is about it.\n",
        false => "\n",
    });
    text.push_str(&table.render(screen.colour));
    out.write_all(text.as_bytes()).map_err(CliError::Output)
}

/// The path and query that ask about this request.
fn address(args: &WhyArgs) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut address = format!("/api/v1/availability/{}/why?", args.application);
    address.push_str(&format!("method={}", encode(&args.method)));
    let mut add = |name: &str, value: &str| {
        address.push_str(&format!("&{name}={}", encode(value)));
    };
    if let Some(path) = &args.path {
        add("path", path);
    }
    if !args.query.is_empty() {
        // the query of the request that is asked about, itself encoded, is one value here
        let pairs = args.query.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        add("query", &pairs.collect::<Vec<_>>().join("&"));
    }
    for (name, value) in &args.header {
        add("header", &format!("{name}:{value}"));
    }
    if let Some(client) = &args.client {
        add("client", &client.to_string());
    }
    if let Some(node) = &args.node {
        add("node", node);
    }
    address
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::cli::fake::{Fake, screen};
    use clap::Parser as _;
    use serde_json::json;

    fn args(words: &[&str]) -> WhyArgs {
        let words = ["forewarn", "why"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Why(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_is_asked_about_whole() {
        assert_eq!(address(&args(&["mail"])), "/api/v1/availability/mail/why?method=GET");
        let words = [
            "mail", "--method", "post", "--path", "/ä b", "--query", "a=1&2", "--query", "b=", "--header", "X-A=b:c",
            "--client", "::1", "--node", "b",
        ];
        assert_eq!(
            address(&args(&words)),
            "/api/v1/availability/mail/why?method=POST&path=%2F%C3%A4%20b&query=a%3D1%25262%26b%3D\
             &header=x-a%3Ab%3Ac&client=%3A%3A1&node=b"
        );
    }

    #[test]
    fn each_word_has_its_line() {
        let word = json!({
            "id": "n1", "layer": "own", "reporter": "operators", "said": "unavailable",
            "because": "it is the latest word",
        });
        let answer = json!({"available": false, "considered": [word]});
        let fake = Fake::start(move |_| (200, answer.clone()));
        let mut out = Vec::new();
        let why = args(&["mail", "--path", "/mail"]);
        run(&why, fake.access(), &screen(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "mail is unavailable for GET /mail\n\n\
             SAID         LAYER  BY         BECAUSE                NOTIFICATION\n\
             unavailable  own    operators  it is the latest word  n1\n"
        );
    }
}
