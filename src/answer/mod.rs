//! What users are told: the one who asks for an application that is down, and the one who asks
//! whether it is. Pure: it renders, it does not send.
//!
//! A [`Snapshot`] is what an application's cache publishes and the gate decides by; a [`Denial`] is
//! the answer to a request that is turned away, in four [`Shape`]s; a [`Problem`] is what else the
//! gate may have to say, in the same shapes. [`general()`] and [`partial()`] say of an application as a
//! whole what a verdict says of one request.
//!
//! Must stay true: nothing that a person has written reaches a header, or a body unescaped; every
//! answer says no more and no less than the verdict it was made from; no answer may be stored by a
//! cache. Must not know: clocks, sockets, web frameworks, the store.

mod denial;
#[cfg(test)]
mod fixtures;
mod general;
mod note;
mod page;
mod pieces;
mod problem;
mod shape;
mod snapshot;
mod words;

pub use denial::Denial;
pub use general::{advisory_json, availability_json, general, partial};
pub use note::Note;
pub use page::LARGEST_PAGE;
pub use problem::{PROBLEMS, Problem, ProblemKind, problem_type};
pub use shape::Shape;
pub use snapshot::{App, Decision, Snapshot};
