//! Answers to users: to a request for a closed application, and to a query of availability. Pure: this room
//! renders, it does not send.
//!
//! An application's cache publishes a [`Snapshot`], by which the gate decides. A [`Denial`] answers a request
//! that is turned away, in four [`Shape`]s; a refused [`Form`](form::Form) comes back on its page. A [`Problem`] is any other error of the gate, in the same shapes.
//! [`general()`] and [`partial()`] give the verdict for an application as a whole.
//!
//! Must stay true: no text that a person wrote reaches a header, or a body unescaped; every answer states
//! exactly what its verdict states; no cache may store an answer. Must not know: clocks, sockets, web
//! frameworks, the store.

mod announced;
mod app;
mod bar;
mod denial;
#[cfg(test)]
mod fixtures;
mod followed;
pub mod form;
mod general;
mod note;
mod occasion;
mod page;
mod pieces;
mod problem;
mod public;
mod rehearsal;
mod sample;
mod shape;
mod snapshot;
mod words;
mod works;

pub use announced::{Announced, LastEntry};
pub use app::App;
pub use bar::bar_json;
pub use denial::{Denial, EVENTS, Told};
pub use followed::followed;
pub use general::{general, is_general, partial};
pub use note::Note;
pub use occasion::Occasion;
pub use page::LARGEST_PAGE;
pub(crate) use page::{base64, lean_script};
pub use problem::{PROBLEMS, Problem, ProblemKind, problem_type};
pub use public::{advisory_json, availability_json};
pub use rehearsal::{Effect, Rehearsal};
pub use sample::sample;
pub use shape::Shape;
pub use snapshot::{Decision, Snapshot};
pub use works::{MOST as MOST_WORKS, Work};
