//! Monitors: an actor each, which looks through its probe, lets its machine decide, and submits what that says
//! (`docs/contract.md#monitors`). All of them share one thread, on which nothing blocks.
//!
//! Must stay true: the check of one never delays another; a word that the node has not taken is handed in again,
//! with the same id while it may have been taken, until it is taken or another word has come in its place.

mod figures;
mod orphans;
mod start;

use std::{sync::Arc, time::Duration};

use actix::{fut::wrap_future, prelude::*};
use futures_util::Stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;

use self::orphans::Stands;
pub(crate) use self::start::Monitors;
use super::{
    Desk,
    desk::{Event, SubmitError, Submitted},
    live::{Live, Seen},
    repeater::now,
};
use crate::{
    clock,
    monitor::{Check, Finding, Machine, Opinion, Speak, Statement, Voice, Watch},
    probe::Probe,
};

/// No monitor waits longer for its first check.
const FIRST: Duration = Duration::from_secs(1);
/// How often a monitor that has a word looks whether it still stands.
const VERIFY: Duration = Duration::from_secs(1);
/// How often it repeats a word that does not stand.
const AGAIN: Duration = Duration::from_secs(60);
/// Between two tries to hand a word in: from this to the next.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// See the module.
struct Monitor {
    watch: Watch,
    voice: Voice,
    desk: Desk,
    live: Arc<Live>,
    probe: Box<dyn Probe>,
    machine: Machine,
    /// What it finds of its upstream, if it is about one.
    opinion: Option<Opinion>,
    /// When the last check began.
    begun: Duration,
    latency: Option<Duration>,
    /// What was unknown last, so that it is logged once.
    unknown: Option<String>,
    unsaid: Option<Unsaid>,
    /// A submission is on its way.
    is_speaking: bool,
    /// When to look whether the word stands.
    verify_at: Duration,
}

/// A word that the node has not taken yet.
#[derive(Clone)]
struct Unsaid {
    speak: Speak,
    id: Uuid,
    patience: Duration,
}

impl Actor for Monitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(findings) = self.probe.follow() {
            ctx.add_stream(findings);
        }
        if self.opinion.is_some() {
            ctx.add_stream(others(self.desk.subscribe()));
        }
        // Not all at once.
        let wait = self.watch.every.min(FIRST).mul_f64(chance());
        ctx.run_later(wait, Self::check);
    }
}

/// Findings that come by themselves.
impl StreamHandler<Finding> for Monitor {
    fn handle(&mut self, finding: Finding, ctx: &mut Self::Context) {
        self.found(finding, ctx);
    }

    /// The checks go on.
    fn finished(&mut self, _: &mut Self::Context) {}
}

/// A monitor of this node has found something else.
struct OtherTurned;

