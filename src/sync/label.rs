//! Names of the steps that a node commits: for crash points and the log.

/// An enum whose variants have names, and the list of them: what takes a value of it knows all of them.
macro_rules! named {
    ($(#[$meta:meta])* $vis:vis enum $Enum:ident { $($(#[$doc:meta])* $Variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $Enum {
            $($(#[$doc])* $Variant,)+
        }

        impl $Enum {
            /// All of them.
            $vis const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// Its name.
            $vis fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What kind of step it is.
    pub enum Label {
        /// Entries that a reference returned.
        Absorb = "absorb",
        /// Rows that a peer has acknowledged.
        Acknowledged = "acknowledged",
        /// Entries move from the inbox to the ledger.
        Apply = "apply",
        /// A peer's run.
        Boot = "boot",
        /// This node is fenced.
        Conflict = "conflict",
        /// A node was removed for good.
        Forgotten = "forgotten",
        /// L has risen.
        Limit = "limit",
        /// A member's record.
        Member = "member",
        /// Entries of a starting node.
        Merge = "merge",
        /// A merge with a peer is complete.
        Merged = "merged",
        /// Rows move from an address to the node that answers there.
        Met = "met",
        /// Old history is removed.
        Prune = "prune",
        /// Receipts of peers.
        Receipts = "receipts",
        /// A peer's delivery.
        Receive = "receive",
        /// A change of the registry.
        Register = "register",
        /// Entries leave quarantine.
        Release = "release",
        /// Changes that a restored state needs.
        Restored = "restored",
        /// What follows from schedules.
        Schedule = "schedule",
        /// A submission.
        Submit = "submit",
    }
}
