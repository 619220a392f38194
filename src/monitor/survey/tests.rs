//! Which words a node takes up again, and which it takes back.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::availability::{Author, Moment, NodeId, Rules, Submission};

const MAIL: &str = "application:mail";

/// A ledger with these words, a second apart.
#[derive(Default)]
struct Said(Vec<Arc<Entry>>);

impl Said {
    /// A word of this reporter, with an id that monitors of `by` make (`None`: of an earlier version), accepted by
    /// `initial`.
    fn and(mut self, reporter: &str, status: &str, nodes: &[&str], by: Option<&str>, initial: &str) -> Self {
        let criteria = if nodes.is_empty() { Value::Null } else { json!({"nodes": nodes}) };
        let said = json!({"targets": [MAIL], "status": status, "message": "bad", "criteria": criteria});
        let source = if reporter.starts_with(FARM) { Source::Farm } else { Source::Monitor };
        let author = Author { operator: None, source, reporter: Some(reporter.to_owned()) };
        let made = Moment::from_millis(1_000_000 + 1_000 * i64::try_from(self.0.len()).unwrap());
        let number = u128::try_from(self.0.len()).unwrap();
        let fresh = Uuid::from_u128(0x0190_e5a0_0000_7000_8000_0000_0000_0000 + (number << 40));
        let id = by.map_or(fresh, |node| mark::marked(fresh, &node.parse().unwrap()));
        let submission = Submission::parse(&said).unwrap();
        let statement = submission.statement(id, made, &author, &initial.parse().unwrap());
        self.0.push(Entry::stamped(statement, 0, NodeId::NONE));
        self
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new(Rules::default());
        self.0.iter().for_each(|entry| drop(ledger.admit(entry)));
        ledger
    }

    /// What node c finds, where these monitors are configured.
    fn seen(&self, known: &[Known]) -> Surveyed {
        survey(&self.ledger(), &"c".parse().unwrap(), known)
    }
}

fn known(reporter: &str, nodes: &[&str]) -> Known {
    let scope = Criteria::parse(&json!({"nodes": nodes}));
    let scope = if nodes.is_empty() { None } else { scope.unwrap() };
    Known { reporter: reporter.to_owned(), target: MAIL.parse().unwrap(), scope }
}

fn orphans(surveyed: &Surveyed) -> Vec<(&str, bool)> {
    surveyed.orphans.iter().map(|orphan| (&*orphan.reporter, orphan.criteria.is_some())).collect()
}

#[test]
fn a_monitor_takes_its_word_up_again_and_one_that_is_gone_leaves_an_orphan() {
    let said = Said::default().and("c/http", "unavailable", &[], Some("c"), "b");
    let seen = said.seen(&[known("c/http", &[])]);
    assert_eq!((seen.orphans.len(), seen.standing[0].as_ref().unwrap().since), (0, Moment::from_millis(1_000_000)));
    assert_eq!(orphans(&said.seen(&[])), [("c/http", false)]);
    let other = Known { target: "application:chat".parse().unwrap(), ..known("c/http", &[]) };
    assert_eq!(orphans(&said.seen(&[other])), [("c/http", false)], "it watches something else now");
    let narrower = said.seen(&[known("c/http", &["c"])]);
    assert_eq!((orphans(&narrower), narrower.standing[0].is_some()), (vec![("c/http", false)], false));
    let taken_back = said.and("c/http", "available", &[], Some("c"), "b");
    assert!(taken_back.seen(&[]).orphans.is_empty());
    let others =
        Said::default().and("b/http", "unavailable", &[], Some("b"), "c").and("alert/f", "unavailable", &[], None, "c");
    assert!(others.seen(&[]).orphans.is_empty(), "of another node, and of an alert");
}

#[test]
fn what_another_farm_says_is_taken_back_by_the_node_whose_monitor_has_said_it() {
    // Handed in at b: c takes it back, and b does not.
    let said = Said::default().and("farm/p", "unavailable", &[], Some("c"), "b");
    assert_eq!(orphans(&said.seen(&[])), [("farm/p", false)]);
    assert!(survey(&said.ledger(), &"b".parse().unwrap(), &[]).orphans.is_empty());
    // Another node has said it last, by its own monitor.
    let of_b = Said::default().and("farm/p", "unavailable", &[], Some("b"), "c");
    assert!(of_b.seen(&[]).orphans.is_empty());
    // But it stands for all that have this monitor, or a restart would make it news.
    assert!(of_b.seen(&[known("farm/p", &[])]).standing[0].is_some());
    // An earlier version made no marks: the node that accepted the word counts as its author.
    let unmarked = |initial| Said::default().and("farm/p", "unavailable", &[], None, initial);
    assert_eq!((unmarked("c").seen(&[]).orphans.len(), unmarked("b").seen(&[]).orphans.len()), (1, 0));
}

#[test]
fn nodes_with_the_same_farm_monitor_and_words_for_their_own_users_leave_each_others_alone() {
    let both = Said::default().and("farm/p", "unavailable", &["c"], Some("c"), "c").and(
        "farm/p",
        "unavailable",
        &["b"],
        Some("b"),
        "b",
    );
    let seen = both.seen(&[known("farm/p", &["c"])]);
    assert!(seen.standing[0].is_some() && seen.orphans.is_empty());
    let gone = both.seen(&[]);
    assert_eq!(orphans(&gone), [("farm/p", true)]);
    assert_eq!(gone.orphans[0].criteria, known("", &["c"]).scope);
    assert!(stands(&both.ledger(), &known("farm/p", &["c"])));
    let opened = both.and("farm/p", "available", &["c"], Some("c"), "c");
    assert!(!stands(&opened.ledger(), &known("farm/p", &["c"])) && stands(&opened.ledger(), &known("farm/p", &["b"])));
}
