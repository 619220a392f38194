//! What `/metrics` shows of the node.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Desk, Family, Figures};

/// One peer, as metrics show it.
struct PeerFigures {
    name: String,
    rows: u64,
    merge_on_return: bool,
    down: bool,
}

impl Desk {
    /// What `/metrics` shows of the node (the gate adds its own).
    pub async fn figures(&self) -> Figures {
        let looked = self
            .take(|replica, _| {
                let (pending, quarantine) = replica.waiting();
                let peers: Vec<PeerFigures> = replica
                    .peers()
                    .into_iter()
                    .map(|peer| {
                        let name = peer.member.map_or(peer.address, |member| member.name.to_string());
                        PeerFigures {
                            name,
                            rows: peer.outbox as u64,
                            merge_on_return: peer.merge_on_return,
                            down: peer.down,
                        }
                    })
                    .collect();
                (replica.ledger().len(), replica.ledger().limit(), pending, quarantine, replica.unconfirmed(), peers)
            })
            .await;
        let mut families = Vec::new();
        let mut add = |name, kind, help, samples| families.push(Family { name, help, kind, samples });
        let one = |value: f64| vec![(Vec::new(), value)];
        if let Some((ledger, limit, pending, quarantine, unconfirmed, peers)) = looked {
            add("forewarn_ledger_entries", "gauge", "Notifications in the ledger.", one(ledger as f64));
            add(
                "forewarn_ledger_limit_seconds",
                "gauge",
                "The greatest stamp time ever admitted, in seconds since 1970.",
                one(limit.millis() as f64 / 1000.0),
            );
            add("forewarn_pending", "gauge", "Notifications that wait to be applied.", one(pending as f64));
            add(
                "forewarn_quarantined",
                "gauge",
                "Notifications too far ahead of this node's clock.",
                one(quarantine as f64),
            );
            add(
                "forewarn_unconfirmed",
                "gauge",
                "Own notifications that some node has not confirmed.",
                one(unconfirmed as f64),
            );
            let labelled = |value: &dyn Fn(&PeerFigures) -> f64| {
                peers.iter().map(|peer| (vec![("peer", peer.name.clone())], value(peer))).collect::<Vec<_>>()
            };
            add(
                "forewarn_outbox_rows",
                "gauge",
                "Notifications that wait for a peer.",
                labelled(&|peer| peer.rows as f64),
            );
            add(
                "forewarn_merge_on_return",
                "gauge",
                "1 while a peer's outbox has collapsed into a merge.",
                labelled(&|peer| f64::from(u8::from(peer.merge_on_return))),
            );
            add(
                "forewarn_peer_up",
                "gauge",
                "0 while a peer cannot be reached.",
                labelled(&|peer| f64::from(u8::from(!peer.down))),
            );
        }
        let counters = &self.shared.counters;
        let count = |counter: &AtomicU64| one(counter.load(Ordering::Relaxed) as f64);
        add("forewarn_submissions_total", "counter", "Submissions that were taken.", count(&counters.submissions));
        add(
            "forewarn_submissions_refused_total",
            "counter",
            "Submissions that were refused.",
            count(&counters.refusals),
        );
        add("forewarn_items_sent_total", "counter", "Notifications sent to peers.", count(&counters.items_sent));
        add(
            "forewarn_items_received_total",
            "counter",
            "Notifications received from peers.",
            count(&counters.items_received),
        );
        add("forewarn_merges_total", "counter", "Merges that came to their end.", count(&counters.merges));
        add("forewarn_peer_failures_total", "counter", "Calls to peers that failed.", count(&counters.peer_failures));
        add("forewarn_denials_total", "counter", "Requests that the gate turned away.", count(&counters.denials));
        add(
            "forewarn_proxied_total",
            "counter",
            "Requests that the gate passed to an upstream.",
            count(&counters.proxied),
        );
        add(
            "forewarn_upstream_failures_total",
            "counter",
            "Requests that no upstream could answer.",
            count(&counters.upstream_failures),
        );
        let writable = f64::from(u8::from(!self.shared.store_stopped.load(Ordering::Relaxed)));
        add("forewarn_store_writable", "gauge", "0 while the store cannot write.", one(writable));
        let now = self.shared.clock();
        let state = self.shared.slots.iter().map(|slot| {
            let snapshot = slot.snapshot.load();
            let open = crate::answer::general(&snapshot.weighed_at(now), &self.shared.node).is_open();
            (vec![("application", slot.app.name().to_string())], f64::from(u8::from(open)))
        });
        add(
            "forewarn_application_available",
            "gauge",
            "1 while the application is available for a request that no criteria single out.",
            state.collect(),
        );
        Figures { families }
    }
}
