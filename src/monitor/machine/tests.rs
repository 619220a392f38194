//! When a monitor speaks, finding by finding.
#![allow(clippy::unwrap_used)]
use super::*;

/// A monitor that checks once a second, and everything that it has said.
struct Watch {
    machine: Machine,
    second: u64,
}

impl Watch {
    fn new(standing: Option<Standing>) -> Self {
        let thresholds = Thresholds {
            fail_after: NonZeroU32::new(3).unwrap(),
            recover_after: NonZeroU32::new(2).unwrap(),
            degraded_above: Some(Duration::from_millis(800)),
            repeat_every: Duration::from_secs(6 * 3600),
        };
        Self { machine: Machine::new(thresholds, standing), second: 0 }
    }

    fn now(&self) -> Now {
        Now { wall: at(self.second), mono: Duration::from_secs(self.second) }
    }

    /// The same finding so many times, a second apart.
    fn see(&mut self, finding: &Finding, times: u64) -> Vec<(u64, Speak)> {
        let mut said = Vec::new();
        for _ in 0..times {
            self.second += 1;
            let spoken = self.machine.step(finding.clone(), self.now());
            said.extend(spoken.map(|speak| (self.second, speak)));
        }
        said
    }
}

fn at(second: u64) -> Moment {
    Moment::ZERO.after(Duration::from_secs(1_000_000 + second))
}

fn good() -> Finding {
    Finding::Good { latency: Duration::from_millis(5) }
}

fn slow() -> Finding {
    Finding::Good { latency: Duration::from_millis(900) }
}

fn bad() -> Finding {
    Finding::Bad("answered 500".to_owned())
}

fn claims(said: &[(u64, Speak)]) -> Vec<(u64, Claim)> {
    said.iter().map(|(second, speak)| (*second, speak.statement.claim)).collect()
}

#[test]
fn closes_after_three_bad_checks_and_opens_after_two_good_ones() {
    let mut watch = Watch::new(None);
    assert_eq!(watch.see(&good(), 10), [], "good from the start is nothing to report");
    assert_eq!(watch.see(&bad(), 2), []);
    assert_eq!(watch.see(&good(), 1), [], "two bad checks are not three");
    let closed = watch.see(&bad(), 10);
    assert_eq!(claims(&closed), [(16, Claim::Unavailable)]);
    assert_eq!(closed[0].1.statement.message.as_deref(), Some("answered 500"));
    assert_eq!(watch.machine.health_since(), Some(at(16)));
    assert_eq!(claims(&watch.see(&good(), 5)), [(25, Claim::Available)]);
    assert_eq!(watch.machine.detail(), None);
}

#[test]
fn slow_answers_are_an_advisory_and_fast_ones_end_it() {
    let mut watch = Watch::new(None);
    watch.see(&good(), 3);
    assert_eq!(claims(&watch.see(&slow(), 5)), [(6, Claim::Degraded)]);
    assert_eq!(watch.machine.health(), Health::Slow);
    watch.see(&good(), 1);
    assert_eq!(watch.see(&slow(), 1), [], "one fast answer ends nothing");
    assert_eq!(claims(&watch.see(&good(), 3)), [(12, Claim::Available)]);
    watch.see(&bad(), 3);
    let back = watch.see(&slow(), 5);
    assert_eq!(claims(&back), [(18, Claim::Available), (19, Claim::Degraded)], "slow is better than down");
}

#[test]
fn a_standing_closing_is_repeated_with_its_first_time() {
    let mut watch = Watch::new(None);
    let first = watch.see(&bad(), 3);
    assert_eq!((first[0].0, first[0].1.since), (3, None));
    let repeats = watch.see(&Finding::Bad("refused".to_owned()), 6 * 3600 * 2);
    let seconds: Vec<u64> = repeats.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [3 + 6 * 3600, 3 + 2 * 6 * 3600]);
    assert!(repeats.iter().all(|(_, speak)| speak.since == Some(at(3))));
    assert!(repeats.iter().all(|(_, speak)| speak.statement == first[0].1.statement), "with its first message");
}

