//! The worst that criteria may cost a request: `cargo bench --profile dist --bench criteria`.
//!
//! docs/contract.md#criteria promises that all criteria on one application together cost a request at most
//! 1 ms on one core, whatever is submitted within the bounds and whatever is asked. This plants what the
//! bounds allow, kind by kind, on everything that one application needs, until a submission is refused, and
//! asks for the longest texts that the gate lets in, made so that every search runs to their end. It fails
//! if the quickest of many rounds takes longer than the promise; slower rounds are disturbed by other programs
//! on the same core. With `--test` every case is planted and asked once, and nothing is measured.

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
/// The most header fields that the gate lets in.
const FIELDS: usize = 100;
/// Resources that the application uses, where the bound of distinct criteria for each target is reached before
/// the bound of cost.
const MANY: usize = 12;
const NOW: i64 = 1_700_000_000_000;

/// Header fields; a field without a name has any.
struct Head(Vec<(String, Vec<u8>)>);

impl HeaderSource for Head {
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8])) {
        let named = |field: &&(String, Vec<u8>)| field.0.is_empty() || field.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).for_each(|(_, value)| take(value));
    }
}

struct Case {
    name: &'static str,
    /// The criteria of the n-th submission.
    criteria: Box<dyn Fn(usize) -> Value>,
    path: String,
    query: String,
    head: Head,
    /// Resources that the application uses.
    resources: usize,
}

