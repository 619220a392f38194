//! The merge logic's starting role (seed document, modules 258 and 264): announces this node, asks
//! references at start, merges with a random peer now and then, and with whoever returns.
//!
//! What is exchanged is decided by [`crate::sync::merge`]; this actor makes the calls and keeps the
//! time.

use std::{cell::RefCell, collections::HashSet, rc::Rc, sync::Arc, time::Duration};

use actix::prelude::*;
use tokio::time::{Instant, timeout_at};

use super::{
    repeater::{Begin, Repeater, Take},
    shared::{Counters, Shared},
    transport::{Failure, Transport},
};
use crate::{
    availability::{Entry, NodeId},
    clock,
    store::crash::crash_point,
    sync::{
        Announce, Merge, Merged, Replica, Stranger,
        merge::{Next, Session, Talk, follow_ups},
    },
};

/// How many peers are told what a periodic merge has brought.
const TELL: usize = 3;

/// How this node merges (SPEC 7, `[farm.merge]`).
#[derive(Debug, Clone)]
pub struct MergePlan {
    /// How many references to ask at start; `None`: all.
    pub references: Option<usize>,
    /// In random order rather than as they are listed.
    pub random: bool,
    /// One after the other rather than all at once.
    pub series: bool,
    /// How long the whole phase may take at start.
    pub timeout: Duration,
    /// How often to merge with a random peer afterwards.
    pub every: Duration,
}

/// See the module.
#[derive(Clone)]
pub struct Merger {
    /// Whom this node is merging with at the moment: one merge with each at a time is enough.
    running: Rc<RefCell<HashSet<NodeId>>>,
    plan: MergePlan,
    transport: Rc<dyn Transport>,
    repeater: Addr<Repeater>,
    shared: Arc<Shared>,
}

impl Merger {
    /// A merger for this repeater.
    pub fn new(plan: MergePlan, transport: Rc<dyn Transport>, repeater: Addr<Repeater>, shared: Arc<Shared>) -> Self {
        Self { running: Rc::default(), plan, transport, repeater, shared }
    }

