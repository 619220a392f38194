//! HTTP/1.1 as bytes: heads, bodies, and one exchange between a client and an upstream.
//!
//! ```text
//! bytes → head (one request's or answer's head, borrowed) → framing (what it means: where the body ends)
//!       → body (its pieces, and its end)                 → pipe (a body on its way through one buffer)
//!       → machine (what may come next, and how the exchange ends)
//! ```
//!
//! What must stay true: no byte sequence panics or allocates beyond what the caller has bounded; a message is
//! understood in one way or refused; what [`pipe`] lets out is framed so strictly that no reader can find
//! another end in it; the result never depends on how the bytes were split on arrival.
//!
//! Must not know: sockets, clocks, executors, and Forewarn's terms. The crate `httparse` finds the pieces of a
//! head; every decision is made here. Sections are those of RFC 9110 and RFC 9112.

pub mod body;
pub mod framing;
pub mod head;
pub mod machine;
pub mod pipe;
pub mod trailers;
pub mod unframe;
pub mod write;
