//! Two notifiers hand the same notification in at an initial node that dies, at every point between taking it and
//! answering; and a notifier dies between handing in and answering. It is always one notification.

use forewarn::availability::Moment;
use serde_json::json;
use uuid::Uuid;

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, form::Form, wait::poll_until},
};

/// The points of the initial node.
const INITIAL: &[&str] =
    &["peer.submit", "*submit", "*apply", "repeater.reply.submitted", "desk.submitted", "peer.submit.answer"];
/// The points of the notifier.
const NOTIFIER: &[&str] = &["desk.hand-in", "desk.hand-in.answered"];
/// Of this file.
pub const ALL: &[&[&str]] = &[INITIAL, NOTIFIER];

/// Four nodes: c and d hand in at a, or else at b.
async fn farm() -> Farm {
    let farm = Farm::new(4).build().await;
    let notifier = format!(
        "[notifier]\ninitial = \"listed\"\nnodes = [\"http://{}\", \"http://{}\"]\n",
        farm[0].control, farm[1].control
    );
    for node in &farm.nodes[2..] {
        let config = std::fs::read_to_string(&node.config).unwrap();
        std::fs::write(&node.config, config + &notifier).unwrap();
    }
    farm.nodes.iter().for_each(crate::support::Node::start);
    farm.wait_ready().await;
    farm.wait_met().await;
    farm
}

/// The same form, as it was filled in once.
struct Filled {
    id: String,
    timestamp: String,
    status: &'static str,
}

impl Filled {
    fn new(turn: usize) -> Self {
        let timestamp: Moment = forewarn::clock::now();
        let status = if turn.is_multiple_of(2) { "unavailable" } else { "available" };
        Self { id: Uuid::now_v7().to_string(), timestamp: timestamp.to_string(), status }
    }

    fn fields(&self) -> [(&str, &str); 4] {
        [("id", &self.id), ("timestamp", &self.timestamp), ("targets", "application:chat"), ("status", self.status)]
    }

    /// It has come to every node, and is one notification everywhere.
    async fn is_one(&self, farm: &Farm, book: &mut Book) {
        let said =
            json!({"id": self.id, "timestamp": self.timestamp, "targets": ["application:chat"], "status": self.status});
        book.acknowledged.insert(self.id.parse().unwrap(), said);
        for node in &farm.nodes {
            let path = format!("/api/v1/notifications/{}", self.id);
            poll_until(&format!("{} has it", node.name), async || node.get(&path).await.status == 200).await;
            assert_eq!(node.get(&path).await.json()["operator"], "alice");
        }
        book.check(farm).await;
    }
}

#[tokio::test]
async fn the_initial_node_dies_while_two_notifiers_hand_in() {
    let farm = farm().await;
    let (c, d) = (Form::sign_in(&farm[2]).await, Form::sign_in(&farm[3]).await);
    let mut book = Book::default();
    for (turn, point) in expand(INITIAL).into_iter().enumerate() {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        let filled = Filled::new(turn);
        let fields = filled.fields();
        let both = doomed.dies_of(async { tokio::join!(c.confirm(&fields), d.confirm(&fields)) }).await;
        for reply in [both.0, both.1] {
            assert_eq!(reply.unwrap().status, 303, "{point}");
        }
        farm[0].restart().await;
        filled.is_one(&farm, &mut book).await;
    }
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn a_notifier_dies_while_it_hands_in() {
    let farm = farm().await;
    let d = Form::sign_in(&farm[3]).await;
    let mut book = Book::default();
    for (turn, point) in expand(NOTIFIER).into_iter().enumerate() {
        eprintln!("· {point}");
        farm[2].terminate().await;
        let doomed = doom(&farm[2], &point).await;
        let c = Form::sign_in(&farm[2]).await;
        let filled = Filled::new(turn);
        let lost = doomed.dies_of(c.confirm(&filled.fields())).await;
        assert!(lost.is_err(), "{point}: it has answered");
        assert_eq!(d.confirm(&filled.fields()).await.unwrap().status, 303);
        farm[2].restart().await;
        filled.is_one(&farm, &mut book).await;
    }
    ledgers::compare(&farm, &book).await;
}
