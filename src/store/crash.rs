//! Named points at which a test can make the process die.
//!
//! A crash test starts `forewarn` as a child, names a point in `FOREWARN_CRASH_AT` and inspects the store
//! afterwards. `NAME` dies the first time the point is reached, `NAME:3` the third time. Dying is `abort`: no
//! destructor runs and nothing is flushed, as with `kill -9`. The last line on standard error is
//! `crash_point=NAME`, so that a test can recognize this death.
//!
//! Without the feature `crash-points`, which packages never have, both functions are empty.

/// Dies here if the environment names this point.
#[cfg(feature = "crash-points")]
pub fn crash_point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("FOREWARN_CRASH_AT").ok()?;
        // a name has no colon, so whatever follows one is the count
        Some(match text.rsplit_once(':') {
            Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    if let Some((wanted, count)) = wanted
        && wanted == name
        && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        eprintln!("crash_point={name}");
        std::process::abort();
    }
}

/// Dies here if the environment names this point.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn crash_point(_name: &str) {}

/// A crash point is armed: steps that usually share a flush get one each, so that a crash can leave the disk in
/// every state between them.
#[inline(always)]
pub(super) fn is_armed() -> bool {
    cfg!(feature = "crash-points") && std::env::var_os("FOREWARN_CRASH_AT").is_some()
}

/// The point `writer.LABEL.MOMENT`; builds the name only where it can matter.
#[inline(always)]
pub(super) fn writer_point(label: &'static str, moment: &'static str) {
    #[cfg(feature = "crash-points")]
    crash_point(&format!("writer.{label}.{moment}"));
    #[cfg(not(feature = "crash-points"))]
    let _ = (label, moment);
}
