//! What people should notice of the rules (docs/contract.md#the-rules), one test each, as a person
//! would try them.

use forewarn::availability::{Criteria, Entry, Ledger, Moment, NodeId, Notification, Restore, Status, Target};
use serde_json::json;

use crate::{
    farm::{ASKS, LAPSE, applications, blank, by_reporter, cancel_of, rules},
    naive::{Application, Ask},
    verdicts::{outcome, weighed},
};

/// Everybody speaks at millisecond 1,000 and something; δ is 15 and lapse 50.
struct Story {
    ledger: Ledger,
    said: u128,
    agree: usize,
}

fn story() -> Story {
    Story { ledger: Ledger::new(rules()), said: 0, agree: 1 }
}

impl Story {
    fn tell(&mut self, n: Notification) -> Notification {
        self.ledger.admit(&Entry::stamped(n.clone(), 0, NodeId::NONE));
        n
    }

    fn says(&mut self, status: Status, at: i64, target: &str, change: impl FnOnce(&mut Notification)) -> Notification {
        self.said += 1;
        let mut n = blank(self.said, at, vec![target.parse().unwrap()]);
        n.status = Some(status);
        change(&mut n);
        self.tell(n)
    }

    fn opens(&mut self, at: i64, target: &str) {
        self.says(Status::Available, at, target, |_| {});
    }

    fn closes(&mut self, at: i64, target: &str) {
        self.says(Status::Unavailable, at, target, |_| {});
    }

    /// A window from `begins` to `back` that ends by itself.
    fn plans(&mut self, at: i64, target: &str, begins: i64, back: i64) -> Notification {
        self.says(Status::Unavailable, at, target, |n| {
            n.goes_down_at = Some(Moment::from_millis(begins));
            n.expected_back_at = Some(Moment::from_millis(back));
            n.restore = Restore::Automatic;
        })
    }

    /// A monitor's word; since when it closes, where that is not at once.
    fn probe(&mut self, status: Status, at: i64, who: &str, since: Option<i64>) {
        self.says(status, at, "application:mail", |n| {
            n.goes_down_at = since.map(Moment::from_millis);
            *n = by_reporter(n.clone(), who);
        });
    }

    fn mail(&self) -> Application {
        let [mail, _] = applications(self.agree, 1);
        mail
    }

    fn is_open_for(&self, ask: &Ask, now: i64) -> bool {
        outcome(&weighed(&self.ledger, &self.mail(), now), ask).causes.is_empty()
    }

    fn is_open(&self, now: i64) -> bool {
        self.is_open_for(&ASKS[0], now)
    }
}

const MAIL: &str = "application:mail";
use Status::{Available, Unavailable};

#[test]
fn the_latest_word_counts() {
    let mut s = story();
    assert!(s.is_open(1_000), "nobody has said anything");
    s.closes(1_001, MAIL);
    assert!(!s.is_open(1_001));
    s.opens(1_002, MAIL);
    assert!(s.is_open(1_002));
    // A word that was made earlier and arrives later changes nothing.
    s.closes(1_000, MAIL);
    assert!(s.is_open(1_002));
}

#[test]
fn a_probe_never_lifts_what_a_person_has_closed() {
    let mut s = story();
    s.closes(1_000, MAIL);
    s.probe(Available, 1_010, "a/probe", None);
    assert!(!s.is_open(1_010));
}

#[test]
fn a_probe_lifts_only_what_it_has_itself_closed() {
    let mut s = story();
    s.probe(Unavailable, 1_000, "a/probe", None);
    s.probe(Available, 1_010, "b/probe", None);
    assert!(!s.is_open(1_010), "another one's closing stands");
    s.probe(Available, 1_011, "a/probe", None);
    assert!(s.is_open(1_011));
}

#[test]
fn a_persons_available_silences_monitors_until_they_find_something_new() {
    let mut s = story();
    s.probe(Unavailable, 1_000, "a/probe", None);
    s.opens(1_005, MAIL);
    s.probe(Unavailable, 1_010, "a/probe", Some(1_000));
    assert!(s.is_open(1_010), "a repeat is not news");
    s.probe(Available, 1_015, "a/probe", None);
    s.probe(Unavailable, 1_020, "a/probe", None);
    assert!(!s.is_open(1_020), "this is");
}

#[test]
fn a_plan_is_not_lost_because_somebody_opened_the_application_in_between() {
    let mut s = story();
    s.plans(1_000, MAIL, 1_100, 1_200);
    s.closes(1_010, MAIL);
    s.opens(1_020, MAIL);
    assert!(s.is_open(1_099));
    assert!(!s.is_open(1_100));
    assert!(s.is_open(1_200));
}

#[test]
fn a_window_that_ends_opens_only_what_it_closed() {
    let mut s = story();
    s.closes(1_000, MAIL);
    s.plans(1_001, MAIL, 1_100, 1_200);
    assert!(!s.is_open(1_150));
    assert!(!s.is_open(1_200), "what was closed before the window still is");
    // What an immediate closing with an end replaced stays replaced.
    let mut s = story();
    s.closes(1_000, MAIL);
    s.says(Unavailable, 1_001, MAIL, |n| {
        (n.expected_back_at, n.restore) = (Some(Moment::from_millis(1_100)), Restore::Automatic);
    });
    assert!(!s.is_open(1_099));
    assert!(s.is_open(1_100));
}