fn main() {
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let rounds = if std::env::args().any(|arg| arg == "--test") { 1 } else { 300 };
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
        let head = Head(vec![(String::new(), letters(HEAD).into_bytes())]);
        Case { name, criteria, path, query: format!("q={}", letters(TARGET)), head, resources: 1 }
    };
    let cookies = |value: String| Head(vec![("cookie".to_owned(), value.into_bytes())]);
    let members = |names: &dyn Fn(usize) -> String, separator: &str, most: usize| {
        let mut text = String::new();
        for n in 0.. {
            let member = names(n);
            if text.len() + member.len() + separator.len() > most {
                return text;
            }
            text += &(member + separator);
        }
        text
    };
    // In no order, so that sorting them takes long.
    let scattered = |n: usize| format!("{:x}", (n as u64).wrapping_mul(0x9e37_79b9) % 0xfff);
    // Every name is there, and only the last value does not match.
    let all_but_last = |n: usize, last: &str| -> Value {
        let globs =
            (0..49).map(|m| (format!("x{m}"), json!("*"))).chain([("x49".to_owned(), json!(format!("{last}{n}")))]);
        globs.collect::<serde_json::Map<_, _>>().into()
    };
    // The last one matches, so that all are looked at under every reading of the path.
    let except = |mut exceptions: Vec<Value>| {
        exceptions.push(json!({"query": {"q": "*"}})); // sorts last
        json!({"methods": [method()], "paths": ["*"], "except": exceptions})
    };
    // Lists of which only the last one does not match, and compares all members.
    let lists = |n: usize| {
        let names: Vec<String> = (0..50).map(|m| format!("{}{:03}{m:02}", "n".repeat(59), n % 1000)).collect();
        let networks: Vec<String> = (0..50)
            .map(|m| format!("2001:db8:{n:x}:{m:x}::/64"))
            .chain(["2001:db8:ffff::/48".to_owned()])
            .skip(1)
            .collect();
        let methods: Vec<String> =
            (0..49).map(|m| format!("{}{n:04}{m:02}", "M".repeat(26))).chain([method()]).collect();
        (methods, networks, names)
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
        Case {
            head: cookies("c=".to_owned() + &"a".repeat(HEAD - 10) + "zend"),
            ..case(
                "cookies searched",
                Box::new(move |n| json!({"cookies": {"c": format!("*{}z{n}*", "?".repeat(55))}})),
            )
        },
        Case {
            resources: MANY,
            head: cookies(members(&|_| "c=".to_owned(), ";", HEAD)),
            ..case("one cookie many times", Box::new(move |n| json!({"cookies": {"c": format!("z{n}")}})))
        },
        Case {
            resources: MANY,
            head: cookies(members(&|n| format!("{}=", scattered(n)), ";", HEAD)),
            ..case("many cookies", Box::new(move |n| json!({"cookies": {"c": format!("z{n}")}})))
        },
        Case {
            head: cookies(members(&|n| format!("x{}=", n % 50), ";", HEAD)),
            ..case("many cookies asked about", Box::new(move |n| json!({"cookies": all_but_last(n, "z")})))
        },
        Case {
            resources: MANY,
            query: members(&|_| "q".to_owned(), "&", TARGET),
            ..case("one parameter many times", Box::new(move |n| json!({"query": {"q": format!("z{n}")}})))
        },
        Case {
            resources: MANY,
            query: members(&|n| scattered(n), "&", TARGET),
            ..case("many parameters", Box::new(move |n| json!({"query": {"q": format!("z{n}")}})))
        },
        Case {
            query: members(&|n| format!("x{}", n % 50), "&", TARGET),
            ..case("many parameters asked about", Box::new(move |n| json!({"query": all_but_last(n, "z")})))
        },
        Case {
            query: members(&|n| format!("x{}=%41+", n % 50), "&", TARGET),
            ..case("many parameters with escapes", Box::new(move |n| json!({"query": all_but_last(n, "z")})))
        },
        Case {
            resources: MANY,
            head: Head((0..FIELDS).map(|_| ("x".to_owned(), b"v".to_vec())).collect()),
            ..case("one field many times", Box::new(move |n| json!({"headers": {"x": format!("z{n}")}})))
        },
        Case {
            head: Head((0..FIELDS).map(|n| (format!("x{}", n % 50), b"v".to_vec())).collect()),
            ..case("many fields asked about", Box::new(move |n| json!({"headers": all_but_last(n, "z")})))
        },
        Case {
            resources: MANY,
            head: Head((0..FIELDS).map(|n| (format!("y{n:03}"), b"v".to_vec())).collect()),
            ..case("fields that are not there", Box::new(move |n| json!({"headers": {format!("z{n:03}"): "v"}})))
        },
        Case {
            resources: MANY,
            ..case(
                "long lists",
                Box::new(move |n| {
                    let (methods, clients, nodes) = lists(n);
                    json!({"methods": methods, "clients": clients, "nodes": nodes})
                }),
            )
        },
        Case {
            resources: MANY,
            ..case(
                "long lists in exceptions",
                Box::new(move |n| {
                    let one = |m| {
                        let (methods, clients, nodes) = lists(n * 8 + m);
                        json!({"methods": methods, "clients": clients, "nodes": nodes})
                    };
                    except((0..7).map(one).collect())
                }),
            )
        },
        case(
            "exceptions searched",
            Box::new(move |n| except((0..7).map(|m| paths(vec![nowhere(n * 8 + m)])).collect())),
        ),
        Case {
            head: cookies("c=".to_owned() + &"a".repeat(HEAD - 10) + "zend"),
            ..case(
                "cookies in exceptions",
                Box::new(move |n| {
                    let one = |m| json!({"cookies": {"c": format!("*{}z{n}.{m}*", "?".repeat(55))}});
                    except((0..7).map(one).collect())
                }),
            )
        },
    ];
    cases[7].head = Head(vec![(String::new(), vec![0xe9; HEAD])]);
    let mut worst = Duration::ZERO;
    for case in &cases {
        let (planted, quickest, median) = measure(case, rounds);
        worst = worst.max(quickest);
        println!("{:34} {planted:4} criteria  quickest {quickest:8.1?}  median {median:8.1?}", case.name);
    }
    assert!(rounds == 1 || worst <= PROMISE, "criteria cost a request {worst:?}, and {PROMISE:?} is promised");
}

/// The longest method.
fn method() -> String {
    "M".repeat(32)
}

/// Plants as much as is taken; the quickest request and the one in the middle.
fn measure(case: &Case, rounds: usize) -> (usize, Duration, Duration) {
    let name = |text: &str| text.parse().unwrap();
    let uses = (0..case.resources).map(|n| Use { resource: name(&format!("db{n}")), agree: 1_000 }).collect();
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
            for reporter in 0..if planted <= 64 { MAX_REPORTERS } else { 1 } {
                let id = 1_000_000 + planted * 1_000 + reporter;
                let said = notification(id, target, criteria.clone(), Some(format!("r{reporter}")));
                ledger.admit(&Entry::stamped(said, 0, NodeId::NONE));
            }
        }
    }
    let weighed = View::of(&ledger, &definition).weigh(Moment::from_millis(NOW + 1));
    let path = Path::parse(case.path.as_bytes()).unwrap();
    let mut others = path.others();
    let (node, method) = ("n".repeat(64), method());
    let facts = RequestFacts {
        method: &method,
        path: path.literal(),
        also: [others.next(), others.next()],
        query: &case.query,
        headers: &case.head,
        client: Some("2001:db8:ffff::1".parse().unwrap()),
        node: &node,
        inside: false,
    };
    let mut rounds: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            assert!(weighed.decide(std::hint::black_box(&facts)).is_open());
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