#[test]
fn a_word_of_an_earlier_run_is_confirmed_or_taken_back() {
    let standing =
        Standing { statement: Statement::plain(Claim::Unavailable, Some("refused".to_owned())), since: at(0) };
    let mut watch = Watch::new(Some(standing.clone()));
    let confirmed = watch.see(&bad(), 5);
    assert_eq!((confirmed.len(), confirmed[0].0, confirmed[0].1.since), (1, 3, Some(at(0))));
    let mut watch = Watch::new(Some(standing));
    assert_eq!(claims(&watch.see(&good(), 5)), [(2, Claim::Available)]);
}

#[test]
fn what_cannot_be_checked_changes_no_word() {
    let unknown = Finding::Unknown("too many open files".to_owned());
    let mut watch = Watch::new(None);
    watch.see(&good(), 2);
    assert_eq!(watch.see(&unknown, 20), []);
    assert_eq!(watch.machine.health(), Health::Unknown);
    watch.see(&bad(), 3);
    assert_eq!(watch.see(&unknown, 20), []);
    assert_eq!(watch.machine.health(), Health::Down, "what stands is not forgotten");
}

#[test]
fn a_monitor_that_keeps_changing_its_mind_stays_closed_until_it_has_been_good_for_a_while() {
    let mut watch = Watch::new(None);
    watch.see(&good(), 2);
    let mut said = Vec::new();
    for _ in 0..20 {
        said.extend(watch.see(&bad(), 3));
        said.extend(watch.see(&good(), 5));
    }
    let opened = said.iter().filter(|(_, speak)| speak.statement.claim == Claim::Available).count();
    assert_eq!(opened, 2, "closed, opened, closed, opened, closed; the sixth change is withheld");
    let last = &said.last().unwrap().1;
    assert_eq!(last.statement.claim, Claim::Unavailable);
    assert!(last.statement.held, "{last:?}");
    assert!(watch.machine.detail().unwrap().contains("changed too often"));
    assert!(last.since.is_some(), "an update of the closing that stands");
    let quiet = watch.see(&good(), 400);
    assert_eq!(claims(&quiet), [(watch.second - 400 + 296, Claim::Available)], "good for 5 minutes");
    // It begins anew afterwards.
    watch.see(&bad(), 3);
    assert_eq!(claims(&watch.see(&good(), 3)).len(), 1);
}

#[test]
fn a_closing_that_keeps_requests_away_is_lifted_when_nothing_is_seen() {
    let silent = Finding::Silent("no requests".to_owned());
    let mut watch = Watch::new(None);
    watch.see(&good(), 2);
    assert_eq!(watch.see(&silent, 5), []);
    assert_eq!(watch.machine.health(), Health::Unknown, "without its own closing, silence is not health");
    watch.see(&bad(), 3);
    assert_eq!(claims(&watch.see(&silent, 5)), [(12, Claim::Available)]);
    let standing = Standing { statement: Statement::plain(Claim::Unavailable, None), since: at(0) };
    let mut watch = Watch::new(Some(standing));
    assert_eq!(claims(&watch.see(&silent, 5)), [(2, Claim::Available)], "the closing of an earlier run, too");
}

#[test]
fn a_word_that_is_gone_from_the_ledger_is_repeated_with_its_beginning() {
    let mut watch = Watch::new(None);
    watch.see(&bad(), 3);
    watch.machine.stamped(at(100));
    assert_eq!(watch.see(&bad(), 5), []);
    watch.machine.lost();
    let again = watch.see(&bad(), 5);
    assert_eq!((again.len(), again[0].1.since), (1, Some(at(100))));
}

#[test]
fn a_standing_advisory_is_confirmed_without_a_word_between() {
    let standing = Standing { statement: Statement::plain(Claim::Degraded, Some("slow".to_owned())), since: at(0) };
    let mut watch = Watch::new(Some(standing.clone()));
    let said = watch.see(&slow(), 10);
    assert_eq!((said.len(), said[0].1.statement.claim, said[0].1.since), (1, Claim::Degraded, Some(at(0))));
    let mut watch = Watch::new(Some(standing));
    assert_eq!(claims(&watch.see(&good(), 5)), [(2, Claim::Available)]);
}

#[test]
fn a_damped_monitor_tells_so_once_however_its_checks_fail() {
    let mut watch = Watch::new(None);
    watch.see(&good(), 2);
    let mut said = Vec::new();
    for round in 0..20 {
        said.extend(watch.see(&Finding::Bad(format!("failure {round}")), 3));
        said.extend(watch.see(&good(), 5));
    }
    assert_eq!(said.len(), 6, "{said:?}");
}

