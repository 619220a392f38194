//! Named points at which a test can make the process die.
//!
//! A crash test starts `forewarn` as a child, names a point in `FOREWARN_CRASH_AT` and inspects the store
//! afterwards. `NAME` dies the first time the point is reached, `NAME:3` the third time. Dying is `abort`: no
//! destructor runs and nothing is flushed, as with `kill -9`. The last line on standard error is
//! `crash_point=NAME`, so that a test can recognize this death.
//!
//! Every point is a value of [`Place`], or of a few values that give it its name together. So [`all_points`] knows
//! each of them, and the tests in `tests/crash` fail if there is a point at which no scenario dies.
//!
//! Without the feature `crash-points`, which packages never have, the functions are empty.

use crate::sync::{Label, Purpose, named};

named! {
    /// A point with a name of its own.
    pub enum Place {
        /// The references have answered.
        BootAsked = "boot.asked",
        /// The run has its number.
        BootIdentity = "boot.identity",
        /// The gate listens.
        BootListening = "boot.listening",
        /// What they knew is applied.
        BootMerged = "boot.merged",
        /// The store is open.
        BootOpen = "boot.open",
        /// The node is ready.
        BootReady = "boot.ready",
        /// What was pending is applied.
        BootReplayed = "boot.replayed",
        /// The rows are read.
        BootRestore = "boot.restore",
        /// The caches are loaded.
        BootRestored = "boot.restored",
        /// A delivery failed.
        CallDeliverFailed = "call.deliver.failed",
        /// Another call failed.
        CallFailed = "call.failed",
        /// A call was answered with 409.
        CallTurnedAway = "call.turned-away",
        /// Groups are in sled, not on stable storage there.
        CheckpointApplied = "checkpoint.applied",
        /// The other file of intents is begun, and sled has nothing of the full one.
        CheckpointBegun = "checkpoint.begun",
        /// Sled has all groups of the full file on stable storage.
        CheckpointDurable = "checkpoint.durable",
        /// Before a notification is handed in elsewhere.
        DeskHandIn = "desk.hand-in",
        /// After the answer.
        DeskHandInAnswered = "desk.hand-in.answered",
        /// A submission is durable, before it is answered.
        DeskSubmitted = "desk.submitted",
        /// A store is written anew: the next generation is there, and empty.
        FreshBegun = "fresh.begun",
        /// It has every record, not on stable storage yet.
        FreshFilled = "fresh.filled",
        /// It is on stable storage, and the marker names the old one.
        FreshSynced = "fresh.synced",
        /// The marker names it, and the old one is there.
        FreshMarked = "fresh.marked",
        /// The old one is gone.
        FreshRemoved = "fresh.removed",
        /// In the middle of the migration that exists for tests.
        Migration4Middle = "migration.4.middle",
        /// An announcement has arrived.
        PeerAnnounce = "peer.announce",
        /// Before its answer.
        PeerAnnounceAnswer = "peer.announce.answer",
        /// A delivery has arrived.
        PeerDeliver = "peer.deliver",
        /// Before its answer.
        PeerDeliverAnswer = "peer.deliver.answer",
        /// A step of a merge has arrived.
        PeerMerge = "peer.merge",
        /// Before its answer.
        PeerMergeAnswer = "peer.merge.answer",
        /// A submission that a peer hands in has arrived.
        PeerSubmit = "peer.submit",
        /// Before its answer.
        PeerSubmitAnswer = "peer.submit.answer",
        /// Groups that sled lacked are in it, not on stable storage.
        ReplayApplied = "replay.applied",
        /// Groups were found that sled lacks.
        ReplayBegun = "replay.begun",
        /// Sled has them on stable storage.
        ReplayDurable = "replay.durable",
        /// Before the writer is stopped.
        RepeaterClose = "repeater.close",
        /// After it was stopped.
        RepeaterClosed = "repeater.closed",
        /// Before the caches load.
        RepeaterLoad = "repeater.load",
        /// After they have loaded.
        RepeaterLoaded = "repeater.loaded",
        /// An answer is due: to an announcement.
        RepeaterReplyAnnounced = "repeater.reply.announced",
        /// To a request that waits for other nodes.
        RepeaterReplyAsked = "repeater.reply.asked",
        /// To a delivery.
        RepeaterReplyDelivered = "repeater.reply.delivered",
        /// To a step of a merge.
        RepeaterReplyMerged = "repeater.reply.merged",
        /// To a step of a merge, with nothing.
        RepeaterReplyNothingToMerge = "repeater.reply.nothing-to-merge",
        /// A refusal.
        RepeaterReplyRefused = "repeater.reply.refused",
        /// Everything so far is durable and visible.
        RepeaterReplySettled = "repeater.reply.settled",
        /// To a submission.
        RepeaterReplySubmitted = "repeater.reply.submitted",
    }
}

