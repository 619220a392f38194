//! The worst that criteria may cost a request: `cargo bench --profile dist --bench criteria`.
//!
//! docs/contract.md#criteria promises that all criteria on one application together cost a request at most
//! 1 ms on one core, whatever is submitted within the bounds and whatever is asked. This plants what the
//! bounds allow, kind by kind, on everything that one application needs, until a submission is refused, and
//! asks for the longest texts that the gate lets in, made so that every search runs to their end. It fails
//! where the quickest of many rounds takes longer than the promise: the slower ones belong to other
//! programs on the same core.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use forewarn::availability::{
    Criteria, Entry, HeaderSource, Ledger, MAX_CRITERIA, MAX_REPORTERS, Moment, NodeId, Notification, RequestFacts,
    Rules, Target,
    path::Path,
    verdict::{Definition, Use, View},
};
use serde_json::{Value, json};

/// What docs/contract.md#criteria promises.
const PROMISE: Duration = Duration::from_millis(1);
/// The longest target, and the longest head, that the gate lets in.
const TARGET: usize = 8 * 1024;
const HEAD: usize = 32 * 1024;
const NOW: i64 = 1_700_000_000_000;

/// One header field, whatever its name.
struct OneField(Vec<u8>);

impl HeaderSource for OneField {
    fn each<'a>(&'a self, _: &str, take: &mut dyn FnMut(&'a [u8])) {
        take(&self.0);
    }
}

struct Case {
    name: &'static str,
    /// The criteria of the n-th submission.
    criteria: Box<dyn Fn(usize) -> Value>,
    path: String,
    query: String,
    head: Vec<u8>,
}

fn main() {
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    // What stands between the stars fills one word, looks like the text everywhere, and is nowhere in it.
    let nowhere = |n: usize| format!("*{}z{n}*", "?".repeat(55));
    let paths = |globs: Vec<String>| json!({"paths": globs});
    let headers = |globs: Vec<String>| -> Value {
        let fields = globs.into_iter().enumerate().map(|(n, glob)| (format!("x-{n}"), json!(glob)));
        json!({"headers": fields.collect::<serde_json::Map<_, _>>()})
    };
    let case = |name, criteria: Box<dyn Fn(usize) -> Value>| {
        let path = "/%C3%A9".repeat(TARGET / 7 - 1) + "%40";
        let letters = |length: usize| "é".repeat(length / 2 - 4) + "zend";
        Case { name, criteria, path, query: format!("q={}", letters(TARGET)), head: letters(HEAD).into_bytes() }
    };
    let mut cases = [
        case("paths searched", Box::new(move |n| paths((0..8).map(|m| nowhere(n * 8 + m)).collect()))),
        case(
            "paths searched, long pieces",
            Box::new(move |n| paths((0..2).map(|m| format!("*{}z{n}.{m}*", "?".repeat(235))).collect())),
        ),
        case(
            "paths that begin alike",
            Box::new(move |n| paths((0..50).map(|m| format!("{}/{n}.{m}*", "/%C3%A9".repeat(34))).collect())),
        ),
        case("query searched", Box::new(move |n| json!({"query": {"q": nowhere(n)}}))),
        case("header fields searched", Box::new(move |n| headers(vec![nowhere(n)]))),
        case(
            "header fields searched, two each",
            Box::new(move |n| headers(vec![format!("*{}zend*", "?".repeat(55)), nowhere(n)])),
        ),
        case(
            "header fields searched, classes",
            Box::new(move |n| headers(vec![format!("*[ä-ü]{}z{n}*", "?".repeat(50))])),
        ),
        case("header fields in Latin-1", Box::new(move |n| headers(vec![nowhere(n)]))),
        case(
            "header fields that begin alike",
            Box::new(move |n| {
                let begin = "é".repeat(120);
                headers((0..50).map(|m| if m < 49 { format!("{begin}*") } else { format!("{begin}{n}*") }).collect())
            }),
        ),
    ];
    cases[7].head = vec![0xe9; HEAD];
    let mut worst = Duration::ZERO;
    for case in &cases {
        let (planted, quickest, median) = measure(case);
        worst = worst.max(quickest);
        println!("{:34} {planted:4} criteria  quickest {quickest:8.1?}  median {median:8.1?}", case.name);
    }
    assert!(worst <= PROMISE, "criteria cost a request {worst:?}, and {PROMISE:?} is promised");
}

/// Plants as much as is taken; the quickest request and the one in the middle.
fn measure(case: &Case) -> (usize, Duration, Duration) {
    let name = |text: &str| text.parse().unwrap();
    let uses = vec![Use { resource: name("db"), agree: 1_000 }];
    let definition = Definition { name: name("mail"), uses, agree: 1_000 };
    let together = definition.targets();
    let mut ledger = Ledger::new(Rules::default());
    let mut planted = 0;
    for target in &together {
        for _ in 0..MAX_CRITERIA {
            let criteria = Criteria::parse(&(case.criteria)(planted)).unwrap();
            let one = notification(planted, target, criteria.clone(), None);
            if ledger.check_bounds(&one).is_err() || ledger.check_cost(&one, std::slice::from_ref(&together)).is_err() {
                break;
            }
            planted += 1;
            ledger.admit(&Entry::stamped(one, 0, NodeId::NONE));
            // All reporters say the same, and are asked each: too few to close anything.
            for reporter in 0..MAX_REPORTERS {
                let id = 1_000_000 + planted * 1_000 + reporter;
                let said = notification(id, target, criteria.clone(), Some(format!("r{reporter}")));
                ledger.admit(&Entry::stamped(said, 0, NodeId::NONE));
            }
        }
    }
    let weighed = View::of(&ledger, &definition).weigh(Moment::from_millis(NOW + 1));
    let path = Path::parse(case.path.as_bytes()).unwrap();
    let mut others = path.others();
    let head = OneField(case.head.clone());
    let facts = RequestFacts {
        method: "GET",
        path: path.literal(),
        also: [others.next(), others.next()],
        query: &case.query,
        headers: &head,
        client: None,
        node: "a",
    };
    let mut rounds: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = Instant::now();
            assert!(weighed.decide(std::hint::black_box(&facts)).is_open(), "nothing matches");
            begun.elapsed()
        })
        .collect();
    rounds.sort();
    (planted, rounds[0], rounds[rounds.len() / 2])
}

fn notification(id: usize, target: &Target, criteria: Option<Criteria>, reporter: Option<String>) -> Notification {
    let said = json!({
        "id": uuid::Uuid::from_u128(id as u128), "timestamp": Moment::from_millis(NOW), "targets": [target],
        "status": "unavailable", "node": "a", "reporter": reporter, "criteria": criteria,
        "source": if reporter.is_some() { "monitor" } else { "operator" },
    });
    serde_json::from_value(said).unwrap()
}