#[test]
fn another_farms_word_is_believed_at_once_and_followed() {
    let told = |back| {
        Finding::Told(Statement {
            claim: Claim::Unavailable,
            reason: Some("planned-maintenance".to_owned()),
            message: Some("Disk upgrade".to_owned()),
            expected_back_at: Some(at(back)),
            held: false,
            origins: Vec::new(),
        })
    };
    let mut watch = Watch::new(None);
    let first = watch.see(&told(100), 3);
    assert_eq!((first.len(), first[0].1.since), (1, None));
    let update = watch.see(&told(200), 3);
    assert_eq!((update.len(), update[0].1.since), (1, Some(at(1))), "an update is no news");
    assert_eq!(claims(&watch.see(&Finding::Told(Statement::plain(Claim::Available, None)), 2)).len(), 1);
}

#[test]
fn a_partner_that_is_away_is_unknown_until_it_counts_as_down() {
    let away = || Finding::Away("The partner cannot be reached".to_owned());
    let told = |claim| Finding::Told(Statement::plain(claim, None));
    let mut watch = Watch::new(None);
    watch.see(&told(Claim::Available), 1);
    assert_eq!(watch.machine.health(), Health::Up);
    assert_eq!((watch.see(&away(), 2), watch.machine.health()), (vec![], Health::Unknown));
    assert_eq!(claims(&watch.see(&away(), 1)), [(4, Claim::Unavailable)]);
    assert_eq!((watch.see(&away(), 5), watch.machine.health()), (vec![], Health::Down));
    assert_eq!(claims(&watch.see(&told(Claim::Available), 1)), [(10, Claim::Available)]);
    // What it has closed stays closed meanwhile.
    assert_eq!(claims(&watch.see(&told(Claim::Unavailable), 1)), [(11, Claim::Unavailable)]);
    assert_eq!((watch.see(&away(), 2), watch.machine.health()), (vec![], Health::Unknown));
    assert_eq!(claims(&watch.see(&told(Claim::Available), 1)), [(14, Claim::Available)]);
}

/// A monitor of one upstream among others: what it says after this finding.
fn beside(watch: &mut Watch, finding: Option<Finding>, serving: Serving) -> Option<Claim> {
    watch.second += 1;
    let now = watch.now();
    let wanted = finding.and_then(|finding| watch.machine.look(finding, now));
    watch.machine.speak_beside(wanted, serving, now).map(|speak| speak.statement.claim)
}

#[test]
fn a_monitor_of_an_upstream_closes_only_when_no_upstream_serves() {
    let mut watch = Watch::new(None);
    let down = |watch: &mut Watch, serving| (0..4).find_map(|_| beside(watch, Some(bad()), serving));
    assert_eq!(down(&mut watch, Serving::Some), None);
    assert_eq!((watch.machine.health(), watch.machine.has_word()), (Health::Down, false));
    // The last of the others goes down: at once, without another check.
    assert_eq!(beside(&mut watch, None, Serving::Unknown), None);
    assert_eq!(beside(&mut watch, None, Serving::None), Some(Claim::Unavailable));
    assert_eq!(beside(&mut watch, Some(bad()), Serving::None), None, "it stands");
    // Another one is back: its own upstream is still down.
    assert_eq!(beside(&mut watch, None, Serving::Some), Some(Claim::Available));
    assert_eq!((watch.machine.health(), watch.machine.has_word()), (Health::Down, false));
    assert_eq!(down(&mut watch, Serving::Some), None);
}

#[test]
fn a_closing_of_an_earlier_run_stands_until_an_upstream_serves() {
    let standing =
        Standing { statement: Statement::plain(Claim::Unavailable, Some("refused".to_owned())), since: at(0) };
    let mut watch = Watch::new(Some(standing.clone()));
    for _ in 0..2 {
        assert_eq!(beside(&mut watch, Some(bad()), Serving::Unknown), None);
    }
    assert_eq!(beside(&mut watch, Some(bad()), Serving::Unknown), Some(Claim::Unavailable), "confirmed");
    let mut watch = Watch::new(Some(standing));
    assert_eq!(beside(&mut watch, Some(bad()), Serving::Some), Some(Claim::Available));
}
