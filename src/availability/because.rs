//! Why a word counts or does not, as the evaluator found it (docs/contract.md#one-evaluator).

use std::{fmt, time::Duration};

use uuid::Uuid;

use super::Moment;

/// What became of one word. Given by the same pass that gives the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// It takes a plan back and says nothing itself.
    Cancels,
    /// A monitor's word that was not repeated for so long.
    Lapsed(Duration),
    /// This one took it back.
    TakenBack(Uuid),
    /// A plan that begins then.
    NotBegun(Moment),
    /// This one took its place.
    Replaced(Uuid),
    /// It ended by itself then.
    Over(Moment),
    /// It has criteria of these kinds, which this version does not know.
    Unread(Vec<String>),
    /// Its criteria do not match the request.
    NoMatch,
    /// A later word of the same speaker counts.
    Earlier,
    /// It closes the system; the application itself was opened later.
    OpenedLater,
    /// It is a reporter's closing; operators have said since that the target is available.
    Silenced,
    /// So many reporters close, and so many must.
    TooFew {
        /// Those that close.
        found: usize,
        /// Those that must.
        agree: usize,
    },
    /// It is a reporter's opening, which lifts only what that reporter has closed.
    FindsAvailable,
    /// It is the operators' latest word, and opens.
    Opens,
    /// It says that the target works, but not as it should: it is one of the verdict's advisories.
    Advises,
    /// It closes the application: it is one of the verdict's causes.
    Closes,
}

impl fmt::Display for Because {
    /// As the rest of a sentence that begins with the word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancels => f.write_str("it cancels a plan and says nothing itself"),
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
