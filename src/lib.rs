//! Forewarn tells the users of a server farm, at first contact, on every node, at once, why an
//! application is down and when it is back.
//!
//! The map of the crate, with the rooms that each room may use: downwards only. `tests/architecture.rs`
//! reads it and the imports, and fails on a breach. ARCHITECTURE.md has the same map.
//!
//! ```text
//! room          is                                                      uses
//! main          arguments in, exit status out                           cli
//! cli           the command line: a file per subcommand                 all below
//! demo          the farm that `forewarn demo` starts                    config answer vocabulary availability clock
//! fuzz          for tests: hostile bytes for every reader             all below
//! embed         a node or a listener inside an application in Rust     all below
//! node          one node, put together: boot order, shutdown order      all below
//! gate          what users reach: decide, deny, forward, check          http1 actors answer text store outside monitor sync tls vocabulary availability clock noise
//! control       what operators and programs reach: API, pages, events   body actors answer text store outside monitor sync tls vocabulary availability clock noise
//! peer          what other nodes reach: signed messages                 body actors answer store sync tls vocabulary availability clock noise
//! http1         PURE HTTP/1.1 as bytes: heads, framing, bodies          –
//! body          how bodies are read, within bounds                      –
//! actors        caches, repeater, couriers, monitors, the desk           probe answer text store hook monitor sync vocabulary availability clock
//! probe         how monitors look: a file for each kind of check       monitor tls vocabulary availability clock
//! outside       PURE what the company reads: status page, feeds          answer text vocabulary availability
//! answer        PURE denials, problems and pages in four shapes         text availability
//! store         sled: trees, records, group commit, migrations          sync availability
//! config        the TOML file as checked settings                       text hook monitor tls vocabulary availability
//! text          PURE what people read, in their languages                availability
//! hook          PURE who outside is told what, when, by which node      vocabulary availability
//! monitor       PURE when a monitor speaks; rules, and what they read   sync availability
//! sync          PURE the protocol: node, replica, relay plan, merge     vocabulary availability
//! tls           certificates, keys and whom one believes               availability
//! vocabulary    PURE words that all share: addresses, routes, roles     availability
//! noise         bounds for log lines that strangers can cause           clock
//! clock         the one door for time and chance                        availability
//! availability  PURE notification, criteria, ledger, verdict            –
//! ```
//!
//! Pure rooms know no actix, no sled, no tokio and no clock: time and chance are arguments.

#![deny(unreachable_pub, dead_code)]

// What an application that embeds Forewarn uses.
pub mod availability;
pub mod cli;
pub mod clock;
pub mod embed;
pub mod sync;

// Driven by libFuzzer (fuzz/).
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;

// Public for this project's own tests and benchmarks; no promise is made about them.
#[doc(hidden)]
pub mod actors;
#[doc(hidden)]
pub mod answer;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod gate;
#[doc(hidden)]
pub mod hook;
#[doc(hidden)]
pub mod http1;
#[doc(hidden)]
pub mod monitor;
#[doc(hidden)]
pub mod outside;
#[doc(hidden)]
pub mod peer;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod tls;
#[doc(hidden)]
pub mod vocabulary;

mod body;
mod control;
mod demo;
#[cfg(all(test, not(fuzzing)))]
mod fuzz;
mod node;
mod noise;
mod probe;
