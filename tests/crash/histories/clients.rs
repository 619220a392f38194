//! Clients of a farm: some hand notifications in, some look at the gates; all of it is recorded.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use forewarn::clock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{End, History, Micros, Outcome, Read, Says, Submission, Word};
use crate::support::{Farm, MONITOR_TOKEN, TOKEN, chance::Chance, wait::poll_until};

pub const APPLICATIONS: [&str; 3] = ["mail", "chat", "directory"];
const TARGETS: [&str; 5] =
    ["application:mail", "application:chat", "application:directory", "resource:mail-store", "system"];

/// What all clients share.
pub struct Recorder<'f> {
    pub farm: &'f Farm,
    pub history: RefCell<History>,
    /// How often each node was started; a node that is being started or ended has an odd number.
    pub lives: Vec<Cell<u32>>,
    pub stop: Cell<bool>,
    /// The time of the newest word, in milliseconds.
    last: Cell<i64>,
    /// Plans that may be cancelled, with their targets.
    plans: RefCell<Vec<(Uuid, String)>>,
    /// When the last plan begins.
    last_beginning: Cell<i64>,
}

/// Microseconds since 1970, which never go back.
pub fn now() -> Micros {
    thread_local!(static BEGAN: (Micros, Duration) = (clock::now().millis() * 1_000, clock::mono()));
    BEGAN.with(|(wall, mono)| wall + i64::try_from((clock::mono() - *mono).as_micros()).unwrap())
}

fn rfc3339(millis: i64) -> Value {
    json!(forewarn::availability::Moment::from_millis(millis))
}

impl<'f> Recorder<'f> {
    pub fn new(farm: &'f Farm, skew: i64) -> Self {
        Self {
            farm,
            history: RefCell::new(History { skew, ..History::default() }),
            lives: farm.nodes.iter().map(|_| Cell::new(0)).collect(),
            stop: Cell::new(false),
            last: Cell::new(0),
            plans: RefCell::default(),
            last_beginning: Cell::new(0),
        }
    }

    /// A time of its own for a word.
    fn time(&self) -> i64 {
        let time = (now() / 1_000).max(self.last.get() + 1);
        self.last.set(time);
        time
    }

    fn word(&self, chance: &mut Chance) -> Word {
        let time = self.time();
        let target = TARGETS[if chance.one_in(12) { 4 } else { chance.below(4) as usize }];
        let mut word = Word {
            id: clock::new_id(),
            time,
            target: target.to_owned(),
            says: Says::Closes,
            begins: None,
            ends: None,
            by_monitor: false,
        };
        match chance.below(20) {
            0..=6 => {
                word.ends = chance.one_in(2).then(|| time + 200 + chance.below(3_000) as i64);
            }
            7..=12 => word.says = Says::Opens,
            13..=15 => {
                let begins = time + 200 + chance.below(1_500) as i64;
                word.begins = Some(begins);
                word.ends = chance.one_in(2).then(|| begins + 200 + chance.below(2_000) as i64);
                self.last_beginning.set(self.last_beginning.get().max(begins));
                self.plans.borrow_mut().push((word.id, word.target.clone()));
            }
            16..=17 => {
                if let Some((plan, target)) = self.plans.borrow_mut().pop() {
                    (word.says, word.target) = (Says::Cancels(plan), target);
                }
            }
            _ if word.target != "system" => {
                word.by_monitor = true;
                word.says = if chance.one_in(2) { Says::Opens } else { Says::Closes };
            }
            _ => {}
        }
        word
    }

    /// Hands a word in at a node, and records what came of it.
    pub async fn hand_in(&self, word: &Word, node: usize, everywhere: bool) -> Outcome {
        let mut body = json!({"id": word.id, "timestamp": rfc3339(word.time)});
        match word.says {
            Says::Cancels(plan) => body["cancels"] = json!(plan),
            says => {
                body["targets"] = json!([word.target]);
                body["status"] = json!(if says == Says::Opens { "available" } else { "unavailable" });
            }
        }
        if let Some(begins) = word.begins {
            body["goes_down_at"] = rfc3339(begins);
        }
        if let Some(ends) = word.ends {
            body["expected_back_at"] = rfc3339(ends);
            body["restore"] = json!("automatic");
        }
        let bearer = format!("Bearer {}", if word.by_monitor { MONITOR_TOKEN } else { TOKEN });
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = format!("/api/v1/notifications{}", if everywhere { "?wait=all&timeout=2s" } else { "" });
        let invoked = now();
        let reply = self.farm[node].try_control("POST", &path, &headers, Some(body.to_string().as_bytes())).await;
        let outcome = match reply {
            Ok(reply) if [200, 202].contains(&reply.status) => {
                let json = reply.json();
                let time = json["timestamp"].as_str().unwrap();
                let time = chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp_millis();
                Outcome::Taken { time, everywhere: json["complete"] == true }
            }
            Ok(reply) if reply.status == 503 => Outcome::Unknown,
            Ok(reply) => {
                assert!((400..500).contains(&reply.status), "{body}: {} {}", reply.status, reply.text());
                Outcome::Refused
            }
            Err(_) => Outcome::Unknown,
        };
        let submission = Submission { word: word.clone(), node, invoked, answered: now(), outcome };
        self.history.borrow_mut().submissions.push(submission);
        outcome
    }