named! {
    /// Moments of a call to another node: `call.PURPOSE` and this.
    pub enum CallMoment {
        /// Before it is sent.
        Sent = "",
        /// After it was answered.
        Answered = ".answered",
        /// The answer was processed and its effects performed.
        Taken = ".taken",
    }
}

named! {
    /// Moments of a commit: `writer.LABEL.` and this.
    pub enum CommitMoment {
        /// Before its records are written.
        Before = "before",
        /// They are written.
        Written = "written",
        /// They are synced.
        Durable = "durable",
    }
}

named! {
    /// Moments of a migration: `migration.NUMBER.` and this.
    pub enum MigrationMoment {
        /// Before the copy of a store with content.
        BeforeBackup = "before-backup",
        /// After it.
        AfterBackup = "after-backup",
        /// The migration has begun.
        Begun = "begun",
        /// Before the layout's new number is written.
        BeforeVersion = "before-version",
        /// After it was written.
        AfterVersion = "after-version",
    }
}

/// Dies here if the environment names this point.
#[inline(always)]
pub fn crash_point(place: Place) {
    die_at(|| place.name().to_owned());
}

/// A point around a call.
#[inline(always)]
pub(crate) fn call_point(purpose: Purpose, moment: CallMoment) {
    die_at(|| format!("call.{purpose}{moment}"));
}

/// A point around a commit.
#[inline(always)]
pub(super) fn commit_point(label: Label, moment: CommitMoment) {
    die_at(|| format!("writer.{label}.{moment}"));
}

/// A point of a migration.
#[inline(always)]
pub(super) fn migration_point(number: u32, moment: MigrationMoment) {
    die_at(|| format!("migration.{number}.{moment}"));
}

/// The names of all points. `migrations` is the number of migrations.
#[cfg(feature = "crash-points")]
pub fn all_points(migrations: u32) -> Vec<String> {
    let places = Place::ALL.iter().map(Place::to_string);
    let calls = Purpose::ALL
        .iter()
        .flat_map(|purpose| CallMoment::ALL.iter().map(move |moment| format!("call.{purpose}{moment}")));
    let commits = Label::ALL
        .iter()
        .flat_map(|label| CommitMoment::ALL.iter().map(move |moment| format!("writer.{label}.{moment}")));
    let migrations = (1..=migrations)
        .flat_map(|number| MigrationMoment::ALL.iter().map(move |moment| format!("migration.{number}.{moment}")));
    places.chain(calls).chain(commits).chain(migrations).collect()
}

/// Dies here if the environment names this point; the name is built only then.
#[cfg(feature = "crash-points")]
fn die_at(name: impl FnOnce() -> String) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("FOREWARN_CRASH_AT").ok()?;
        // A name has no colon, so what follows one is the count.
        Some(match text.rsplit_once(':') {
            Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    let Some((wanted, count)) = wanted else { return };
    let name = name();
    if *wanted == name && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        eprintln!("crash_point={name}");
        std::process::abort();
    }
}

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn die_at(_name: impl FnOnce() -> String) {}

/// A crash point is armed: steps that usually share a flush get one each, so that a crash can leave the disk in
/// every state between them.
#[inline(always)]
pub(super) fn is_armed() -> bool {
    cfg!(feature = "crash-points") && std::env::var_os("FOREWARN_CRASH_AT").is_some()
}

/// A test tries deaths or power cuts: files of intents are small, so that they come at every stage of a checkpoint.
#[inline(always)]
pub(super) fn is_trying() -> bool {
    is_armed() || (cfg!(feature = "crash-points") && std::env::var_os("FOREWARN_PLATTER").is_some())
}
