//! What the board and the API show of all applications, resources and nodes, as this node sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Board, BoardRow, CauseView, Desk, NodeView};
use crate::{
    actors::courier::LookAround,
    answer::{general, partial},
    availability::{
        Moment, Name, Target,
        verdict::{Cause, Definition, Layer, Verdict, View},
    },
    clock,
    sync::Replica,
};

/// How long the other nodes have to say how they are.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is needed of the replica for one application or resource.
struct Known {
    view: View,
    definition: Definition,
}

impl Desk {
    /// All applications and resources as this node sees them now.
    pub async fn board(&self) -> Board {
        let now = clock::now();
        let own: Vec<Definition> = self.shared.slots.iter().map(|slot| slot.app.definition.clone()).collect();
        let resources = Arc::clone(&self.resources);
        let looked = self.take(move |replica, _| look(replica, &own, &resources)).await;
        let Some((applications, resources, system)) = looked else { return Board::default() };
        let node = &self.shared.node;
        let row = |known: &Known, local: bool| -> BoardRow {
            let slot = self.shared.slots.iter().find(|slot| slot.app.name() == &known.definition.name && local);
            BoardRow {
                title: slot.map_or_else(|| known.definition.name.to_string(), |slot| slot.app.title.clone()),
                critical: slot.is_some_and(|slot| slot.critical),
                local,
                uses: known.definition.uses.clone(),
                ..self.row_of(known, node, now)
            }
        };
        Board {
            applications: applications.iter().map(|(known, local)| row(known, *local)).collect(),
            resources: resources
                .iter()
                .map(|(known, local)| {
                    let name = known.definition.name.clone();
                    let users = self.shared.slots.iter().filter(|slot| slot.app.definition.uses.contains(&name));
                    let mut row = self.row_of(known, node, now);
                    for cause in row.causes.iter_mut().chain(&mut row.partial) {
                        cause.target = Target::Resource(name.clone());
                    }
                    BoardRow {
                        title: name.to_string(),
                        local: *local,
                        uses: users.map(|slot| slot.app.name().clone()).collect(),
                        ..row
                    }
                })
                .collect(),
            system: views(&general(&system.view, &system.definition, node, now)),
        }
    }

    fn row_of(&self, known: &Known, node: &Name, now: Moment) -> BoardRow {
        let verdict = general(&known.view, &known.definition, node, now);
        BoardRow {
            name: known.definition.name.clone(),
            title: String::new(),
            critical: false,
            local: false,
            uses: Vec::new(),
            since: verdict.since(),
            expected_back_at: verdict.expected_back_at(),
            reason: verdict.first().map(|cause| cause.entry.notification.reason.clone()),
            causes: views(&verdict),
            partial: partial(&known.view, &known.definition, node, now).iter().map(view).collect(),
            upcoming: known.view.upcoming(now),
        }
    }

    /// The applications and resources that some member has, for forms: sorted targets with titles.
    pub async fn known_targets(&self) -> Vec<(Target, String)> {
        let known = self
            .take(|replica, _| {
                let targets: BTreeMap<Target, ()> =
                    replica.members().flat_map(|m| m.definitions.keys().cloned()).map(|t| (t, ())).collect();
                targets.into_keys().collect::<Vec<Target>>()
            })
            .await
            .unwrap_or_default();
        let title = |target: &Target| match target {
            Target::System => "The whole system".to_owned(),
            Target::Resource(name) => name.to_string(),
            Target::Application(name) => self
                .shared
                .slots
                .iter()
                .find(|slot| slot.app.name() == name)
                .map_or_else(|| name.to_string(), |slot| slot.app.title.clone()),
        };
        std::iter::once(Target::System).chain(known).map(|target| (target.clone(), title(&target))).collect()
    }

    /// Asks those that can be reached how they are: fingerprints are of one moment then.
    async fn look_around(&self) {
        let phase = self.phase();
        let known = self.take(move |replica, _| {
            let up = replica.peers().into_iter().filter(|peer| peer.member.is_some() && !peer.down);
            (replica.announcement(phase), up.map(|peer| peer.address).collect::<Vec<_>>())
        });
        if let Some((own, addresses)) = known.await {
            // Who does not answer in this time is shown as it was last heard of.
            tokio::time::timeout(PATIENCE, self.couriers.send(LookAround { own, addresses })).await.ok();
        }
    }

