//! What every queue keeps; each test gets an empty place.

use std::time::Duration;

use forewarn::{
    availability::{Moment, NodeId},
    sync::{Change, Conflict, ConflictKind, Haste, Label, OutboxRow, QueueKey},
};

use crate::place::{Place, Run, Seen, chain, entry, key, length, member, node, record, row, seen};

pub fn steps_become_durable_in_order(place: &dyn Place) {
    let mut run = Run::start(place);
    // More than the writer's queue holds, so that most of them wait.
    run.hand_over(chain(1..=300));
    // `wait` sees to it that it never goes back.
    run.wait(|progress| progress.durable == 300 && progress.writable);
    run.hand_over(chain(301..=302));
    run.wait(|progress| progress.durable == 302);
    drop(run);
    assert_eq!(length(place), 302);
}

pub fn what_was_reported_durable_is_found_and_before_it_everything(place: &dyn Place) {
    let mut from = 0;
    for wait_for in [1, 5, 17, 40] {
        let mut run = Run::start(place);
        // Numbers are those of a run; the rows go on where the last one ended.
        run.hand_over((1..).zip(chain(from + 1..=from + 40).map(|(_, changes)| changes)));
        let durable = run.wait(|progress| progress.durable >= wait_for).durable;
        drop(run);
        let found = length(place);
        assert!(
            (from + durable..=from + 40).contains(&found),
            "{found} steps are found, {durable} of those after {from} were durable"
        );
        from = found;
    }
}

pub fn every_kind_of_change_survives_and_so_does_its_end(place: &dyn Place) {
    let (held, recorded) = (entry(1, 10), entry(2, 20));
    let (held_key, recorded_key) = (key(0, 1, 10), key(1, 2, 20));
    let out = OutboxRow { initial: node(7) };
    let mut run = Run::start(place);
    run.hand_over([(
        1,
        vec![
            Change::Queue(key(1, 3, 30), row(3, 30)),
            Change::Queue(key(1, 4, 40), row(4, 40)),
            Change::Admit(held.clone()),
            Change::Record(recorded.clone()),
            Change::Post(node(5), held_key, out),
            Change::Post(node(6), recorded_key, out),
            // Without a body anywhere there is nothing to send, and its peer gets a merge.
            Change::Post(node(6), key(1, 9, 90), out),
            Change::Limit(Moment::from_millis(50)),
            Change::Boot(node(5), u64::MAX, 3),
            Change::Member(member(5, 2)),
            Change::Member(member(6, 3)),
            Change::MergeOnReturn(node(6), true),
            Change::Conflict(Conflict { kind: ConflictKind::Copied, why: "a copy".to_owned() }),
            Change::Register(record(1, 10, true)),
            Change::Register(record(2, 20, false)),
        ],
    )]);
    run.wait(|progress| progress.durable == 1);
    drop(run);
    let expected = Seen {
        pending: vec![(key(1, 3, 30), row(3, 30)), (key(1, 4, 40), row(4, 40))],
        ledger: vec![held.clone()],
        limit: Moment::from_millis(50),
        outbox: vec![(node(5), held_key, out, held.clone()), (node(6), recorded_key, out, recorded.clone())],
        bodiless: vec![(node(6), key(1, 9, 90))],
        members: vec![member(5, 2), member(6, 3)],
        boots: vec![(node(5), u64::MAX, 3)],
        merge_on_return: vec![node(6)],
        conflict: Some(Conflict { kind: ConflictKind::Copied, why: "a copy".to_owned() }),
        records: vec![record(1, 10, true), record(2, 20, false)],
    };
    assert_eq!(seen(place), expected);

    let mut run = Run::start(place);
    run.hand_over([(
        1,
        vec![
            Change::Unqueue(key(1, 3, 30)),
            Change::Drop(held.stamp),
            // Dropped, but still to be sent: its body is in the history.
            Change::Record(held.clone()),
            Change::Unpost(node(6), recorded_key),
            Change::Limit(Moment::from_millis(60)),
            Change::Boot(node(5), u64::MAX, 4),
            Change::Member(member(6, 5)),
            Change::MergeOnReturn(node(6), false),
            Change::Register(record(1, 30, false)),
            Change::Unregister(record(2, 20, false).key()),
        ],
    )]);
    run.wait(|progress| progress.durable == 1);
    drop(run);
    let left = Seen {
        pending: vec![(key(1, 4, 40), row(4, 40))],
        ledger: Vec::new(),
        limit: Moment::from_millis(60),
        outbox: vec![(node(5), held_key, out, held)],
        members: vec![member(5, 2), member(6, 5)],
        boots: vec![(node(5), u64::MAX, 4)],
        merge_on_return: Vec::new(),
        records: vec![record(1, 30, false)],
        ..expected
    };
    assert_eq!(seen(place), left);
}

