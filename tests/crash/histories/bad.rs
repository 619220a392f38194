//! Histories made by hand: one that is right, and for each rule of the checker some that are not.

use uuid::Uuid;

use super::{
    checker::check,
    history::{End, History, Outcome, Read, Says, Submission, Word},
};

const MAIL: &str = "application:mail";

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Milliseconds after a beginning.
fn word(number: u128, time: i64, says: Says) -> Word {
    Word { id: id(number), time, target: MAIL.to_owned(), says, begins: None, ends: None, by_monitor: false }
}

fn handed_in(word: Word, node: usize, outcome: Outcome) -> Submission {
    let invoked = word.time * 1_000;
    Submission { word, node, invoked, answered: invoked + 5_000, outcome }
}

fn taken(word: Word, node: usize, everywhere: bool) -> Submission {
    let time = word.time;
    handed_in(word, node, Outcome::Taken { time, everywhere })
}

fn read(node: usize, at: i64, causes: &[u128]) -> Read {
    let causes: Vec<Uuid> = causes.iter().copied().map(id).collect();
    let (invoked, answered) = (at * 1_000, at * 1_000 + 1_000);
    Read { node, life: Some(0), application: "mail".to_owned(), invoked, answered, open: causes.is_empty(), causes }
}

fn end(known: &[u128], reads: &[Read]) -> End {
    let known: Vec<Uuid> = known.iter().copied().map(id).collect();
    End { known: vec![known.clone(), known], reads: reads.to_vec() }
}

/// The rules that are broken.
fn broken(submissions: Vec<Submission>, reads: Vec<Read>, end: Option<End>) -> Vec<&'static str> {
    let history = History { submissions, reads, skew: 0 };
    let mut rules: Vec<_> = check(&history, end.as_ref()).into_iter().map(|fault| fault.rule).collect();
    rules.dedup();
    rules
}

fn closed_and_opened() -> Vec<Submission> {
    vec![taken(word(1, 1_000, Says::Closes), 0, true), taken(word(2, 2_000, Says::Opens), 0, false)]
}

#[test]
fn a_right_history_is_right() {
    let reads = vec![
        read(0, 900, &[]),
        read(0, 1_100, &[1]),
        read(1, 1_100, &[1]),
        read(0, 2_100, &[]),
        // the other node need not have heard of it
        read(1, 2_100, &[1]),
        read(1, 2_200, &[]),
    ];
    let unknown = handed_in(word(3, 3_000, Says::Closes), 1, Outcome::Unknown);
    for (known, causes) in [(&[1, 2][..], &[][..]), (&[1, 2, 3], &[3])] {
        let submissions = [closed_and_opened(), vec![unknown.clone()]].concat();
        let end = end(known, &[read(0, 9_000, causes), read(1, 9_000, causes)]);
        assert_eq!(broken(submissions, reads.clone(), Some(end)), [""; 0]);
    }
}

#[test]
fn what_was_acknowledged_and_is_gone_is_lost() {
    let end = end(&[1], &[read(0, 9_000, &[1])]);
    assert_eq!(broken(closed_and_opened(), vec![], Some(end)), ["lost", "verdict"]);
}

#[test]
fn nodes_that_differ_from_the_law_are_found() {
    for (node, causes) in [(0, &[1][..]), (1, &[1, 2]), (1, &[3])] {
        let end = end(&[1, 2], &[read(node, 9_000, causes)]);
        assert_eq!(broken(closed_and_opened(), vec![], Some(end)), ["verdict"], "{causes:?}");
    }
    // a word that nobody knew of, and is there
    let unknown = handed_in(word(3, 3_000, Says::Closes), 1, Outcome::Unknown);
    let end = end(&[1, 2, 3], &[read(0, 9_000, &[])]);
    assert_eq!(broken([closed_and_opened(), vec![unknown]].concat(), vec![], Some(end)), ["verdict"]);
}