    /// All nodes that this one knows, itself first.
    pub async fn nodes(&self) -> Vec<NodeView> {
        self.look_around().await;
        let phase = self.phase().to_owned();
        let now = clock::now();
        let looked = self.take(move |replica, _| {
            let own = replica.own();
            let mut nodes = vec![NodeView {
                id: Some(own.id.0),
                name: own.name.to_string(),
                address: own.address.clone(),
                phase,
                last_contact: Some(now),
                outbox: Some(0),
                merge_on_return: false,
                ledger_fingerprint: Some(format!("{:032x}", replica.fingerprint())),
                definitions: Vec::new(),
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
                let differ =
                    peer.member.as_ref().map(|member| replica.differing_definitions(member)).unwrap_or_default();
                nodes.push(NodeView {
                    id: peer.member.as_ref().map(|member| member.id.0),
                    name,
                    address: peer.address.clone(),
                    phase,
                    last_contact: peer.last_contact,
                    outbox: (!peer.merge_on_return).then_some(peer.outbox as u64),
                    merge_on_return: peer.merge_on_return,
                    ledger_fingerprint: (!peer.fingerprint.is_empty()).then_some(peer.fingerprint),
                    definitions: differ.iter().map(ToString::to_string).collect(),
                    this: false,
                });
            }
            nodes
        });
        let mut nodes = looked.await.unwrap_or_default();
        if let Some((_, others)) = nodes.split_first_mut() {
            others.sort_by(|a, b| a.name.cmp(&b.name));
        }
        nodes
    }
}

type Looked = (Vec<(Known, bool)>, Vec<(Known, bool)>, Known);

fn look(replica: &mut Replica, own: &[Definition], resources: &[Name]) -> Looked {
    let ledger = replica.ledger();
    let bare = |name: &Name| Definition { name: name.clone(), uses: Vec::new(), agree: 1 };
    let mut applications: BTreeMap<Name, (Known, bool)> = BTreeMap::new();
    let mut drawn_on: BTreeMap<Name, (Known, bool)> = BTreeMap::new();
    for definition in own {
        let known = Known { view: View::of(ledger, definition, |_| 1), definition: definition.clone() };
        applications.insert(definition.name.clone(), (known, true));
    }
    let known_resource = |name: &Name| {
        let mut view = View::of(ledger, &bare(name), |_| 1);
        // A resource is looked at as if it were an application of its own: only its own words count.
        view.own = ledger.words(&Target::Resource(name.clone())).cloned().unwrap_or_default();
        view.system = Arc::default();
        Known { view, definition: bare(name) }
    };
    for name in resources {
        drawn_on.insert(name.clone(), (known_resource(name), true));
    }
    for target in replica.members().flat_map(|member| member.definitions.keys()) {
        match target {
            Target::Application(name) if !applications.contains_key(name) => {
                let definition = bare(name);
                applications
                    .insert(name.clone(), (Known { view: View::of(ledger, &definition, |_| 1), definition }, false));
            }
            Target::Resource(name) if !drawn_on.contains_key(name) => {
                drawn_on.insert(name.clone(), (known_resource(name), false));
            }
            _ => {}
        }
    }
    let nobody: Name = "system".parse().unwrap_or_else(|_| unreachable!("a literal"));
    let mut view = View::of(ledger, &bare(&nobody), |_| 1);
    view.own = Arc::default();
    let system = Known { view, definition: bare(&nobody) };
    (applications.into_values().collect(), drawn_on.into_values().collect(), system)
}

fn views(verdict: &Verdict) -> Vec<CauseView> {
    verdict.causes.iter().map(view).collect()
}

fn view(cause: &Cause) -> CauseView {
    let layer = match cause.layer {
        Layer::Own => "own",
        Layer::System => "system",
        Layer::Resource => "resource",
    };
    CauseView { target: cause.target.clone(), layer, entry: Arc::clone(&cause.entry), since: cause.since }
}
