//! Judges a history. Knows what clients did and saw, and [the law](super::law); knows nothing of the program.
//!
//! For each read there are words that the node *must* know (its own acknowledgements, and what all nodes have
//! confirmed), and words that it *may* know (whatever anybody had begun to hand in). The rules:
//!
//! - **lost**: what was acknowledged is known to some node at the end;
//! - **verdict**: at the end every node says what the law says of what was acknowledged, and of what nobody knew of
//!   and is there;
//! - **changed**: a notification keeps the time that its client gave it, however often it is handed in;
//! - **nowhere**: no read shows a cause that nobody had handed in, or that had not begun;
//! - **returned**: no read shows a cause that is cancelled, replaced or over by what the node must know; nor one that
//!   is older than one that this node has shown of this application in this life (each application has a cache of
//!   its own; until a change is acknowledged they may differ);
//! - **unseen**: a closing that the node must know, and that nothing which it may know silences, is shown.
//!
//! It never accuses a correct program: where two answers are possible, both are right.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    history::{End, History, Micros, Outcome, Read, Says, Word},
    law,
};

/// What is wrong: the rule, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub rule: &'static str,
    pub text: String,
}

/// A word, since when it may be known, and since when it must be known at each node.
struct Known<'h> {
    word: &'h Word,
    may: Micros,
    must: BTreeMap<usize, Micros>,
    everywhere: Option<Micros>,
    taken: bool,
}

/// A cause that a node has shown: until when the read took, its place among the words, its id.
type Shown = (Micros, (i64, i64), Uuid);

impl Known<'_> {
    fn must_by(&self, read: &Read) -> bool {
        let here = self.must.get(&read.node).copied().into_iter().chain(self.everywhere).min();
        here.is_some_and(|since| since < read.invoked)
    }

    fn may_by(&self, read: &Read) -> bool {
        self.may < read.answered
    }
}

fn known(history: &History) -> BTreeMap<Uuid, Known<'_>> {
    let mut all: BTreeMap<Uuid, Known> = BTreeMap::new();
    for one in history.submissions.iter().filter(|one| one.outcome != Outcome::Refused) {
        let fresh =
            || Known { word: &one.word, may: one.invoked, must: BTreeMap::new(), everywhere: None, taken: false };
        let known = all.entry(one.word.id).or_insert_with(fresh);
        known.may = known.may.min(one.invoked);
        if let Outcome::Taken { everywhere, .. } = one.outcome {
            known.taken = true;
            let here = known.must.entry(one.node).or_insert(one.answered);
            *here = one.answered.min(*here);
            if everywhere {
                known.everywhere = Some(known.everywhere.map_or(one.answered, |before| before.min(one.answered)));
            }
        }
    }
    all
}

/// Everything that is wrong with a history; without its end what can be said before it.
pub fn check(history: &History, end: Option<&End>) -> BTreeSet<Fault> {
    let known = known(history);
    let mut faults = BTreeSet::new();
    let mut say = |rule: &'static str, text: String| {
        faults.insert(Fault { rule, text });
    };
    for one in &history.submissions {
        if let Outcome::Taken { time, .. } = one.outcome
            && time != one.word.time
        {
            say("changed", format!("{} has the time {time}, and was given {}", one.word.id, one.word.time));
        }
    }
    let mut shown: BTreeMap<(usize, u32, &str, &str), Vec<Shown>> = BTreeMap::new();
    for read in &history.reads {
        for (rule, text) in judge(read, &known, history.skew) {
            say(rule, format!("node {} says of {}: {text} ({read:?})", read.node, read.application));
        }
        let Some(life) = read.life else { continue };
        for word in read.causes.iter().filter_map(|id| Some(known.get(id)?.word)).filter(|word| !word.by_monitor) {
            let before = shown.entry((read.node, life, read.application.as_str(), word.target.as_str())).or_default();
            if let Some((_, _, newer)) = before.iter().find(|(when, at, _)| *when < read.invoked && *at > word.at()) {
                let text = format!("node {} shows {} again, after it has shown {newer} ({read:?})", read.node, word.id);
                say("returned", text);
            }
            // only the newest matters, and only what replaces others
            if word.is_immediate() && before.iter().all(|(_, at, _)| word.at() > *at) {
                before.push((read.answered, word.at(), word.id));
            }
        }
    }
    if let Some(end) = end {
        at_the_end(end, &known, &mut say);
    }
    faults
}

