//! What the board and the API show of all applications, resources and nodes, as seen by this node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Board, BoardRow, CauseView, Desk, NodeView};
use crate::{
    actors::messages::{Begin, Question, Request},
    answer::{general, partial},
    availability::{
        Moment, Name, Target, Weighed,
        verdict::{Cause, Definition, Use, Verdict, View},
    },
    clock,
    sync::{Node, Now, Replica},
};

/// How long the other nodes have to report their state.
const PATIENCE: Duration = Duration::from_millis(500);

/// One application or resource, or the system, weighed by what the replica has on it now.
struct Known {
    name: Name,
    /// The resources that an application uses.
    uses: Vec<Name>,
    /// Whether this node has it in its configuration.
    local: bool,
    weighed: Weighed,
}

impl Desk {
    /// All applications and resources as this node sees them now.
    pub(crate) async fn board(&self) -> Board {
        let defined = self.shared.defined();
        let slots = &defined.slots;
        let looked = self.look(SurveyBoard { own: self.own_definitions(), resources: defined.resources.clone() }).await;
        let Some(Looked { applications, resources, system }) = looked else { return Board::default() };
        let application = |known: &Known| {
            let slot = slots.iter().find(|slot| *slot.app.name() == known.name && known.local);
            BoardRow {
                title: slot.map_or_else(|| known.name.to_string(), |slot| slot.app.title.clone()),
                critical: slot.is_some_and(|slot| slot.critical),
                uses: known.uses.clone(),
                ..self.row_of(known)
            }
        };
        let resource = |known: &Known| {
            let target = Target::Resource(known.name.clone());
            let users = slots.iter().filter(|slot| slot.depends_on(&target));
            BoardRow { uses: users.map(|slot| slot.app.name().clone()).collect(), ..self.row_of(known) }
        };
        let system = general(&system, &self.shared.node);
        Board {
            applications: applications.iter().map(application).collect(),
            resources: resources.iter().map(resource).collect(),
            system: views(&system),
            system_advisories: system.advisories.iter().map(view).collect(),
        }
    }

    /// The applications in this node's configuration.
    pub(super) fn own_definitions(&self) -> Vec<Definition> {
        self.shared.defined().slots.iter().map(|slot| slot.app.definition.clone()).collect()
    }

    fn row_of(&self, known: &Known) -> BoardRow {
        let node = &self.shared.node;
        let verdict = general(&known.weighed, node);
        BoardRow {
            name: known.name.clone(),
            title: known.name.to_string(),
            critical: false,
            local: known.local,
            uses: Vec::new(),
            since: verdict.since(),
            expected_back_at: verdict.expected_back_at(),
            reason: verdict.first().map(|cause| cause.entry.notification.reason.clone()),
            causes: views(&verdict),
            advisories: verdict.advisories.iter().map(view).collect(),
            partial: partial(&known.weighed, node).iter().map(view).collect(),
            upcoming: known.weighed.upcoming(),
        }
    }

    /// The applications and resources that some member has, for forms: sorted targets with titles.
    pub(crate) async fn known_targets(&self) -> Vec<(Target, String)> {
        let known = self.look(ListTargets).await.unwrap_or_default();
        let slots = self.shared.slots();
        let title = |target: &Target| match target {
            Target::System => "The whole system".to_owned(),
            Target::Resource(name) => name.to_string(),
            Target::Application(name) => slots
                .iter()
                .find(|slot| slot.app.name() == name)
                .map_or_else(|| name.to_string(), |slot| slot.app.title.clone()),
        };
        std::iter::once(Target::System).chain(known).map(|target| (target.clone(), title(&target))).collect()
    }

    /// Asks the nodes that can be reached for their state, so that all fingerprints are of one moment.
    async fn look_around(&self) {
        let ask = async {
            let (begin, looked) = Begin::new(Request::LookAround);
            if self.repeater.send(begin).await.is_ok() {
                // Those that do not answer in this time are shown as they were last heard of.
                tokio::time::timeout(PATIENCE, looked).await.ok();
            }
        };
        self.around.look(clock::mono, ask).await;
    }

    /// All nodes that this one knows, itself first.
    pub(crate) async fn nodes(&self) -> Vec<NodeView> {
        self.look_around().await;
        let looked = self.look(ListNodes { phase: self.phase().to_owned() });
        let mut nodes = looked.await.unwrap_or_default();
        if let Some((_, others)) = nodes.split_first_mut() {
            others.sort_by(|a, b| a.name.cmp(&b.name));
        }
        nodes
    }
}

/// What is reported about everything in this node's configuration, and about the targets that only other
/// members have?
struct SurveyBoard {
    own: Vec<Definition>,
    resources: Vec<Use>,
}

impl Question for SurveyBoard {
    type Answer = Looked;

