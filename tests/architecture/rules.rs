//! The rules: who may use whom, as the map says, and which libraries are known where.

use std::sync::LazyLock;

/// A room and the rooms that it may use.
type Row = (&'static str, Vec<&'static str>);

/// The map in `src/lib.rs`. What stands side by side does not know each other, so that each can be read,
/// tested and replaced alone.
static MAY_USE: LazyLock<Vec<Row>> = LazyLock::new(|| read_map(include_str!("../../src/lib.rs"), "//! "));

/// The lines of the map in a text: the block that begins with `room`.
pub fn map_lines<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(move |line| line.strip_prefix(prefix).unwrap_or(line));
    lines.skip_while(|line| !line.starts_with("room  ")).take_while(|line| !line.starts_with("```"))
}

fn read_map(text: &'static str, prefix: &'static str) -> Vec<Row> {
    let rows: Vec<Vec<&str>> = map_lines(text, prefix)
        .skip(1)
        .map(|line| line.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect())
        .collect();
    let room = |row: &Vec<&'static str>| row[0];
    rows.iter()
        .enumerate()
        .map(|(at, row)| {
            let uses = match row[..] {
                [_, _, "all below"] => rows[at + 1..].iter().map(room).collect(),
                [_, _, "–"] => Vec::new(),
                [_, _, uses] => uses.split(' ').collect(),
                _ => panic!("a row of the map has three columns: {row:?}"),
            };
            (row[0], uses)
        })
        .collect()
}

/// A library, or a part of one, and the rooms that may name it.
struct Known {
    /// Segments that a path begins with; of two that fit, the first counts.
    begins: &'static [&'static str],
    by: &'static [&'static str],
    because: &'static str,
}

const LIBRARIES: &[Known] = &[
    Known { begins: &["sled"], by: &["store"], because: "only store and migrations know how things are kept" },
    Known {
        begins: &["actix_web"],
        by: &["gate", "control", "peer", "body", "embed", "node", "cli", "demo"],
        because: "HTTP ends at gate, control and peer; what is below can be tested without it",
    },
    Known {
        begins: &["actix_http"],
        by: &["gate", "node"],
        because: "the protocol below actix-web is the gate's business",
    },
    Known {
        begins: &["async_nats"],
        by: &["peer"],
        because: "what carries notifications is the business of the messages between nodes",
    },
    Known { begins: &["actix_server"], by: &["gate", "node"], because: "listeners are made where a node is composed" },
    Known { begins: &["actix_service"], by: &["gate", "node"], because: "services are put together at the gate" },
    Known { begins: &["httparse"], by: &["http1"], because: "a head is read in one place" },
    Known { begins: &["actix"], by: &["actors", "node"], because: "only actors are actors, and the node starts them" },
    Known {
        begins: &["tokio"],
        by: &["cli", "demo", "embed", "node", "gate", "control", "peer", "body", "actors", "probe", "noise"],
        because: "rules and storage know no executor",
    },
    Known {
        begins: &["tokio_stream"],
        by: &["cli", "demo", "embed", "node", "gate", "control", "peer", "body", "actors", "probe", "noise"],
        because: "rules and storage know no executor",
    },
    Known {
        begins: &["tokio_util"],
        by: &["cli", "demo", "embed", "node", "gate", "control", "peer", "body", "actors", "probe", "noise"],
        because: "rules and storage know no executor",
    },
    Known {
        begins: &["rand"],
        by: &["clock", "config"],
        because: "chance comes in through crate::clock; config makes secrets",
    },
    Known { begins: &["std", "fs"], by: OUTSIDE, because: "it is pure: what it needs of a disk is an argument" },
    Known { begins: &["std", "thread"], by: OUTSIDE, because: "it is pure: it starts nothing" },
    Known { begins: &["std", "process"], by: OUTSIDE, because: "it is pure: it starts nothing and ends nothing" },
    Known { begins: &["std", "env"], by: OUTSIDE, because: "it is pure: settings are arguments" },
    Known { begins: &["std", "time", "SystemTime"], by: TIMED, because: "time is an argument" },
    Known { begins: &["std", "time", "Instant"], by: TIMED, because: "time is an argument" },
    Known { begins: &["std", "time", "UNIX_EPOCH"], by: TIMED, because: "time is an argument" },
];

/// Everything but the pure rooms.
const OUTSIDE: &[&str] = &[
    "main", "cli", "demo", "embed", "node", "gate", "control", "peer", "actors", "probe", "store", "config", "tls",
    "clock", "fuzz",
];
/// Those that live in time.
const TIMED: &[&str] = &["fuzz", "cli", "demo", "embed", "node", "gate", "control", "peer", "actors", "clock"];
/// Calls that read a clock, however they were imported.
const CLOCKS: &[[&str; 2]] = &[["Utc", "now"], ["Local", "now"], ["SystemTime", "now"], ["Instant", "now"]];

/// The rooms of the map.
pub fn rooms() -> impl Iterator<Item = &'static str> {
    MAY_USE.iter().map(|(room, _)| *room)
}

/// Whether a room may name a path: `crate` and what follows, or a library and what follows. In its
/// tests a pure room may look at the system; it may not use other rooms or libraries even there.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn judge(room: &str, path: &[String], in_tests: bool) -> Result<(), String> {
    // The root declares the rooms and belongs to none.
    if room == "lib" {
        return Ok(());
    }
    let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
        return Err(format!("room `{room}` is not on the map: say in src/lib.rs and ARCHITECTURE.md what it may use"));
    };
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    match segments.as_slice() {
        // The binary calls the library by its name.
        ["crate" | "forewarn", used, ..] => {
            let is_room = MAY_USE.iter().any(|(name, _)| name == used);
            match (*used == room, is_room, may.contains(used)) {
                (true, ..) | (_, true, true) => Ok(()),
                (_, true, false) => Err(format!("`{room}` uses `{used}`, which is not below it")),
                _ => Err(format!("`{room}` uses `crate::{used}`, which is no room of the map")),
            }
        }
        ["crate" | "forewarn"] => Err(format!("`{room}` takes the whole crate: name the room that is meant")),
        ["std", ..] if in_tests => Ok(()),
        _ => library(room, &segments),
    }
}

