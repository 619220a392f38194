//! The virtual network: requests and answers that are lost, come twice, are slow, or meet a partition
//! (one-way ones as well).

use std::collections::BTreeSet;

use forewarn::availability::{NodeId, Stamp};

use crate::{
    node::Asked,
    world::{Answer, Body, Event, Request, World},
};

/// A request is given up after this long.
const TIMEOUT: u64 = 1_500;

/// What the network does to messages.
#[derive(Debug, Default)]
pub struct Network {
    /// Of a thousand messages so many are lost, come twice, are slow.
    pub loss: u64,
    pub twice: u64,
    pub slow: u64,
    pub cut: BTreeSet<(usize, usize)>,
}

impl World {
    /// Sends what waits for a peer.
    pub fn courier(&mut self, node: usize, peer: NodeId) {
        let (id, now) = (self.nodes[node].id, self.nodes[node].now(self.time));
        let has_double = self.nodes.iter().any(|node| node.id == peer && node.copied);
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(deliver) = running.replica.poll_send(peer, now) else { return };
        let (request, time) = (self.requests + 1, self.time);
        running.delegations.sent(peer, &deliver, request, time);
        assert!(running.silence.may_try(peer, time), "n{node} tries {peer} again before its back-off is over");
        for item in deliver.items.iter().filter(|item| item.initial == id) {
            let stamp = item.entry.stamp;
            // Of two nodes with one id the second may be sent what the first one has confirmed.
            let may_ask = running.silence.may_ask(peer, stamp, time) || has_double;
            assert!(may_ask, "n{node} asks {peer} again what became of {stamp:?}, too early");
        }
        let address = running.replica.address_of(peer).expect("a peer has an address");
        let stamps: Vec<Stamp> = deliver.items.iter().map(|item| item.entry.stamp).collect();
        self.trace(|| {
            format!(
                "{} -> {address} {:?} {:?}",
                self.nodes[node].name,
                deliver.items.iter().map(|item| (item.entry.stamp, item.share.len())).collect::<Vec<_>>(),
                deliver.receipts
            )
        });
        for stamp in &stamps {
            self.sends.entry(*stamp).or_default().bodies += 1;
            self.check_sends(stamp);
        }
        for receipt in &deliver.receipts {
            self.check_receipt(node, &receipt.stamp, receipt.state);
        }
        self.ask(node, &address, Body::Deliver(deliver), Asked::Deliver { peer, stamps, request });
    }

    /// A request on its way.
    pub fn ask(&mut self, node: usize, address: &str, body: Body, asked: Asked) {
        self.requests += 1;
        self.messages += 1;
        let number = self.requests;
        let id = self.nodes[node].id;
        let Some(running) = &mut self.nodes[node].running else { return };
        running.asked.insert(number, asked);
        let (run, boot, nonce) = (running.run, running.boot, running.nonce);
        self.after(TIMEOUT, Event::Timeout { node, run, request: number });
        let Some(to) = self.nodes.iter().position(|other| other.address == address) else { return };
        let request = Request { from: node, id, boot, nonce, run, request: number, body };
        if let Some(delay) = self.transit(node, to) {
            if self.rng.chance(self.network.twice) {
                self.count("requests that came twice");
                if matches!(request.body, Body::Deliver(_)) {
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

    pub fn answer(&mut self, from: usize, to: usize, run: u64, request: u64, answer: Answer) {
        if let Some(delay) = self.transit(from, to) {
            self.after(delay, Event::Answer { node: to, run, request, answer });
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
