//! `kill -9` of random nodes at random moments, under a stream of submissions by several clients.
//!
//! `CRASH_SEED` repeats the kills of a run (what the clients get to say in between is up to the
//! machine); `FOREWARN_LONG=1` makes it a thousand rounds, `CRASH_ROUNDS` any number.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use uuid::Uuid;

use crate::{
    book::{Book, statement},
    ledgers,
    support::{Farm, chance::Chance},
};

const CLIENTS: usize = 4;
/// For how many notifications all nodes are asked in the end.
const ASKED: usize = 2_000;

#[tokio::test]
async fn random_nodes_are_killed_under_a_stream_of_submissions() {
    let seed = std::env::var("CRASH_SEED").ok().map_or_else(forewarn::clock::random, |seed| seed.parse().unwrap());
    let long = std::env::var_os("FOREWARN_LONG").is_some_and(|long| long == "1");
    let rounds = std::env::var("CRASH_ROUNDS").map_or(if long { 1_000 } else { 20 }, |rounds| rounds.parse().unwrap());
    println!("CRASH_SEED={seed} rounds={rounds}");
    eprintln!("CRASH_SEED={seed} rounds={rounds}");
    let mut chance = Chance::new(seed);
    let fanout = ["\"all\"", "1", "2"][chance.below(3) as usize];
    let farm = Farm::new(3).farm(&format!("fanout = {fanout}")).merge("every = \"5s\"").start().await;
    let (stop, turn) = (AtomicBool::new(false), AtomicUsize::new(0));
    let acknowledged: Mutex<BTreeMap<Uuid, serde_json::Value>> = Mutex::default();
    let at_once: Mutex<Vec<Uuid>> = Mutex::default();
    let clients = (0..CLIENTS).map(|client| {
        let mut chance = Chance::new(seed ^ (client as u64 + 1));
        let (farm, stop, turn, acknowledged, at_once) = (&farm, &stop, &turn, &acknowledged, &at_once);
        async move {
            while !stop.load(Ordering::Relaxed) {
                let said = statement(turn.fetch_add(1, Ordering::Relaxed), chrono::Utc::now());
                let mut at = chance.below(3) as usize;
                // Until somebody takes it: the same id and time, wherever it is handed in.
                let mut attempts = 0;
                let taken = loop {
                    attempts += 1;
                    match farm[at].try_submit(&said).await {
                        Ok(reply) if [200, 202].contains(&reply.status) => break true,
                        // as many plans or criteria as a target may have: nothing was taken
                        Ok(reply) if reply.status == 429 => break false,
                        Ok(reply) => assert_eq!(reply.status, 503, "{said} {}", reply.text()),
                        Err(_) => {}
                    }
                    at = (at + 1) % 3;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                };
                let id = said["id"].as_str().unwrap().parse().unwrap();
                if taken && attempts == 1 {
                    at_once.lock().unwrap().push(id);
                }
                if taken {
                    acknowledged.lock().unwrap().insert(id, said);
                }
            }
        }
    });
    let killer = async {
        for _ in 0..rounds {
            tokio::time::sleep(Duration::from_millis(50 + chance.below(250))).await;
            // one, two or all three of them
            let first = chance.below(3) as usize;
            let victims: Vec<usize> =
                (0..[1, 1, 2, 3][chance.below(4) as usize]).map(|more| (first + more) % 3).collect();
            for victim in &victims {
                farm[*victim].kill9().await;
            }
            tokio::time::sleep(Duration::from_millis(chance.below(150))).await;
            for victim in &victims {
                farm[*victim].start();
                // and sometimes again while it starts
                if chance.below(4) == 0 {
                    tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
                    farm[*victim].kill9().await;
                    farm[*victim].start();
                }
            }
            for victim in &victims {
                farm[*victim].wait_ready().await;
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(killer, futures_util::future::join_all(clients)).await;
    let mut book = Book::default();
    let mut at_once = at_once.into_inner().unwrap();
    eprintln!("fanout={fanout} acknowledged={} at_once={}", acknowledged.lock().unwrap().len(), at_once.len());
    // the stores are compared for all of them; receipts are looked at for so many
    while at_once.len() > ASKED {
        at_once.swap_remove(chance.below(at_once.len() as u64) as usize);
    }
    book.take_over(acknowledged.into_inner().unwrap(), at_once);
    assert!(book.acknowledged.len() >= rounds, "only {} were acknowledged", book.acknowledged.len());
    book.check(&farm).await;
    ledgers::compare(&farm, &book).await;
}
