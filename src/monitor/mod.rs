//! Monitors: what a node watches by itself (`docs/contract.md#monitors`), and rules over what it counts
//! (`docs/contract.md#rules`).
//!
//! Pure. [`machine`] decides when a monitor changes its word, [`rule`] what a rule means, [`figures`] keeps the
//! recent past of what rules read, [`traffic`] is what the gate counts for each application, and [`watch`] is a
//! monitor as it is configured. [`upstreams`] joins what the monitors of an application's upstreams find. [`voice`] makes submissions of what the machine says, `survey` finds in the ledger
//! what was said in earlier runs. The checks themselves are in `probe`, the actors that run them in `actors`.

pub mod figures;
pub mod health;
pub mod machine;
pub mod mark;
pub mod partner;
pub mod rule;
pub mod survey;
pub mod traffic;
pub mod upstreams;
pub mod voice;
pub mod watch;

pub use health::Health;
pub use machine::{Claim, Finding, Machine, Speak, Standing, Statement, Thresholds};
pub use rule::Rule;
pub use survey::{Known, Orphan, Surveyed, survey};
pub use traffic::Traffic;
pub use upstreams::{Opinion, Serving, UpstreamStates, Watched};
pub use voice::Voice;
pub use watch::{Check, CommandCheck, FarmCheck, HttpCheck, PassiveCheck, Scope, StatusSet, TcpCheck, Watch};