pub fn critical_before_normal_before_quarantine_and_then_by_stamp(place: &dyn Place) {
    let keys: Vec<QueueKey> = [(2, 10_i64), (1, 30), (0, 256), (1, 5), (2, 9), (0, 255), (1, 256)]
        .into_iter()
        .map(|(class, at)| key(class, at.unsigned_abs().into(), at))
        .collect();
    let mut run = Run::start(place);
    run.hand_over((1..).zip(keys.iter().map(|key| {
        let at = key.stamp.time.millis();
        vec![Change::Queue(*key, row(at.unsigned_abs().into(), at))]
    })));
    run.wait(|progress| progress.durable == 7);
    drop(run);
    let found: Vec<(u8, i64)> =
        seen(place).pending.iter().map(|(key, _)| (key.class, key.stamp.time.millis())).collect();
    assert_eq!(found, [(0, 255), (0, 256), (1, 5), (1, 30), (1, 256), (2, 9), (2, 10)]);
}

pub fn steps_that_are_handed_over_before_the_start_are_kept(place: &dyn Place) {
    let mut queue = place.queue();
    for (number, changes) in chain(1..=20) {
        queue.hand_over(number, Label::Apply, &changes, Haste::WithNext);
    }
    let mut run = Run::of(queue);
    run.hand_over(chain(21..=21));
    run.wait(|progress| progress.durable == 21);
    drop(run);
    assert_eq!(length(place), 21);
}

pub fn another_run_counts_from_the_beginning(place: &dyn Place) {
    for _ in 0..2 {
        let mut run = Run::start(place);
        assert_eq!(run.queue.progress().durable, 0, "nothing of this run is durable yet");
        run.hand_over(chain(1..=9));
        run.wait(|progress| progress.durable == 9);
    }
    assert_eq!(length(place), 9);
}

pub fn pruning_takes_what_is_old_out_of_the_history_and_nothing_else(place: &dyn Place) {
    let mut run = Run::start(place);
    let out = OutboxRow { initial: NodeId::NONE };
    // That a body is in the history shows by the row that needs it.
    run.hand_over((1..).zip((1..=3).map(|i| {
        let at = i64::try_from(i).unwrap() * 10;
        vec![Change::Record(entry(i, at)), Change::Post(node(5), key(1, i, at), out)]
    })));
    run.hand_over([(4, vec![Change::Admit(entry(1, 10))])]);
    run.wait(|progress| progress.durable == 4);
    let mut number = 4;
    let mut prune = |run: &mut Run, until| {
        run.queue.prune(Moment::from_millis(until), &mut || {
            number += 1;
            number
        });
        number
    };
    assert_eq!(prune(&mut run, 10), 4, "nothing is older than the oldest");
    assert_eq!(prune(&mut run, 30), 5);
    run.wait(|progress| progress.durable == 5);
    assert_eq!(prune(&mut run, 30), 5, "nothing is left to take");
    drop(run);
    let times: Vec<i64> = seen(place).outbox.iter().map(|(_, key, ..)| key.stamp.time.millis()).collect();
    assert_eq!(times, [10, 30], "the ledger keeps what it has");
}

pub fn closing_makes_durable_what_was_handed_over(place: &dyn Place) {
    let mut run = Run::start(place);
    run.hand_over(chain(1..=6));
    assert!(run.queue.close(Duration::from_secs(60)));
    assert_eq!(run.queue.progress().durable, 6);
    drop(run);
    assert_eq!(length(place), 6);
}
