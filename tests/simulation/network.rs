//! The virtual network: requests and answers that are lost, come twice, are slow, or meet a partition
//! (one-way ones as well).

use std::collections::BTreeSet;

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
