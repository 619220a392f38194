//! The form of a notification in the stream, and its signature: a broker cannot make one up. Pure.
//!
//! A message is a delivery of one item as JSON. It may come late, twice or again after a long time: that is harmless,
//! because a notification is recognized by its stamp. So there is no nonce and no time in the signature.

use crate::{
    availability::{Moment, NodeId},
    peer::{signature::Key, wire::read},
    sync::{Deliver, Item},
};

/// Longer messages are no notifications.
pub(super) const LONGEST: usize = 1 << 20;

/// The headers and the body of a message.
type Sealed = (Vec<(&'static str, String)>, Vec<u8>);

/// Signs what a node publishes.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn sealed(key: &Key, me: NodeId, item: &Item, limit: Moment) -> Result<Sealed, serde_json::Error> {
    let deliver =
        Deliver { limit, items: vec![item.clone()], receipts: Vec::new(), gathered: Vec::new(), records: Vec::new() };
    let body = serde_json::to_vec(&deliver)?;
    Ok((key.sign_broadcast(me, &body), body))
}

/// What a node of the farm has published.
///
/// # Errors
/// A sentence that says why it is not believed.
pub(super) fn opened<'h>(
    key: &Key,
    header: impl Fn(&'static str) -> Option<&'h [u8]>,
    body: &[u8],
) -> Result<Deliver, String> {
    if body.len() > LONGEST {
        return Err(format!("it has {} bytes, more than {LONGEST}", body.len()));
    }
    let from = key.verify_broadcast(header, body).map_err(|refusal| refusal.to_string())?;
    let (mut deliver, unreadable) = read::<Deliver>(body)?;
    // Of a newer version: the merges bring it, as far as this one can read it.
    if let Some(problem) = unreadable.first() {
        return Err(problem.clone());
    }
    // A node publishes only what it has accepted itself, and nothing but items.
    deliver.items.retain(|item| item.initial == from && item.share.is_empty());
    (deliver.receipts, deliver.records) = (Vec::new(), Vec::new());
    Ok(deliver)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::{availability::Entry, peer::signature::NODE};

    #[test]
    fn only_what_a_node_of_the_farm_has_signed_is_believed() {
        let me = NodeId(uuid::Uuid::from_u128(7));
        let record = json!({
            "id": uuid::Uuid::from_u128(1), "timestamp": Moment::from_millis(5), "targets": ["system"],
            "status": "unavailable", "source": "operator", "node": "a",
        });
        let entry = Entry::stamped(serde_json::from_value(record).unwrap(), 0, me);
        let item = Item { entry, initial: me, share: Vec::new(), gather: false };
        let key = Key::new("the secret of the farm");
        let (headers, body) = sealed(&key, me, &item, Moment::ZERO).unwrap();
        let header =
            |name: &'static str| headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_bytes());
        assert_eq!(opened(&key, header, &body).unwrap().items, std::slice::from_ref(&item));
        let changed = String::from_utf8(body.clone()).unwrap().replace("unavailable", "available");
        assert!(opened(&key, header, changed.as_bytes()).is_err());
        assert!(opened(&Key::new("another secret"), header, &body).is_err());
        assert!(opened(&key, |_| None, &body).is_err());
        // While the farm changes its secret, nodes with either one read it.
        let both = Key::new("the next secret").with_previous("the secret of the farm");
        let (told, same) = sealed(&both, me, &item, Moment::ZERO).unwrap();
        let told = |name: &'static str| told.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_bytes());
        for reader in [&key, &both, &Key::new("the next secret")] {
            assert_eq!(opened(reader, told, &same).unwrap().items, std::slice::from_ref(&item));
        }
        let other = NodeId(uuid::Uuid::from_u128(8)).to_string();
        let by_another = |name: &'static str| if name == NODE { Some(other.as_bytes()) } else { header(name) };
        assert!(opened(&key, by_another, &body).is_err());
        assert!(opened(&key, header, &vec![b' '; LONGEST + 1]).unwrap_err().contains("more than"));
        // What another node has accepted is not taken from this one.
        let foreign = Item { initial: NodeId(uuid::Uuid::from_u128(8)), ..item };
        let (headers, body) = sealed(&key, me, &foreign, Moment::ZERO).unwrap();
        let header =
            |name: &'static str| headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_bytes());
        assert_eq!(opened(&key, header, &body).unwrap().items, []);
    }
}