    fn look(self, node: &Node, now: Now) -> Looked {
        look(node.replica(), &self.own, &self.resources, now.wall)
    }
}

/// Which applications and resources does some member have?
struct ListTargets;

impl Question for ListTargets {
    type Answer = BTreeSet<Target>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        node.replica().members().flat_map(|member| member.definitions.keys().cloned()).collect()
    }
}

/// Which nodes are known, and in what state are they?
struct ListNodes {
    /// This node's phase.
    phase: String,
}

impl Question for ListNodes {
    type Answer = Vec<NodeView>;

    fn look(self, node: &Node, now: Now) -> Self::Answer {
        let replica = node.replica();
        let own = replica.own();
        let mut nodes = vec![NodeView {
            id: Some(own.id.0),
            name: own.name.to_string(),
            address: own.address.clone(),
            phase: self.phase,
            last_contact: Some(now.wall),
            outbox: Some(0),
            merge_on_return: false,
            ledger_fingerprint: Some(format!("{:032x}", replica.fingerprint())),
            definitions: Vec::new(),
            zone_data: None,
            this: true,
        }];
        for peer in replica.peers() {
            let name = peer.member.as_ref().map_or_else(|| peer.address.clone(), |member| member.name.to_string());
            let phase = match (&peer.member, peer.down) {
                (None, _) => "unknown".to_owned(),
                (_, true) => "away".to_owned(),
                _ if peer.phase.is_empty() => "unknown".to_owned(),
                _ => peer.phase.clone(),
            };
            let differ = peer.member.as_ref().map(|member| replica.differing_definitions(member)).unwrap_or_default();
            nodes.push(NodeView {
                id: peer.member.as_ref().map(|member| member.id.0),
                name,
                address: peer.address.clone(),
                phase,
                last_contact: peer.last_contact,
                outbox: (!peer.merge_on_return).then_some(peer.outbox as u64),
                merge_on_return: peer.merge_on_return,
                ledger_fingerprint: (!peer.fingerprint.is_empty()).then_some(peer.fingerprint),
                zone_data: peer.member.as_ref().and_then(|member| replica.differing_zone_data(member)),
                definitions: differ.iter().map(ToString::to_string).collect(),
                this: false,
            });
        }
        nodes
    }
}

/// Everything that the board shows.
struct Looked {
    applications: Vec<Known>,
    resources: Vec<Known>,
    system: Weighed,
}

/// The applications in this node's configuration, and those that only other members have. Of the latter only the
/// names are known, so one reporter is enough to close them.
pub(super) fn definitions(replica: &Replica, own: &[Definition]) -> Vec<Definition> {
    let mut all: BTreeMap<Name, Definition> = own.iter().map(|one| (one.name.clone(), one.clone())).collect();
    for target in replica.members().flat_map(|member| member.definitions.keys()) {
        if let Target::Application(name) = target {
            let named = || Definition { name: name.clone(), uses: Vec::new(), agree: 1 };
            all.entry(name.clone()).or_insert_with(named);
        }
    }
    all.into_values().collect()
}

/// The targets in this node's configuration, and those that only other members have.
fn look(replica: &Replica, own: &[Definition], resources: &[Use], now: Moment) -> Looked {
    let ledger = replica.ledger();
    let clock = ledger.rules().clock(now, ledger.limit());
    let application = |definition: &Definition| Known {
        name: definition.name.clone(),
        uses: definition.uses.iter().map(|used| used.resource.clone()).collect(),
        local: own.iter().any(|own| own.name == definition.name),
        weighed: View::of(ledger, definition).weigh(clock),
    };
    let alone = |target: Target, agree: usize| View::alone(ledger, target, agree).weigh(clock);
    let resource = |name: &Name, agree: usize, local: bool| {
        let weighed = alone(Target::Resource(name.clone()), agree);
        (name.clone(), Known { name: name.clone(), uses: Vec::new(), local, weighed })
    };
    let mut drawn_on: BTreeMap<Name, Known> =
        resources.iter().map(|used| resource(&used.resource, used.agree, true)).collect();
    for target in replica.members().flat_map(|member| member.definitions.keys()) {
        if let Target::Resource(name) = target
            && !drawn_on.contains_key(name)
        {
            drawn_on.extend([resource(name, 1, false)]);
        }
    }
    Looked {
        applications: definitions(replica, own).iter().map(application).collect(),
        resources: drawn_on.into_values().collect(),
        system: alone(Target::System, 1),
    }
}

fn views(verdict: &Verdict) -> Vec<CauseView> {
    verdict.causes.iter().map(view).collect()
}

fn view(cause: &Cause) -> CauseView {
    CauseView {
        target: cause.target.clone(),
        layer: cause.layer.name(),
        entry: Arc::clone(&cause.entry),
        since: cause.since,
    }
}