fn at_the_end(end: &End, known: &BTreeMap<Uuid, Known<'_>>, say: &mut impl FnMut(&'static str, String)) {
    let there: BTreeSet<&Uuid> = end.known.iter().flatten().collect();
    for (id, one) in known {
        if one.taken && !there.contains(id) {
            say("lost", format!("{id} was acknowledged, and no node knows it: {:?}", one.word));
        }
    }
    let words: Vec<Word> =
        known.values().filter(|one| one.taken || there.contains(&one.word.id)).map(|one| one.word.clone()).collect();
    for read in &end.reads {
        let expected = [read.invoked, read.answered].map(|at| law::causes(&words, &read.application, at / 1_000));
        let got: BTreeSet<Uuid> = read.causes.iter().copied().collect();
        if !expected.contains(&got) || read.open != got.is_empty() {
            let text = format!(
                "node {} says of {} at the end: open={} by {got:?}, and the law says {:?}",
                read.node, read.application, read.open, expected[1]
            );
            say("verdict", text);
        }
    }
}

/// What is wrong with one read.
fn judge(read: &Read, known: &BTreeMap<Uuid, Known<'_>>, skew: i64) -> Vec<(&'static str, String)> {
    let (early, late) = (read.invoked / 1_000 - skew, read.answered / 1_000 + skew);
    let mut wrong = Vec::new();
    if read.open != read.causes.is_empty() {
        wrong.push(("verdict", "open and causes contradict each other".to_owned()));
    }
    let must: Vec<&Word> = known.values().filter(|one| one.must_by(read)).map(|one| one.word).collect();
    let may: Vec<&Word> = known.values().filter(|one| one.may_by(read)).map(|one| one.word).collect();
    for id in &read.causes {
        let Some(word) = may.iter().find(|word| word.id == *id) else {
            wrong.push(("nowhere", format!("the cause {id}, which nobody has handed in")));
            continue;
        };
        if word.since() > late {
            wrong.push(("nowhere", format!("the cause {id}, which has not begun")));
        }
        if word.ends.is_some_and(|ends| ends <= early) {
            wrong.push(("returned", format!("the cause {id}, which is over")));
        }
        let dead = must.iter().find(|other| {
            let on_it = other.target == word.target;
            let replaces =
                on_it && other.is_immediate() && other.by_monitor == word.by_monitor && other.at() > word.at();
            let silences = on_it
                && word.by_monitor
                && !other.by_monitor
                && other.says == Says::Opens
                && other.time >= word.since();
            other.says == Says::Cancels(*id) || replaces || silences
        });
        if let Some(dead) = dead {
            wrong.push(("returned", format!("the cause {id}, although it must know {}", dead.id)));
        }
    }
    let own = format!("application:{}", read.application);
    let targets = [own.as_str(), "system"].into_iter().chain(law::resources(&read.application).iter().copied());
    for (target, by_monitor) in targets.flat_map(|target| [(target, false), (target, true)]) {
        let speaks = |word: &Word| word.target == target && word.by_monitor == by_monitor;
        let begun = must.iter().filter(|word| speaks(word) && !matches!(word.says, Says::Cancels(_)));
        let begun = begun.filter(|word| word.since() <= early);
        let Some(last) = begun.max_by_key(|word| word.at()) else { continue };
        if last.says != Says::Closes || last.ends.is_some_and(|ends| ends <= late) {
            continue;
        }
        let silenced = may.iter().any(|other| {
            let later = speaks(other) && other.at() > last.at() && other.since() <= late;
            let opened = !other.by_monitor && other.says == Says::Opens;
            let by_person = by_monitor && opened && other.target == target && other.time >= last.since();
            let floor =
                target == "system" && opened && other.target == own && other.time >= last.since().min(last.time);
            other.says == Says::Cancels(last.id) || later || by_person || floor
        });
        if !silenced && !read.causes.contains(&last.id) {
            wrong.push(("unseen", format!("not the closing {} of {target}, which it must know", last.id)));
        }
    }
    wrong
}