    /// A step of the replica; `None` only while the node goes down.
    async fn take<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Replica, crate::sync::Now) -> T + Send + 'static,
    ) -> Option<T> {
        self.repeater.send(Take::new(step)).await.ok().flatten()
    }

    /// Announces this node at an address; returns who answered.
    async fn announce(&self, address: &str) -> Result<Announce, Failure> {
        let phase = self.shared.phase().name();
        let away = || Failure::Away("the node is going down".to_owned());
        let own = self.take(move |replica, _| replica.announcement(phase)).await.ok_or_else(away)?;
        crash_point("merger.announce");
        match self.transport.announce(address, &own).await {
            Ok(answer) => {
                crash_point("merger.announced");
                let (met, at) = (answer.clone(), address.to_owned());
                let known =
                    self.take(move |replica, now| replica.announced(&met, Some(&at), now)).await.ok_or_else(away)?;
                crash_point("merger.met");
                match known {
                    Ok(()) => Ok(answer),
                    Err(stranger) => {
                        log::warn!("event=refused_member address={address} why={stranger}");
                        Err(Failure::Away(stranger.to_string()))
                    }
                }
            }
            Err(failure) => Err(self.learn(failure).await),
        }
    }

    /// A call has failed. One that was answered with 409 fences this node, whatever it was about.
    async fn learn(&self, failure: Failure) -> Failure {
        if let Failure::TurnedAway(conflict) = &failure {
            crash_point("merger.turned-away");
            let conflict = conflict.clone();
            self.take(move |replica, _| replica.turned_away(&conflict)).await;
        }
        failure
    }

    /// One step of a merge.
    async fn ask(&self, peer: NodeId, address: &str, message: &Merge) -> Result<Option<Merged>, Failure> {
        match self.transport.merge(peer, address, message).await {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(self.learn(failure).await),
        }
    }

    /// Merges with one reference, to the end.
    async fn talk(&self, peer: NodeId, address: &str) -> Result<Talk, Failure> {
        let away = || Failure::Away("the node is going down".to_owned());
        let (mut talk, mut ask) = self
            .take(move |replica, _| {
                replica.merging(peer);
                Talk::begin(replica, peer)
            })
            .await
            .ok_or_else(away)?;
        // The first part compares fingerprints; what follows exchanges entries.
        let mut points = ["merger.probe", "merger.probe.answered", "merger.probe.absorbed"];
        loop {
            crash_point(points[0]);
            let answer = self.ask(peer, address, &ask).await?;
            crash_point(points[1]);
            let (back, next) = self
                .take(move |replica, now| {
                    let next = talk.answer(replica, answer, now);
                    (talk, next)
                })
                .await
                .ok_or_else(away)?;
            talk = back;
            crash_point(points[2]);
            points = ["merger.part", "merger.part.answered", "merger.part.absorbed"];
            match next {
                Ok(Next::Ask(next)) => ask = *next,
                Ok(Next::Done) => return Ok(talk),
                Err(error) => {
                    log::warn!("event=merge_broken_off address={address} why={error}");
                    return Err(Failure::Away(error.to_string()));
                }
            }
        }
    }

    /// Announces, then merges.
    async fn meet_and_talk(&self, address: &str) -> Result<(NodeId, Talk), Failure> {
        let met = self.announce(address).await?;
        let id = met.member.id;
        // Another name for its own address: it would turn itself away as a copy.
        if self.take(move |replica, _| replica.facts().me == id).await == Some(true) {
            return Err(Failure::Away("this is the node's own address".to_owned()));
        }
        Ok((id, self.talk(id, address).await?))
    }

    /// The merge phase of a start: every reference that is wanted, one that does not answer being
    /// replaced by the next; then those that missed something are told. Returns how many answered.
    async fn merge_at_start(&self) -> usize {
        let deadline = Instant::now() + self.plan.timeout;
        let mut addresses = self.take(|replica, _| references(replica)).await.unwrap_or_default();
        if self.plan.random {
            shuffle(&mut addresses);
        }
        let wanted = self.plan.references.unwrap_or(addresses.len());
        let mut session = Session::new(self.plan.series);
        let mut reached: HashSet<NodeId> = HashSet::new();
        let mut rest = addresses.into_iter();
        while reached.len() < wanted && Instant::now() < deadline {
            let batch: Vec<String> =
                rest.by_ref().take(if self.plan.series { 1 } else { wanted - reached.len() }).collect();
            if batch.is_empty() {
                break;
            }
            let calls = batch
                .iter()
                .map(|address| async move { (address, timeout_at(deadline, self.meet_and_talk(address)).await) });
            for (address, result) in futures_util::future::join_all(calls).await {
                match result {
                    Ok(Ok((id, talk))) => {
                        reached.insert(id);
                        self.finished(id).await;
                        crash_point("merger.reference.finished");
                        session.ended(talk);
                    }
                    Ok(Err(failure)) => {
                        log::warn!("event=no_reference address={address} why={:?}", failure.to_string());
                        self.broken_off(address).await;
                    }
                    Err(_elapsed) => {
                        log::warn!("event=no_reference address={address} why=\"the merge's time-out is over\"");
                        self.broken_off(address).await;
                    }
                }
            }
        }
        for (id, missed) in session.missed() {
            let told = self.take(move |replica, _| (replica.address_of(id), follow_ups(replica, &missed))).await;
            let Some((Some(address), messages)) = told else { continue };
            for message in messages {
                crash_point("merger.follow-up");
                if let Ok(Err(failure)) = timeout_at(deadline, self.ask(id, &address, &message)).await {
                    log::warn!("event=no_follow_up address={address} why={:?}", failure.to_string());
                }
                crash_point("merger.follow-up.told");
            }
        }
        reached.len()
    }

    /// A merge with whoever is at this address has not come to its end.
    async fn broken_off(&self, address: &str) {
        let (address, chance) = (address.to_owned(), clock::random());
        self.take(move |replica, now| {
            let there: Vec<NodeId> =
                replica.peers().into_iter().filter(|peer| peer.address == address).map(|peer| peer.id).collect();
            for id in there {
                replica.merge_failed(id, chance, now);
            }
        })
        .await;
    }

    async fn finished(&self, id: NodeId) {
        Counters::count(&self.shared.counters.merges);
        self.take(move |replica, now| replica.merged_with(id, now)).await;
    }

    /// Merges with a peer that is back, or that is due.
    async fn merge_with(&self, id: NodeId) {
        let Some(Some(address)) = self.take(move |replica, _| replica.address_of(id)).await else { return };
        match self.meet_and_talk(&address).await {
            Ok((met, talk)) => {
                if met != id {
                    log::info!("event=other_identity address={address} expected={id} met={met}");
                }
                crash_point("merger.with");
                self.finished(met).await;
                crash_point("merger.with.finished");
                self.tell_some(met, talk.learned).await;
            }
            Err(failure) => {
                log::debug!("event=merge_failed address={address} why={:?}", failure.to_string());
                let chance = clock::random();
                self.take(move |replica, now| replica.merge_failed(id, chance, now)).await;
            }
        }
    }

    /// Passes on what a merge has brought to a few who may have missed it as well, so that news from
    /// beyond a healed partition does not wait for everybody's next merge.
    async fn tell_some(&self, from: NodeId, learned: Vec<Arc<Entry>>) {
        if learned.is_empty() {
            return;
        }
        let prepared = self.take(move |replica, _| {
            let others =
                replica.peers().into_iter().filter(|peer| peer.member.is_some() && !peer.down && peer.id != from);
            (others.map(|peer| (peer.id, peer.address)).collect::<Vec<_>>(), follow_ups(replica, &learned))
        });
        let Some((mut others, messages)) = prepared.await else { return };
        shuffle(&mut others);
        others.truncate(TELL);
        for (peer, address) in &others {
            for message in &messages {
                crash_point("merger.tell");
                if let Err(failure) = self.transport.merge(*peer, address, message).await {
                    log::debug!("event=no_follow_up address={address} why={:?}", failure.to_string());
                    break;
                }
            }
        }
    }

    /// Now and then: a random peer; and everybody who has not been met.
    async fn now_and_then(&self) {
        let peers = self
            .take(|replica, _| {
                let met: Vec<NodeId> =
                    replica.peers().iter().filter(|peer| peer.member.is_some()).map(|peer| peer.id).collect();
                met
            })
            .await
            .unwrap_or_default();
        if !peers.is_empty() {
            let at = usize::try_from(clock::random() % peers.len() as u64).unwrap_or(0);
            self.merge_with(peers[at]).await;
        }
    }

    /// Says in which phase this node is now.
    async fn tell_everybody(&self) {
        let peers = self.take(|replica, _| replica.peers()).await.unwrap_or_default();
        let met: Vec<String> =
            peers.into_iter().filter(|peer| peer.member.is_some()).map(|peer| peer.address).collect();
        futures_util::future::join_all(met.iter().map(|address| self.announce(address))).await;
    }

    async fn introduce(&self) {
        for address in self.take(|replica, _| replica.strangers()).await.unwrap_or_default() {
            if let Ok(met) = self.announce(&address).await {
                log::info!("event=met address={address} node={}", met.member.name);
                self.merge_with(met.member.id).await;
            }
        }
    }
}

