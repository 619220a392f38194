//! A node dies while groups of steps go from the files of intents into sled, and again while the next start puts them
//! there. Files of intents are small while a point is armed.

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::Farm,
};

/// The points of a checkpoint.
const CHECKPOINT: &[&str] =
    &["checkpoint.begun", "checkpoint.applied", "checkpoint.begun:3", "checkpoint.applied:3", "checkpoint.durable"];
/// The points of a start after a kill. After the last point of a checkpoint there may be nothing to be put into sled.
const REPLAY: &[&str] = &["replay.begun", "replay.applied", "replay.durable", "replay.begun"];
/// Of this file.
pub const ALL: &[&[&str]] = &[CHECKPOINT, REPLAY];

#[tokio::test]
async fn a_node_dies_while_sled_catches_up_and_again_when_it_starts() {
    let farm = Farm::new(2).start().await;
    let mut book = Book::default();
    let mut again = expand(REPLAY).into_iter();
    for point in expand(CHECKPOINT) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        while book.say(&farm[0]).await {}
        doomed.died().await;
        if let Some(point) = again.next() {
            eprintln!("· {point}");
            doom(&farm[0], &point).await.died().await;
        }
        farm[0].restart().await;
        // By itself, from its first moment on.
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}
