//! Why a word counts or does not, as the evaluator found it (docs/contract.md#one-evaluator).

use std::{fmt, time::Duration};

use uuid::Uuid;

use super::Moment;

/// The fate of one word. The pass that gives the verdict also gives this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// It cancels a plan and has no effect of its own.
    Cancels,
    /// A monitor's word that was not repeated within this time.
    Lapsed(Duration),
    /// This notification cancelled it.
    TakenBack(Uuid),
    /// A plan that begins at this time.
    NotBegun(Moment),
    /// This notification replaced it.
    Replaced(Uuid),
    /// It ended by itself at this time.
    Over(Moment),
    /// It has criteria of these kinds, which this version does not know.
    Unread(Vec<String>),
    /// Its criteria do not match the request.
    NoMatch,
    /// A later word of the same speaker counts.
    Earlier,
    /// It closes the system, but the application itself was opened later.
    OpenedLater,
    /// It is a reporter's closing, and an operator has opened the target since then.
    Silenced,
    /// This many reporters close the target, and this many must.
    TooFew {
        /// Those that close.
        found: usize,
        /// Those that must.
        agree: usize,
    },
    /// It is a reporter's opening, which lifts only that reporter's own closing.
    FindsAvailable,
    /// It is the operators' latest word, and opens.
    Opens,
    /// It is degraded: one of the verdict's advisories.
    Advises,
    /// It closes the application: it is one of the verdict's causes.
    Closes,
}

impl fmt::Display for Because {
    /// As the rest of a sentence that begins with the word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancels => f.write_str("it cancels a plan and has no other effect"),
            Self::Lapsed(lapse) => write!(f, "it has lapsed: it was not repeated for {} s", lapse.as_secs()),
            Self::TakenBack(by) => write!(f, "it was cancelled by {by}"),
            Self::NotBegun(begins) => write!(f, "it is a plan that begins at {begins}"),
            Self::Replaced(by) => write!(f, "it was replaced by {by}"),
            Self::Over(ended) => write!(f, "it ended by itself at {ended}"),
            Self::Unread(kinds) => write!(
                f,
                "it has criteria that this version does not know ({}), so it matches no request here",
                kinds.join(", ")
            ),
            Self::NoMatch => f.write_str("its criteria do not match this request"),
            Self::Earlier => f.write_str("a later word of the same speaker counts"),
            Self::OpenedLater => f.write_str("the application itself was opened later"),
            Self::Silenced => f.write_str("operators have said since that it is available"),
            Self::TooFew { found, agree } => write!(f, "{found} of {agree} reporters that must agree say so"),
            Self::FindsAvailable => {
                f.write_str("this reporter finds it available, which lifts only what it has closed itself")
            }
            Self::Opens => f.write_str("it counts: the operators' latest word opens"),
            Self::Advises => f.write_str("it counts: it works, but not as it should"),
            Self::Closes => f.write_str("it counts: it closes the application for this request"),
        }
    }
}