fn library(room: &str, segments: &[&str]) -> Result<(), String> {
    let name = segments.join("::");
    if let Some(known) = LIBRARIES.iter().find(|known| segments.starts_with(known.begins)) {
        return match known.by.contains(&room) {
            true => Ok(()),
            false => Err(format!("`{room}` names `{name}`: {}", known.because)),
        };
    }
    let reads_a_clock = CLOCKS.iter().any(|call| segments.windows(2).any(|two| two == call));
    if reads_a_clock && !TIMED.contains(&room) {
        return Err(format!("`{room}` calls `{name}`: time is an argument"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::read::Source;

    /// Lines of a made-up file in the module `module` that breach a rule.
    fn breaches(module: &str, text: &str) -> Vec<usize> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let source = Source::read(text, &module);
        source
            .named
            .iter()
            .filter(|named| judge(&module[0], &named.path, named.in_tests).is_err())
            .map(|named| named.line)
            .collect()
    }

    #[test]
    fn made_up_breaches_are_found() {
        for (module, text) in [
            ("availability::ledger", "use crate::sync::Replica;"),
            ("availability::ledger", "use crate::{clock, availability::Moment};"),
            ("availability::ledger", "fn f() { let x = crate::clock::now(); }"),
            ("availability::ledger", "fn f() { chrono::Utc::now() }"),
            ("availability::ledger", "use chrono::Utc; fn f() { Utc::now() }"),
            ("availability::ledger", "use std::{collections::HashMap, time::{Duration, Instant}};"),
            ("sync", "use rand;"),
            ("sync", "use tokio as t;"),
            ("sync", "extern crate tokio;"),
            ("sync", "use ::tokio::sync;"),
            ("sync", "pub use super::store::Store;"),
            ("sync::replica::send", "use super::super::super::store::Store;"),
            ("sync::replica", "mod deep { fn f(_: super::super::super::actors::Desk) {} }"),
            ("sync::replica", "use self::super::super::actors;"),
            ("sync", "#[cfg(test)] mod tests { use crate::actors; }"),
            ("sync", "#[tokio::test] async fn f() {}"),
            ("sync", "use crate as root;"),
            ("sync", "use crate::*;"),
            ("sync", "use {crate::gate::path, std::fmt};"),
            ("store", "use crate::actors::Desk;"),
            ("answer", "use crate::sync::Replica;"),
            ("answer", "use actix_web::HttpResponse;"),
            ("gate", "use crate::control::api;"),
            ("gate", "use crate::config::Settings;"),
            ("gate", "fn f(db: sled::Db) {}"),
            ("control", "fn f(_: actix::Addr<X>) {}"),
            ("peer", "use crate::gate::path;"),
            ("actors", "use crate::node;"),
            ("config", "use crate::gate::route::Routes;"),
            ("clock", "use crate::store::Store;"),
            ("attic", "use std::fmt;"),
            ("gate", "use crate::attic::Box;"),
        ] {
            assert_eq!(breaches(module, text), [1], "{module}: {text}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        for (module, text) in [
            ("availability::ledger", "use super::Moment; use crate::availability::word; use chrono::{DateTime, Utc};"),
            ("availability::verdict", "struct Instant<'a>(&'a str); use std::time::Duration;"),
            (
                "availability",
                "// use crate::sync;\n/* crate::gate /* nested */ ::x */ const S: &str = \"crate::gate::x\";",
            ),
            (
                "availability",
                "const R: &str = r#\"use crate::gate; \"quoted\" \"#; const C: char = '\"'; fn f<'a>(x: &'a str) {}",
            ),
            (
                "availability",
                "/// See [`Desk`](crate::actors::Desk).\npub(crate) fn f() {} pub(in crate::availability) fn g() {}",
            ),
            ("availability", "fn f(tokio: u8, rand: u8) -> u8 { tokio + rand }"),
            ("sync::replica::tests", "use super::*; use crate::{availability::{Moment, Name as N}, sync::lane};"),
            ("store", "use crate::sync::rows; fn f(db: &sled::Db) {}"),
            (
                "gate::service",
                "use crate::{actors::shared::Shared, answer::Denial, clock}; use actix_web::web; use super::super::answer;",
            ),
            ("node", "use crate::{config::Settings, gate, control, peer, store}; use actix::prelude::*;"),
            ("main", "use forewarn::cli;"),
            ("answer", "mod tests { fn f() { std::fs::write(X, Y) } }"),
            ("clock", "fn f() { std::time::SystemTime::now(); rand::random() }"),
        ] {
            assert_eq!(breaches(module, text), [0; 0], "{module}: {text}");
        }
    }

    #[test]
    fn a_breach_is_named_with_its_line() {
        assert_eq!(
            breaches("sync", "use std::fmt;\n\nuse crate::{\n    availability::Name,\n    gate::path,\n};\n"),
            [5]
        );
        let sentence = judge("sync", &["crate".to_owned(), "gate".to_owned()], false);
        assert_eq!(sentence, Err("`sync` uses `gate`, which is not below it".to_owned()));
    }
}
