//! The virtual network: requests and answers that are lost, come twice, are slow, or meet a partition
//! (one-way ones as well).

use std::collections::BTreeSet;

use forewarn::{
    availability::Stamp,
    sync::{Answer, Ask, Away, Call, CallId, Deliver, Failure, Purpose},
};

use crate::{
    node::Carried,
    world::{Event, Request, World},
};

/// A request is given up after this long.
const TIMEOUT: u64 = 1_500;

/// What the network does to messages.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Of a thousand messages so many are lost, come twice, are slow.
    pub loss: u64,
    pub twice: u64,
    pub slow: u64,
    pub cut: BTreeSet<(usize, usize)>,
}

/// What a node learns of a call that got no answer.
pub fn given_up(node: usize, run: u64, call: CallId) -> Event {
    let result = Err(Failure::Away(Away::Unreachable("no answer".to_owned())));
    Event::Answer { node, run, call, result }
}

impl World {
    /// Carries a node's call, as its couriers would.
    pub fn carry(&mut self, node: usize, call: Call) {
        let Call { id: number, peer, address, purpose, ask } = call;
        let what = match (&ask, peer) {
            (Ask::Deliver(deliver), Some(peer)) => {
                self.check_delivery(node, peer, &address, deliver, number);
                Carried::Deliver { peer, stamps: deliver.items.iter().map(|item| item.entry.stamp).collect() }
            }
            (Ask::Merge(merge), Some(peer)) => {
                match purpose {
                    Purpose::Probe => self.talk_begins(node, peer),
                    Purpose::FollowUp => self.count("follow-ups of a merge"),
                    Purpose::Tell => self.count("news of a merge that others were told"),
                    _ if merge.ranges.is_some() => self.count("rounds of a comparison by ranges"),
                    _ => {}
                }
                Carried::Merge { peer, purpose }
            }
            (Ask::Announce(_), None) => Carried::Announce,
            (ask, peer) => panic!("{peer:?} is to answer {ask:?}"),
        };
        self.messages += 1;
        let id = self.nodes[node].id;
        let Some(running) = &mut self.nodes[node].running else { return };
        running.asked.insert(number, what);
        let run = running.run;
        let asker = forewarn::sync::Asker { id, boot: running.boot, nonce: running.nonce };
        if !self.exploring {
            self.after(TIMEOUT, given_up(node, run, number));
        }
        let Some(to) = self.nodes.iter().position(|other| other.address == address) else { return };
        let request = Request { from: node, asker, run, call: number, ask };
        if let Some(delay) = self.transit(node, to) {
            if self.rng.chance(self.network.twice) {
                self.count("requests that came twice");
                if matches!(request.ask, Ask::Deliver(_)) {
                    self.duplicates += 1;
                }
                let later = delay + self.rng.range(1, 3_000);
                self.after(later, Event::Request(to, request.clone()));
            }
            self.after(delay, Event::Request(to, request));
        } else {
            self.count("requests that were lost");
        }
    }

    /// A delivery goes out: not before its back-off is over, nor to a peer that has told all of it.
    fn check_delivery(
        &mut self,
        node: usize,
        peer: forewarn::availability::NodeId,
        address: &str,
        deliver: &Deliver,
        number: u64,
    ) {
        let (id, time) = (self.nodes[node].id, self.time);
        let has_double = self.nodes.iter().any(|node| node.id == peer && node.copied);
        let Some(running) = &mut self.nodes[node].running else { return };
        running.delegations.sent(peer, deliver, number, time);
        assert!(running.silence.may_try(peer, time), "n{node} tries {peer} again before its back-off is over");
        for item in deliver.items.iter().filter(|item| item.initial == id) {
            let stamp = item.entry.stamp;
            // Of two nodes with one id the second may be sent what the first one has confirmed.
            let may_ask = running.silence.may_ask(peer, stamp, time) || has_double;
            assert!(may_ask, "n{node} asks {peer} again what became of {stamp:?}, too early");
        }
        self.trace(|| {
            format!(
                "{} -> {address} {:?} {:?}",
                self.nodes[node].name,
                deliver.items.iter().map(|item| (item.entry.stamp, item.share.len())).collect::<Vec<_>>(),
                deliver.receipts
            )
        });
        let stamps: Vec<Stamp> = deliver.items.iter().map(|item| item.entry.stamp).collect();
        for stamp in &stamps {
            self.sends.entry(*stamp).or_default().bodies += 1;
            self.check_sends(stamp);
        }
        for receipt in &deliver.receipts {
            self.check_receipt(node, &receipt.stamp, receipt.state);
        }
        for told in &deliver.gathered {
            let of: Vec<usize> = told.nodes.iter().filter_map(|node| self.reliable(*node)).collect();
            of.into_iter().for_each(|of| self.check_receipt(of, &told.stamp, told.state));
            self.count("receipts that a relay has passed on");
        }
    }

    pub fn answer(&mut self, from: usize, to: usize, run: u64, call: u64, result: Result<Answer, Failure>) {
        if let Some(delay) = self.transit(from, to) {
            self.after(delay, Event::Answer { node: to, run, call, result });
        } else {
            self.count("answers that were lost");
        }
    }

    /// How long a message takes; none if it is lost.
    fn transit(&mut self, from: usize, to: usize) -> Option<u64> {
        let slow = self.rng.chance(self.network.slow);
        let delay = if slow { self.rng.range(100, 3_000) } else { self.rng.range(1, 15) };
        if slow {
            self.count("messages that were slow");
        }
        let cut = self.network.cut.contains(&(from, to));
        if cut {
            self.count("messages into a partition");
        }
        (!cut && !self.rng.chance(self.network.loss)).then_some(delay)
    }
}