/// Whom to ask at start: configured addresses first, then the other members.
fn references(replica: &Replica) -> Vec<String> {
    let mut addresses = replica.facts().peers.clone();
    let own = replica.own().address.clone();
    let known: Vec<String> = replica.peers().into_iter().map(|peer| peer.address).collect();
    addresses.extend(known);
    let mut seen = HashSet::new();
    addresses.retain(|address| *address != own && seen.insert(address.clone()));
    addresses
}

fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(clock::random() % (last as u64 + 1)).unwrap_or(0);
        items.swap(last, other);
    }
}

impl Actor for Merger {
    type Context = Context<Self>;
}

/// The merge phase of a start. Answered with how many references answered, once everything that was
/// received is applied and durable.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct MergeAtStart;

impl Handler<MergeAtStart> for Merger {
    type Result = ResponseFuture<usize>;

    fn handle(&mut self, _: MergeAtStart, _: &mut Self::Context) -> Self::Result {
        let merger = self.clone();
        Box::pin(async move {
            let reached = merger.merge_at_start().await;
            crash_point("merger.settle");
            let (begin, settled) = Begin::new(false, |replica, ticket, now| replica.settle(ticket, now));
            if merger.repeater.send(begin).await.is_ok() {
                settled.await.ok();
            }
            crash_point("merger.settled");
            reached
        })
    }
}

/// This peer is back and gets a merge.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MergeWith(pub NodeId);

impl Handler<MergeWith> for Merger {
    type Result = ();

    fn handle(&mut self, MergeWith(id): MergeWith, ctx: &mut Self::Context) {
        if !self.running.borrow_mut().insert(id) {
            return;
        }
        let merger = self.clone();
        let merge = async move {
            merger.merge_with(id).await;
            merger.running.borrow_mut().remove(&id);
        };
        ctx.spawn(merge.into_actor(self));
    }
}

/// From now on: merge now and then, and get to know those who have not been met.
#[derive(Message)]
#[rtype(result = "()")]
pub struct KeepMerging;

impl Handler<KeepMerging> for Merger {
    type Result = ();

    fn handle(&mut self, _: KeepMerging, ctx: &mut Self::Context) {
        let merger = self.clone();
        let merging = async move {
            merger.tell_everybody().await;
            loop {
                // Between half and one and a half of the period, so that nodes do not merge in step.
                let jitter = 0.5 + (clock::random() % 1_000) as f64 / 1_000.0;
                tokio::time::sleep(merger.plan.every.mul_f64(jitter)).await;
                merger.now_and_then().await;
            }
        };
        ctx.spawn(merging.into_actor(self));
        let merger = self.clone();
        let introducing = async move {
            let mut wait = Duration::from_millis(100);
            loop {
                tokio::time::sleep(wait).await;
                merger.introduce().await;
                wait = (wait * 2).min(Duration::from_secs(30)).min(merger.plan.every);
            }
        };
        ctx.spawn(introducing.into_actor(self));
    }
}

/// Answers for peers: takes an announcement in and gives this node's own.
pub async fn take_announcement(
    repeater: &Addr<Repeater>,
    announce: Announce,
    phase: &'static str,
) -> Option<Result<Announce, Stranger>> {
    let step = Take::new(move |replica: &mut Replica, now| {
        replica.announced(&announce, None, now).map(|()| replica.announcement(phase))
    });
    repeater.send(step).await.ok().flatten()
}