    /// Hands in one word after the other; again, elsewhere, what nobody has answered.
    pub async fn write(&self, mut chance: Chance) {
        while !self.stop.get() {
            let word = self.word(&mut chance);
            let mut node = chance.below(3) as usize;
            for _ in 0..1 + chance.below(3) {
                if self.hand_in(&word, node, chance.one_in(3)).await != Outcome::Unknown || self.stop.get() {
                    break;
                }
                node = (node + 1) % 3;
            }
            tokio::time::sleep(Duration::from_millis(2 + chance.below(25))).await;
        }
    }

    /// Looks at one gate after the other.
    pub async fn look(&self, mut chance: Chance) {
        while !self.stop.get() {
            let application = APPLICATIONS[chance.below(3) as usize];
            if let Some(read) = self.read(chance.below(3) as usize, application).await {
                self.history.borrow_mut().reads.push(read);
            }
            tokio::time::sleep(Duration::from_millis(1 + chance.below(6))).await;
        }
    }

    async fn read(&self, node: usize, application: &str) -> Option<Read> {
        let (life, invoked) = (self.lives[node].get(), now());
        let reply = self.farm[node].try_gate("GET", &format!("/.forewarn/availability/{application}"), &[], None).await;
        let (answered, life_after) = (now(), self.lives[node].get());
        let json = reply.ok()?.expect(200).json();
        let causes = json["causes"].as_array().unwrap().iter();
        let causes = causes.map(|cause| cause["notification"].as_str().unwrap().parse().unwrap()).collect();
        let life = (life == life_after && life.is_multiple_of(2)).then_some(life);
        let open = json["available"].as_bool().unwrap();
        Some(Read { node, life, application: application.to_owned(), invoked, answered, open, causes })
    }

    /// When everything is healed: waits until the nodes agree, and looks at all of them.
    pub async fn end(&self) -> End {
        let farm = self.farm;
        poll_until("all nodes have the same ledger", async || {
            let mut prints = std::collections::BTreeSet::new();
            for node in &farm.nodes {
                prints.insert(node.fingerprint().await);
            }
            prints.len() == 1
        })
        .await;
        // nothing begins or ends while they are looked at
        let quiet = || {
            let (at, history) = (now() / 1_000, self.history.borrow());
            let mut moments = history.submissions.iter().flat_map(|one| [one.word.begins, one.word.ends]).flatten();
            !moments.any(|moment| (at - 300..at + 2_000).contains(&moment))
        };
        poll_until("no plan begins or ends", async || quiet()).await;
        let ids: Vec<Uuid> = self.history.borrow().submissions.iter().map(|one| one.word.id).collect();
        let mut end = End::default();
        for (at, node) in farm.nodes.iter().enumerate() {
            let mut known = Vec::new();
            let mut before = String::new();
            loop {
                let page = node.get(&format!("/api/v1/notifications?limit=1000{before}")).await.expect(200).json();
                let list = page["notifications"].as_array().unwrap();
                known.extend(list.iter().map(|one| one["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
                match page["next"].as_str() {
                    // an episode's own words are the newest
                    Some(next) if known.iter().rev().take(1_000).any(|id| ids.contains(id)) => {
                        before = format!("&before={next}");
                    }
                    _ => break,
                }
            }
            end.known.push(known);
            for application in APPLICATIONS {
                end.reads.extend(self.read(at, application).await);
            }
        }
        end
    }

    /// Opens everything again, everywhere, and begins a new history with nothing but that.
    pub async fn begin_anew(&self) {
        poll_until("every plan has begun", async || self.last_beginning.get() + 100 < now() / 1_000).await;
        self.plans.borrow_mut().clear();
        self.history.borrow_mut().submissions.clear();
        self.history.borrow_mut().reads.clear();
        for (target, by_monitor) in TARGETS.iter().flat_map(|target| [(target, false), (target, true)]) {
            if by_monitor && *target == "system" {
                continue;
            }
            let word = Word {
                id: clock::new_id(),
                time: self.time(),
                target: (*target).to_owned(),
                says: Says::Opens,
                begins: None,
                ends: None,
                by_monitor,
            };
            poll_until("everything is open again, everywhere", async || {
                matches!(self.hand_in(&word, 0, true).await, Outcome::Taken { everywhere: true, .. })
            })
            .await;
        }
    }
}
