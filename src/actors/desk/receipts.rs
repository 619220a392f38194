//! Receipts: the state of a notification on every node (docs/contract.md#receipts).

use std::{sync::Arc, time::Duration};

use tokio::{sync::broadcast::error::RecvError, time::Instant};
use uuid::Uuid;

use super::{Delivery, DeliveryRow, Desk, Event};
use crate::{
    actors::messages::{AskReceipts, Question},
    availability::{Entry, Moment, Name, NodeId, Stamp},
    store::{records, seeded::Seeded},
    sync::{DeliveryState, Node, Now, Told},
};

/// How long another node waits for the initial node's answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state of this notification on that node.
struct LookUpReceipts {
    stamp: Stamp,
    initial: Name,
}

/// What the node has in memory about one notification.
struct Standing {
    me: NodeId,
    /// The receipts that are awaited.
    told: Vec<Told>,
    /// Nodes that get a merge instead of rows; `None` if the memory has every receipt.
    collapsed: Option<Vec<NodeId>>,
    /// The initial node and its address.
    initial: Option<(NodeId, String)>,
    /// Its state on this node.
    here: DeliveryState,
}

impl Question for LookUpReceipts {
    type Answer = Standing;

    fn look(self, node: &Node, _: Now) -> Standing {
        let (replica, me) = (node.replica(), node.replica().facts().me);
        let (told, here) = (replica.told(&self.stamp).unwrap_or_default(), replica.state_here(&self.stamp));
        if told.iter().any(|told| told.node == me) {
            // Accepted in this run: the memory has all there is.
            return Standing { me, told, collapsed: None, initial: None, here };
        }
        let collapsed = replica.lanes().filter(|peer| peer.merge_on_return).map(|peer| peer.id).collect();
        let initial = replica.members().find(|member| member.name == self.initial);
        let initial = initial.map(|member| (member.id, member.address.clone()));
        Standing { me, told, collapsed: Some(collapsed), initial, here }
    }
}

impl Desk {
    /// Waits until every known node has confirmed, or until the timeout.
    pub(crate) async fn wait(&self, id: Uuid, timeout: Duration) -> Option<Delivery> {
        let deadline = Instant::now() + timeout;
        // Subscribed before the first look, so that nothing is missed in between.
        let mut events = self.subscribe();
        loop {
            let (_, delivery) = self.notification(id).await?;
            if delivery.complete || Seeded::ReceiptTooEarly.is_there() {
                return Some(Delivery { complete: true, ..delivery });
            }
            loop {
                match tokio::time::timeout_at(deadline, events.recv()).await {
                    Ok(Ok(Event::Delivery { id: about })) if about == id => break,
                    Ok(Ok(_)) => {}
                    Ok(Err(RecvError::Lagged(_))) => break,
                    Ok(Err(RecvError::Closed)) | Err(_) => return Some(delivery),
                }
            }
        }
    }

    /// One notification with its receipt; if another node is the initial one, asks that node.
    pub(crate) async fn notification(&self, id: Uuid) -> Option<(Arc<Entry>, Delivery)> {
        let entry = self.entry(id).await?;
        let delivery = self.receipt(&entry, true).await;
        Some((entry, delivery))
    }

    /// What is known here of a notification whose id a peer asks about.
    pub(crate) async fn own_receipt(&self, id: Uuid) -> Option<Delivery> {
        let entry = self.entry(id).await?;
        Some(self.receipt(&entry, false).await)
    }

    /// The receipt as this node knows it, or as the initial node does.
    pub(super) async fn receipt(&self, entry: &Arc<Entry>, ask: bool) -> Delivery {
        let (stamp, node) = (entry.stamp, entry.notification.node.clone());
        let own = self.shared.node == node;
        let looked = self.look(LookUpReceipts { stamp, initial: node }).await;
        let Some(Standing { me, told: open, collapsed, initial, here }) = looked else {
            return Delivery { delivery: Vec::new(), complete: false };
        };
        let recorded = match collapsed {
            Some(_) => self.read(move |store| records::receipts(store, &stamp)).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let collapsed = collapsed.unwrap_or_default();
        if !own && open.is_empty() && recorded.is_empty() {
            if ask && let Some((node, address)) = initial {
                let ask = self.couriers.send(AskReceipts { node, address, id: entry.notification.id });
                if let Ok(Ok(Some(answer))) = tokio::time::timeout(PATIENCE, ask).await
                    && let Ok(delivery) = serde_json::from_value(answer)
                {
                    return delivery;
                }
            }
            let row = DeliveryRow { node: self.shared.node.to_string(), state: here, at: None };
            return Delivery { delivery: vec![row], complete: false };
        }
        let mut rows: Vec<(bool, DeliveryRow)> =
            open.iter().map(|told| (told.node != me, row(&told.name, told.state, told.at))).collect();
        for (id, row) in recorded {
            if open.iter().any(|told| told.node == id) {
                continue;
            }
            // A row that waited in a lane that collapsed: the merge has taken it over since.
            let merged = row.state == DeliveryState::Waiting && !collapsed.contains(&id);
            let state = if merged { DeliveryState::Applied } else { row.state };
            rows.push((id != me, self::row(&row.name, state, row.at)));
        }
        // Accepted here, but learned again from others after this node died before it was durable: who
        // else has it is not known.
        let forgotten = rows.is_empty();
        if forgotten {
            rows.push((false, DeliveryRow { node: self.shared.node.to_string(), state: here, at: None }));
        }
        let delivery = in_order(rows);
        Delivery { complete: delivery.complete && !forgotten, ..delivery }
    }

    /// The receipt of a notification that was just accepted, from its answer.
    pub(super) fn receipt_of(&self, told: &[Told]) -> Delivery {
        // Who goes by this node's name is this node: another one is not let in under it.
        in_order(
            told.iter()
                .map(|told| (told.name != self.shared.node.as_str(), row(&told.name, told.state, told.at)))
                .collect(),
        )
    }
}

fn row(name: &str, state: DeliveryState, at: Moment) -> DeliveryRow {
    DeliveryRow { node: name.to_owned(), state, at: (state != DeliveryState::Waiting).then_some(at) }
}

/// This node first, the others by name.
fn in_order(mut rows: Vec<(bool, DeliveryRow)>) -> Delivery {
    rows.sort_by(|a, b| (a.0, &a.1.node).cmp(&(b.0, &b.1.node)));
    let delivery: Vec<DeliveryRow> = rows.into_iter().map(|(_, row)| row).collect();
    Delivery { complete: delivery.iter().all(|row| row.state.is_final()), delivery }
}
