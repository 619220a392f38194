//! The roster: the members of the farm, their names and runs, and the configured addresses whose nodes are
//! still unknown (docs/contract.md#joining-and-forgetting).
//!
//! Must stay true: of two records of one member the one with the greater rank is kept, whatever the order of
//! arrival; a forgotten member stays forgotten; a run older than one already seen is a copy. Records change in
//! memory here; the caller commits them.

mod index;
mod told;

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use self::index::Index;
use crate::{
    availability::{Moment, Name, NodeId, Target},
    sync::{
        bounds::{following, word},
        message::Member,
    },
};

/// Most members of a farm.
pub(super) const MAX_MEMBERS: usize = 2_000;
/// Most nodes whose boots are remembered, those that have never become members included.
pub(super) const MAX_BOOTS: usize = 4 * MAX_MEMBERS;

/// The record and state of one other node.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    /// Its record; none for a configured address that has not answered yet.
    pub(super) member: Option<Member>,
    /// Where it is.
    pub(super) address: String,
    /// When it was last heard of.
    pub(super) last_contact: Option<Moment>,
    /// The phase that it last told.
    pub(super) phase: String,
    /// The fingerprint that it last told.
    pub(super) fingerprint: String,
    /// The digest of members' records that it last told.
    records: String,
    /// One of us has announced itself to the other in this run, so each knows of the other.
    met: bool,
}

/// What a boot number shows about the sender's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// The one that is known.
    Known,
    /// A later one: to be committed.
    New,
    /// A later one, of one node more than can be remembered.
    TooMany,
    /// Another store has used this identity more often: the sender is a copy.
    Old,
}

/// The id under which rows wait for a configured address that has not been met.
pub(super) fn stand_in(address: &str) -> NodeId {
    NodeId(Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes()))
}

/// Whether `one` has the better right to the name that both have.
fn comes_first(one: &Member, other: &Member) -> bool {
    (one.since, one.id) < (other.since, other.id)
}

/// Of two records of one member the one with the greater rank stays; of the same one, that with definitions.
fn rank(member: &Member) -> (bool, Moment, bool) {
    (member.forgotten, member.changed, !member.definitions.is_empty())
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    /// This node's own record.
    own: Member,
    peers: BTreeMap<NodeId, Peer>,
    forgotten: BTreeMap<NodeId, Member>,
    /// Of the records of all others.
    index: Index,
    /// Who has answered at which configured address in this run; a node may have several.
    met_at: BTreeMap<String, NodeId>,
    /// The highest boot number seen of each node, and its nonce.
    boots: BTreeMap<NodeId, (u64, u64)>,
}

impl Roster {
    /// A roster with this node alone, and the boots that were seen.
    pub(super) fn new(own: Member, boots: Vec<(NodeId, u64, u64)>) -> Self {
        let boots = boots.into_iter().map(|(node, boot, nonce)| (node, (boot, nonce))).collect();
        let (peers, forgotten, index, met_at) = Default::default();
        Self { own, peers, forgotten, index, met_at, boots }
    }

    // ---- this node

    /// This node's own record.
    pub(super) fn own(&self) -> &Member {
        &self.own
    }

    /// This node's record of earlier runs: the one of this run is later, and keeps the name's age.
    pub(super) fn succeed(&mut self, former: &Member) {
        if let Some(changed) = following(former.changed) {
            self.own.changed = self.own.changed.max(changed);
        }
        if former.id == self.own.id && former.name == self.own.name {
            self.own.since = former.since;
        }
    }

    /// This node defines something else from now on.
    pub(super) fn redefine(&mut self, definitions: BTreeMap<Target, String>, now: Moment) {
        self.own.definitions = definitions;
        self.own.changed = following(self.own.changed).map_or(self.own.changed, |next| next.max(now));
    }

    /// The farm has this record of this node. If it is a later one (this node's disk lost some, or its
    /// clock went back), this node's own record outdoes it: then it is to be committed.
    pub(super) fn outdo(&mut self, told: &Member) -> bool {
        let is_later = told.changed >= self.own.changed && *told != self.own;
        match following(told.changed).filter(|_| is_later) {
            Some(changed) => self.own.changed = changed,
            None => return false,
        }
        true
    }

    /// Whether this member, another node, has the better right to this node's name.
    pub(super) fn must_give_way_to(&self, member: &Member) -> bool {
        let is_namesake = member.name == self.own.name && member.id != self.own.id && !member.forgotten;
        is_namesake && member.address != self.own.address && comes_first(member, &self.own)
    }

