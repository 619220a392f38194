//! Faults that a test builds into the program, to see whether what checks the program finds them
//! (`tests/crash/histories`): `FOREWARN_SEEDED_FAULT` names one. Never in packages.

/// What the program does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "crash-points"), allow(dead_code))]
pub(crate) enum Seeded {
    /// Every fourth submission is acknowledged and forgotten.
    AcknowledgedNotKept,
    /// A cancel is acknowledged and forgotten.
    CancelNotKept,
    /// A submission counts from its arrival, whatever time it says.
    ArrivalOrder,
    /// Who waits for all nodes is told at once that all have it.
    ReceiptTooEarly,
    /// Every third change is not loaded into the caches.
    CacheNotLoaded,
    /// A change is visible at the gate later than it is acknowledged.
    PublishedLate,
}

#[cfg(feature = "crash-points")]
impl Seeded {
    const fn name(self) -> &'static str {
        match self {
            Self::AcknowledgedNotKept => "acknowledged-not-kept",
            Self::CancelNotKept => "cancel-not-kept",
            Self::ArrivalOrder => "arrival-order",
            Self::ReceiptTooEarly => "receipt-too-early",
            Self::CacheNotLoaded => "cache-not-loaded",
            Self::PublishedLate => "published-late",
        }
    }

    /// Whether it is built in.
    pub(crate) fn is_there(self) -> bool {
        static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let named = NAMED.get_or_init(|| std::env::var("FOREWARN_SEEDED_FAULT").ok());
        named.as_deref() == Some(self.name())
    }

    /// Whether it is built in, and it is its turn: every `nth` time.
    pub(crate) fn is_there_every(self, nth: usize) -> bool {
        static SEEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        self.is_there() && SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(nth)
    }
}

#[cfg(not(feature = "crash-points"))]
impl Seeded {
    /// Nothing is built in.
    #[inline(always)]
    pub(crate) fn is_there(self) -> bool {
        false
    }

    /// Nothing is built in.
    #[inline(always)]
    pub(crate) fn is_there_every(self, _nth: usize) -> bool {
        false
    }
}