#[test]
fn a_time_that_changes_is_found() {
    let odd = handed_in(word(1, 1_000, Says::Closes), 0, Outcome::Taken { time: 1_001, everywhere: false });
    assert_eq!(broken(vec![odd], vec![], None), ["changed"]);
}

#[test]
fn causes_from_nowhere_are_found() {
    assert_eq!(broken(vec![], vec![read(0, 1_000, &[7])], None), ["nowhere"]);
    // refused, and counted all the same
    let refused = handed_in(word(7, 500, Says::Closes), 0, Outcome::Refused);
    assert_eq!(broken(vec![refused], vec![read(0, 1_000, &[7])], None), ["nowhere"]);
    // a plan before its time
    let plan = Word { begins: Some(5_000), ..word(7, 500, Says::Closes) };
    assert_eq!(broken(vec![taken(plan, 0, true)], vec![read(0, 1_000, &[7])], None), ["nowhere"]);
}

#[test]
fn what_returns_is_found() {
    // its own node has acknowledged the opening
    assert_eq!(broken(closed_and_opened(), vec![read(0, 2_100, &[1])], None), ["returned"]);
    // it is over
    let ends = Word { ends: Some(2_000), ..word(1, 1_000, Says::Closes) };
    assert_eq!(broken(vec![taken(ends, 0, true)], vec![read(0, 2_100, &[1])], None), ["returned"]);
    // it was cancelled
    let plan = Word { begins: Some(5_000), ..word(1, 1_000, Says::Closes) };
    let cancel = word(2, 2_000, Says::Cancels(id(1)));
    let both = vec![taken(plan, 0, true), taken(cancel, 1, true)];
    assert_eq!(broken(both.clone(), vec![read(0, 5_100, &[1])], None), ["returned"]);
    assert_eq!(broken(both, vec![read(0, 5_100, &[])], None), [""; 0]);
    // a person has opened what a monitor closes
    let monitor = Word { by_monitor: true, ..word(1, 1_000, Says::Closes) };
    let opened = vec![taken(monitor, 0, true), taken(word(2, 2_000, Says::Opens), 0, false)];
    assert_eq!(broken(opened, vec![read(0, 2_100, &[1])], None), ["returned"]);
    // the node itself has shown a newer one
    let two = vec![taken(word(1, 1_000, Says::Closes), 0, true), taken(word(2, 2_000, Says::Closes), 0, false)];
    assert_eq!(broken(two.clone(), vec![read(1, 2_100, &[2]), read(1, 2_200, &[1])], None), ["returned"]);
    // another application has a cache of its own
    let chat = Read { application: "chat".to_owned(), ..read(1, 2_200, &[1]) };
    assert_eq!(broken(two, vec![read(1, 2_100, &[2]), chat], None), [""; 0]);
}

#[test]
fn what_a_node_must_know_and_does_not_show_is_found() {
    let closed = vec![taken(word(1, 1_000, Says::Closes), 0, false)];
    assert_eq!(broken(closed.clone(), vec![read(0, 1_100, &[])], None), ["unseen"]);
    // another node must not, yet
    assert_eq!(broken(closed, vec![read(1, 1_100, &[])], None), [""; 0]);
    let everywhere = vec![taken(word(1, 1_000, Says::Closes), 0, true)];
    assert_eq!(broken(everywhere.clone(), vec![read(1, 1_100, &[])], None), ["unseen"]);
    // whoever may have opened it meanwhile excuses the node
    let unknown = handed_in(word(2, 1_050, Says::Opens), 1, Outcome::Unknown);
    assert_eq!(broken([everywhere, vec![unknown]].concat(), vec![read(1, 1_100, &[])], None), [""; 0]);
}

#[test]
fn an_answer_that_contradicts_itself_is_found() {
    let contradiction = Read { open: true, ..read(0, 1_100, &[1]) };
    assert_eq!(broken(closed_and_opened(), vec![contradiction], None), ["verdict"]);
}
