//! `[gate]`: its listeners, the trusted proxies, and the limits of each client.

use std::{path::Path, time::Duration};

use super::{
    pages,
    reader::Reader,
    settings::{GateSettings, PerClientSettings, TimeoutSettings},
    tls, values,
};
use crate::vocabulary::{AccessFormat, AccessSettings, Cors, Listen, origin};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// The most connections that can be asked for.
const MOST: u32 = 1_000_000;

pub(super) fn gate(mut section: Reader<'_>, file: &Path) -> GateSettings {
    let mut listen = section.one_or_more("listen", str::parse::<Listen>);
    if listen.is_empty() {
        listen.push(Listen::Tcp(([127, 0, 0, 1], 8080).into()));
    }
    let trusted_proxies = section.texts("trusted_proxies", values::network);
    let max_body = section.text("max_body", values::body);
    let words = section.texts("not_kept", not_kept);
    let not_kept = section.has("not_kept").then_some(words);
    let max_connections = section.number("max_connections", 1..=MOST);
    let cors = cors(&mut section);
    let tls = tls::gate(section.section("tls"), file);
    let proxy_protocol = section.flag("proxy_protocol", false);
    if proxy_protocol && trusted_proxies.is_empty() {
        section.problem("proxy_protocol", "needs gate.trusted_proxies: it is read from them only");
    }
    let h2c = section.flag("h2c", false);
    let redirect = section.text("redirect", str::parse::<Listen>);
    if let Some(redirect) = &redirect {
        if !section.has("tls") {
            section.problem("redirect", "needs [gate.tls]: it sends browsers to https");
        } else if listen.contains(redirect) {
            section.problem("redirect", "is one of gate.listen; choose another port");
        }
    }
    let inject = section.flag("inject", false);
    let texts = pages::texts(&mut section, file);
    let timeouts = timeouts(section.section("timeouts"));
    let per_client = per_client(section.section("per_client"));
    let access_log = access_log(&mut section, file);
    let request_ids = section.flag("request_ids", false);
    section.finish();
    GateSettings {
        listen,
        trusted_proxies,
        max_body: max_body.unwrap_or(1 << 30),
        not_kept,
        max_connections: max_connections.unwrap_or(20_000),
        cors,
        tls,
        proxy_protocol,
        h2c,
        redirect,
        texts,
        inject,
        timeouts,
        per_client,
        access_log,
        request_ids,
    }
}

/// Where the access log goes; a file is in the folder of the configuration.
fn access_log(section: &mut Reader<'_>, file: &Path) -> Option<AccessSettings> {
    let to = section.text("access_log", |text| match text {
        "" => Err("must be a file, or \"-\" for standard output".to_owned()),
        "-" => Ok(None),
        name => Ok(Some(pages::beside(file, name))),
    });
    let formats = [("combined", AccessFormat::Combined), ("json", AccessFormat::Json)];
    let format = section.text("access_log_format", values::one_of(&formats));
    if format.is_some() && !section.has("access_log") {
        section.problem("access_log_format", "needs gate.access_log");
    }
    to.map(|file| AccessSettings { file, format: format.unwrap_or_default() })
}

/// `"*"`, `"off"`, or origins.
fn cors(section: &mut Reader<'_>) -> Cors {
    let mut listed = section.one_or_more("cors", |text| match text {
        "*" | "off" => Ok(text.to_owned()),
        _ => origin(text).map(str::to_owned).map_err(|problem| format!("{problem}; or \"*\", or \"off\"")),
    });
    match listed.iter().find(|text| matches!(text.as_str(), "*" | "off")) {
        Some(_) if listed.len() > 1 => section.problem("cors", "\"*\" and \"off\" stand alone"),
        None if listed.is_empty() => {}
        Some(all) if all == "*" => {}
        Some(_) => return Cors::Off,
        None => return Cors::Origins(std::mem::take(&mut listed)),
    }
    Cors::Any
}

/// A part of a field's name.
fn not_kept(text: &str) -> Result<String, String> {
    match text.len() {
        1..=64 => Ok(text.to_ascii_lowercase()),
        _ => Err("must have 1 to 64 bytes".to_owned()),
    }
}

fn timeouts(mut section: Reader<'_>) -> TimeoutSettings {
    let mut limit = |key, default| section.text(key, values::duration_in(10 * MS..=HOUR)).unwrap_or(default);
    let timeouts = TimeoutSettings {
        header: limit("header", 10 * SECOND),
        body: limit("body", 30 * SECOND),
        idle: limit("idle", 75 * SECOND),
        connect: limit("connect", 5 * SECOND),
        upstream: limit("upstream", 60 * SECOND),
    };
    section.finish();
    timeouts
}

fn per_client(mut section: Reader<'_>) -> PerClientSettings {
    let connections = section.number("connections", 1..=MOST);
    let streams = section.number("streams", 1..=MOST);
    section.finish();
    PerClientSettings { connections: connections.unwrap_or(1_024), streams: streams.unwrap_or(64) }
}