    // ---- the others

    /// All other nodes, configured ones that have not been met included.
    pub(super) fn peers(&self) -> impl Iterator<Item = (&NodeId, &Peer)> {
        self.peers.iter()
    }

    /// All members, this node first.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.own).chain(self.peers.values().filter_map(|peer| peer.member.as_ref()))
    }

    /// The records of all others, those that were forgotten included.
    pub(super) fn others(&self) -> impl Iterator<Item = &Member> {
        self.peers.values().filter_map(|peer| peer.member.as_ref()).chain(self.forgotten.values())
    }

    /// The other members with this name.
    fn named(&self, name: &Name) -> impl Iterator<Item = &Member> {
        self.index.named(name).filter_map(|id| self.member(id))
    }

    /// Whether this is a peer, or a configured address that has not been met.
    pub(super) fn has(&self, id: &NodeId) -> bool {
        self.peers.contains_key(id)
    }

    /// Whether it was removed for good.
    pub(super) fn is_forgotten(&self, id: &NodeId) -> bool {
        self.forgotten.contains_key(id)
    }

    /// The name of a node for people: its name; the address of one that has not been met; its id.
    pub(super) fn name_of(&self, id: &NodeId) -> String {
        if *id == self.own.id {
            return self.own.name.to_string();
        }
        match self.peers.get(id) {
            Some(Peer { member: Some(member), .. }) => member.name.to_string(),
            Some(peer) => peer.address.clone(),
            None => self.forgotten.get(id).map_or_else(|| id.to_string(), |member| member.name.to_string()),
        }
    }

    /// Where a peer is.
    pub(super) fn address_of(&self, id: &NodeId) -> Option<&str> {
        self.peers.get(id).map(|peer| peer.address.as_str())
    }

    /// A configured address at which no node has answered yet. Nothing waits where a member is known
    /// already, or was and has been forgotten; its stand-in otherwise.
    pub(super) fn expect(&mut self, address: &str) -> Option<NodeId> {
        let is_known = self.own.address == address || self.peers.values().any(|peer| peer.address == address);
        if is_known || self.forgotten.values().any(|member| member.address == address) {
            return None;
        }
        let id = stand_in(address);
        self.peers.insert(id, Peer { address: address.to_owned(), ..Peer::default() });
        Some(id)
    }

    /// Whether this record is newer than the known one.
    pub(super) fn is_news(&self, member: &Member) -> bool {
        self.known(&member.id).is_none_or(|known| rank(known) < rank(member))
    }

    /// Whether one more member cannot be remembered.
    pub(super) fn is_full_for(&self, id: &NodeId) -> bool {
        self.known(id).is_none() && self.peers.len() + self.forgotten.len() >= MAX_MEMBERS
    }

    fn known(&self, id: &NodeId) -> Option<&Member> {
        self.peers.get(id).and_then(|peer| peer.member.as_ref()).or_else(|| self.forgotten.get(id))
    }

    /// The records of which these members' sender has none, or an earlier one.
    pub(super) fn beyond(&self, told: &[Member]) -> Vec<Member> {
        let told: HashMap<NodeId, _> = told.iter().map(|member| (member.id, rank(member))).collect();
        let is_news = |member: &&Member| told.get(&member.id).is_none_or(|told| *told < rank(member));
        told::bounded(self.members().chain(self.forgotten.values()).filter(is_news).cloned().collect())
    }

    /// Takes a member's record in.
    pub(super) fn admit(&mut self, member: Member) {
        let peer = self.peers.entry(member.id).or_default();
        peer.address.clone_from(&member.address);
        if let Some(former) = &peer.member {
            self.index.remove(former);
        }
        self.index.add(&member);
        peer.member = Some(member);
    }

    /// Takes a forgotten member's record in.
    pub(super) fn bury(&mut self, member: Member) {
        let known = self.peers.remove(&member.id).and_then(|peer| peer.member);
        let buried = self.forgotten.insert(member.id, member.clone());
        known.iter().chain(&buried).for_each(|former| self.index.remove(former));
        self.index.add(&member);
    }

    /// Takes a stand-in out; whether it was there.
    pub(super) fn remove(&mut self, id: &NodeId) -> bool {
        let removed = self.peers.remove(id);
        removed.iter().filter_map(|peer| peer.member.as_ref()).for_each(|member| self.index.remove(member));
        removed.is_some()
    }

    /// Other members with this member's name and address: what it was before its store was renewed.
    /// `before` leaves out those whose record is later.
    pub(super) fn former(&self, of: &Member, before: Option<Moment>) -> Vec<Member> {
        let is_former = |member: &&Member| {
            member.id != of.id
                && (&member.name, &member.address) == (&of.name, &of.address)
                && before.is_none_or(|before| member.changed < before)
        };
        self.named(&of.name).filter(is_former).cloned().collect()
    }

    /// Another member that keeps this one from its name.
    pub(super) fn holder_before(&self, member: &Member) -> Option<&Member> {
        let own = std::iter::once(&self.own).filter(|own| own.name == member.name);
        let holder = own.chain(self.named(&member.name)).find(|other| other.id != member.id)?;
        // The same place under a new identity: its store was renewed.
        let is_renewed = holder.address == member.address && holder.id != self.own.id;
        // If the other one had the name before, any other holder gives way.
        (!is_renewed && !comes_first(member, holder)).then_some(holder)
    }

    /// The peer that goes by this name (or address, for one that was never met), and its record. Of
    /// several the one that took the name last.
    pub(super) fn find(&self, name: &str) -> Option<(NodeId, Option<&Member>)> {
        let goes_by = |(_, peer): &(&NodeId, &Peer)| {
            peer.member.as_ref().map_or(peer.address == name, |member| member.name.as_str() == name)
        };
        let since = |(_, peer): &(&NodeId, &Peer)| peer.member.as_ref().map(|member| (member.since, member.id));
        self.peers.iter().filter(goes_by).max_by_key(since).map(|(id, peer)| (*id, peer.member.as_ref()))
    }

    /// The record of a peer that has been met.
    pub(super) fn member(&self, id: &NodeId) -> Option<&Member> {
        self.peers.get(id)?.member.as_ref()
    }

    // ---- meeting

    /// This node has answered at this configured address.
    pub(super) fn answered_at(&mut self, address: &str, id: NodeId) {
        self.met_at.insert(address.to_owned(), id);
    }

    /// A peer was heard of just now.
    pub(super) fn heard(&mut self, id: &NodeId, now: Moment) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.last_contact = Some(now);
        }
    }

    /// What a peer last said that its ledger looks like, for the nodes page.
    pub(super) fn said_fingerprint(&mut self, id: &NodeId, fingerprint: &str) {
        if let Some(peer) = self.peers.get_mut(id) {
            word(fingerprint).clone_into(&mut peer.fingerprint);
        }
    }

    /// A peer has announced itself, in this phase; whether that is a new one.
    pub(super) fn announced(&mut self, id: &NodeId, phase: &str) -> bool {
        let Some(peer) = self.peers.get_mut(id) else { return false };
        peer.met = true;
        let changed = peer.phase != word(phase);
        word(phase).clone_into(&mut peer.phase);
        changed
    }

    /// The addresses at which this node must still announce itself: configured addresses at which no member has
    /// been met, or only members that were forgotten since (two nodes that forgot each other must not stay
    /// apart for ever), and members known only from other nodes (they may not know this node, and could not
    /// send it a receipt).
    pub(super) fn strangers(&self, configured: &[String]) -> Vec<String> {
        let is_member =
            |id: &NodeId| *id == self.own.id || self.peers.get(id).is_some_and(|peer| peer.member.is_some());
        let has_member = |address: &String| {
            *address == self.own.address
                || self.met_at.get(address).is_some_and(is_member)
                || self.peers.values().any(|peer| peer.member.is_some() && peer.address == *address)
        };
        let configured = configured.iter().filter(|address| !has_member(address));
        let hearsay = self.peers.values().filter(|peer| peer.member.is_some() && !peer.met).map(|peer| &peer.address);
        configured.chain(hearsay).cloned().collect()
    }

    /// Compares a sender's run with the known one.
    pub(super) fn run(&mut self, id: NodeId, boot: u64, nonce: u64) -> Run {
        let known = self.boots.get(&id).copied().unwrap_or_default();
        if boot < known.0 || (boot == known.0 && nonce != known.1) {
            return Run::Old;
        }
        if known == (0, 0) && self.boots.len() >= MAX_BOOTS {
            return Run::TooMany;
        }
        if boot == known.0 {
            return Run::Known;
        }
        self.boots.insert(id, (boot, nonce));
        Run::New
    }

    /// Whether some member of the farm has this name.
    pub(super) fn knows_name(&self, name: &Name) -> bool {
        self.own.name == *name || self.index.named(name).next().is_some()
    }
}

#[cfg(test)]
mod tests;