#[test]
fn what_a_window_replaced_stays_replaced() {
    let get = Criteria::parse(&json!({"methods": ["GET"]})).unwrap();
    let mut s = story();
    s.closes(1_000, MAIL);
    s.says(Available, 1_001, MAIL, |n| n.criteria = get.clone());
    assert!(s.is_open(1_001));
    s.says(Unavailable, 1_002, MAIL, |n| {
        (n.criteria, n.expected_back_at, n.restore) = (get, Some(Moment::from_millis(1_100)), Restore::Automatic);
    });
    assert!(!s.is_open(1_099));
    assert!(!s.is_open(1_100), "the opening was replaced; what stands is the closing for all requests");
}

#[test]
fn overdue_without_automatic_restore_stays_closed() {
    let mut s = story();
    s.says(Unavailable, 1_000, MAIL, |n| n.expected_back_at = Some(Moment::from_millis(1_100)));
    assert!(!s.is_open(9_000));
}

#[test]
fn opening_one_application_while_the_system_is_closed_opens_that_one() {
    let mut s = story();
    s.closes(1_000, "system");
    s.opens(1_010, MAIL);
    let [_, chat] = applications(1, 1);
    assert!(s.is_open(1_010));
    assert!(!outcome(&weighed(&s.ledger, &chat, 1_010), &ASKS[0]).causes.is_empty(), "the others stay closed");
    s.closes(1_020, "system");
    assert!(!s.is_open(1_020), "a later word on the system counts again");
}

#[test]
fn words_on_one_request_kind_leave_others_alone() {
    let (reading, sending) = (&ASKS[0], &ASKS[2]);
    let post = Criteria::parse(&json!({"methods": ["POST"]})).unwrap();
    let mut s = story();
    s.says(Unavailable, 1_000, MAIL, |n| n.criteria = post.clone());
    assert!(s.is_open_for(reading, 1_000) && !s.is_open_for(sending, 1_000));
    s.closes(1_001, MAIL);
    s.says(Available, 1_002, MAIL, |n| n.criteria = post);
    assert!(!s.is_open_for(reading, 1_002) && s.is_open_for(sending, 1_002));
    s.opens(1_003, MAIL);
    assert!(s.is_open_for(reading, 1_003) && s.is_open_for(sending, 1_003));
}

#[test]
fn a_plan_that_was_taken_back_does_not_happen() {
    let mut s = story();
    let plan = s.plans(1_000, MAIL, 1_100, 1_200);
    let upcoming = |s: &Story, now| weighed(&s.ledger, &s.mail(), now).upcoming().len();
    assert_eq!((upcoming(&s, 1_099), upcoming(&s, 1_100)), (1, 0));
    s.tell(cancel_of(&plan, 9, 1_050));
    assert_eq!(upcoming(&s, 1_099), 0);
    assert!(s.is_open(1_150));
    s.tell(plan);
    assert!(s.is_open(1_150), "although a peer brings the plan again");
}

#[test]
fn a_dead_monitors_word_does_not_stand_for_ever() {
    let mut s = story();
    s.probe(Unavailable, 1_000, "a/probe", None);
    assert!(!s.is_open(1_000 + LAPSE) && s.is_open(1_001 + LAPSE));
    s.probe(Unavailable, 1_012, "a/probe", Some(1_000));
    assert!(!s.is_open(1_012 + LAPSE), "a repeat keeps it up");
    s.closes(1_013, MAIL);
    assert!(!s.is_open(9_000), "a person's word does not lapse");
}

#[test]
fn so_many_reporters_must_agree() {
    let mut s = story();
    s.agree = 2;
    s.probe(Unavailable, 1_000, "a/probe", None);
    assert!(s.is_open(1_000));
    s.probe(Unavailable, 1_001, "b/probe", None);
    assert!(!s.is_open(1_001));
}

#[test]
fn several_causes_are_named_in_order() {
    let mut s = story();
    for (at, target, back) in [(1_003, "resource:disk", 1_300), (1_002, "resource:db", 1_500), (1_001, "system", 1_400)]
    {
        s.says(Unavailable, at, target, |n| n.expected_back_at = Some(Moment::from_millis(back)));
    }
    s.probe(Unavailable, 1_000, "a/probe", None);
    let named = |s: &Story| -> Vec<Target> {
        outcome(&weighed(&s.ledger, &s.mail(), 1_004), &ASKS[0]).causes.into_iter().map(|(target, ..)| target).collect()
    };
    assert_eq!(
        named(&s).iter().map(ToString::to_string).collect::<Vec<_>>(),
        [MAIL, "system", "resource:db", "resource:disk"]
    );
    let told = outcome(&weighed(&s.ledger, &s.mail(), 1_004), &ASKS[0]);
    assert_eq!((told.since, told.back), (Some(1_000), None), "the probe does not know when");
    s.probe(Available, 1_004, "a/probe", None);
    let told = outcome(&weighed(&s.ledger, &s.mail(), 1_004), &ASKS[0]);
    assert_eq!((told.since, told.back), (Some(1_001), Some(1_500)));
}

#[test]
fn a_clock_that_lags_behind_the_farm_goes_by_the_farm() {
    let mut s = story();
    s.plans(1_000, MAIL, 1_100, 1_200);
    // Somebody, somewhere, has spoken at 1,230: 1,200 is over on every node.
    s.opens(1_230, "application:chat");
    assert!(s.is_open(1_150));
}