/// Says when that happens.
fn others(events: Receiver<Event>) -> impl Stream<Item = OtherTurned> {
    futures_util::stream::unfold(events, |mut events| async {
        loop {
            match events.recv().await {
                Ok(Event::Monitor { .. }) | Err(RecvError::Lagged(_)) => return Some((OtherTurned, events)),
                Ok(_) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

impl StreamHandler<OtherTurned> for Monitor {
    fn handle(&mut self, _: OtherTurned, ctx: &mut Self::Context) {
        let speak = self.speak_of(None);
        self.say(speak, ctx);
    }

    /// The checks go on.
    fn finished(&mut self, _: &mut Self::Context) {}
}

/// End, and with it the check that is being made.
#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Stop> for Monitor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Monitor {
    fn check(&mut self, ctx: &mut Context<Self>) {
        self.begun = clock::mono();
        let (check, timeout) = (self.probe.check(self.machine.closes()), self.watch.timeout);
        let is_partner = matches!(self.watch.check, Check::Farm(_));
        let bounded = async move {
            let late = |_elapsed| Finding::Bad(format!("No result within {timeout:?}"));
            match tokio::time::timeout(timeout, check).await.unwrap_or_else(late) {
                Finding::Bad(problem) if is_partner => Finding::Away(problem),
                finding => finding,
            }
        };
        ctx.spawn(wrap_future::<_, Self>(bounded).map(|finding, monitor, ctx| {
            monitor.found(finding, ctx);
            // From beginning to beginning, by up to a tenth more or less; at once where a check took longer.
            let (every, now) = (monitor.watch.every, clock::mono());
            let due = together(monitor.begun + every.mul_f64(0.9 + chance() * 0.15), every);
            ctx.run_later(due.saturating_sub(now), Self::check);
        }));
    }

    fn found(&mut self, finding: Finding, ctx: &mut Context<Self>) {
        self.live.count(matches!(finding, Finding::Bad(_) | Finding::Away(_)));
        if let Finding::Good { latency } = finding {
            self.latency = Some(latency);
        }
        self.note(&finding);
        let (before, now) = (self.machine.health(), now());
        let wanted = self.machine.look(finding, now);
        self.judge();
        let speak = self.speak_of(wanted);
        let (health, detail) = (self.machine.health(), self.machine.detail());
        if health != before {
            log::info!(
                monitor:% = self.watch.name, target:% = self.watch.target, health:?, detail = detail.as_deref().unwrap_or("");
                "monitor_turned"
            );
        }
        self.live.publish(Seen {
            health,
            since: self.machine.health_since(),
            last_checked: Some(now.wall),
            detail,
            damped: self.machine.is_damped(),
            latency: self.latency,
        });
        if health != before {
            self.desk.shared().tell(Event::Monitor { name: self.watch.name.clone() });
        }
        self.say(speak, ctx);
    }

    /// Takes the upstream that it is about out of the balance, or back.
    fn judge(&mut self) {
        let Some(opinion) = &mut self.opinion else { return };
        let (monitor, target) = (&self.watch.name, &self.watch.target);
        match opinion.set(self.machine.health()) {
            Some(true) => {
                log::warn!(monitor:%, target:%, upstream = opinion.upstream(); "upstream_out");
            }
            Some(false) => {
                log::info!(monitor:%, target:%, upstream = opinion.upstream(); "upstream_back");
            }
            None => {}
        }
    }

    /// The word to submit where the machine wants to say this.
    fn speak_of(&mut self, wanted: Option<Statement>) -> Option<Speak> {
        match &self.opinion {
            None => self.machine.speak(wanted, now()),
            Some(opinion) => self.machine.speak_beside(wanted, opinion.serving(), now()),
        }
    }

    /// Hands in a word, if there is one; otherwise looks whether the last one stands.
    fn say(&mut self, speak: Option<Speak>, ctx: &mut Context<Self>) {
        match speak {
            Some(speak) => {
                self.unsaid = Some(Unsaid { speak, id: self.voice.id(clock::new_id()), patience: PATIENCE[0] });
                self.speak(ctx);
            }
            None => self.verify(ctx),
        }
    }

    /// A check that cannot be made is a line in the log, once for each cause.
    fn note(&mut self, finding: &Finding) {
        let problem = match finding {
            Finding::Unknown(problem) => Some(problem),
            _ => None,
        };
        if let Some(problem) = problem.filter(|problem| self.unknown.as_ref() != Some(*problem)) {
            log::warn!(monitor:% = self.watch.name, problem = problem.as_str(); "monitor_cannot_tell");
        }
        self.unknown = problem.cloned();
    }

    /// Hands in what is unsaid.
    fn speak(&mut self, ctx: &mut Context<Self>) {
        let Some(unsaid) = self.unsaid.clone().filter(|_| !self.is_speaking) else { return };
        self.is_speaking = true;
        let (desk, author) = (self.desk.clone(), self.voice.author());
        let submission = self.voice.submission(&unsaid.speak, unsaid.id, clock::now());
        let submitted = async move {
            match submission {
                Ok(submission) => desk.hand_in(submission, author).await,
                Err(errors) => Err(SubmitError::Invalid(errors)),
            }
        };
        ctx.spawn(wrap_future::<_, Self>(submitted).map(move |result, monitor, ctx| {
            monitor.is_speaking = false;
            monitor.spoken(&unsaid, result, ctx);
        }));
    }

    fn spoken(&mut self, said: &Unsaid, result: Result<Submitted, SubmitError>, ctx: &mut Context<Self>) {
        let is_latest = self.unsaid.as_ref().is_some_and(|unsaid| unsaid.id == said.id);
        match result {
            Ok(taken) => {
                log::info!(
                    monitor:% = self.watch.name, target:% = self.watch.target, claim:? = said.speak.statement.claim,
                    id:% = taken.id;
                    "monitor_spoke"
                );
                if is_latest {
                    self.unsaid = None;
                    if said.speak.since.is_none() {
                        self.machine.stamped(taken.timestamp);
                    }
                }
            }
            Err(error) => {
                log::warn!(
                    monitor:% = self.watch.name, error:% = shown(&error), again_in:? = said.patience;
                    "monitor_not_heard"
                );
                if let Some(unsaid) = self.unsaid.as_mut().filter(|_| is_latest) {
                    unsaid.patience = (said.patience * 2).min(PATIENCE[1]);
                    if !matches!(error, SubmitError::Unavailable { .. }) {
                        unsaid.id = self.voice.id(clock::new_id());
                    }
                    ctx.run_later(said.patience, Self::speak);
                    return;
                }
            }
        }
        // What came in between.
        self.speak(ctx);
    }

    /// A word that is gone from the ledger is said again.
    fn verify(&mut self, ctx: &mut Context<Self>) {
        if !self.machine.has_word() || self.unsaid.is_some() || self.begun < self.verify_at {
            return;
        }
        self.verify_at = self.begun + VERIFY;
        let (desk, known) = (self.desk.clone(), self.voice.known().clone());
        let looked = async move { desk.look(Stands(known)).await };
        ctx.spawn(wrap_future::<_, Self>(looked).map(|stands, monitor, _| {
            if stands == Some(false) && monitor.unsaid.is_none() {
                monitor.machine.lost();
                monitor.verify_at = clock::mono() + AGAIN;
            }
        }));
    }
}

/// An error with the fields that are wrong.
fn shown(error: &SubmitError) -> String {
    match error {
        SubmitError::Invalid(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// The next instant at or after this one at which checks of this interval begin: those of many monitors begin together,
/// so that the thread is woken once for them. At most a twentieth of the interval later.
fn together(due: Duration, every: Duration) -> Duration {
    let step = (every / 20).clamp(Duration::from_millis(1), Duration::from_millis(25)).as_millis();
    let millis = due.as_micros().div_ceil(1_000 * step) * step;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// From 0 to 1.
fn chance() -> f64 {
    clock::random() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_begin_together_and_little_later() {
        let millis = Duration::from_millis;
        assert_eq!(together(millis(1_001), millis(1_000)), millis(1_025));
        assert_eq!(together(millis(1_025), millis(1_000)), millis(1_025));
        assert_eq!(together(millis(101), millis(100)), millis(105));
        assert_eq!(together(Duration::from_micros(100_001), millis(3_600_000)), millis(125));
    }
}
