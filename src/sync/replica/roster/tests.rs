//! Members, names and copies, without a replica around them.
#![allow(clippy::unwrap_used)]

use super::*;

fn id(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

fn member(i: u128, changed: i64) -> Member {
    Member {
        id: id(i),
        name: format!("n{i}").parse().unwrap(),
        address: format!("http://n{i}"),
        changed: Moment::from_millis(changed),
        since: Moment::from_millis(5),
        forgotten: false,
        definitions: BTreeMap::new(),
        zone_data: String::new(),
    }
}

fn roster() -> Roster {
    let mut roster = Roster::new(member(1, 5), vec![(id(7), 3, 30)]);
    roster.admit(member(2, 5));
    roster
}

#[test]
fn the_later_record_stays_and_being_forgotten_is_for_good() {
    let mut roster = roster();
    assert!(!roster.is_news(&member(2, 5)) && roster.is_news(&member(2, 6)) && roster.is_news(&member(3, 0)));
    roster.bury(Member { forgotten: true, ..member(2, 4) });
    assert!(!roster.is_news(&member(2, 999)), "no clock brings it back");
    assert!(roster.is_forgotten(&id(2)) && !roster.has(&id(2)));
    assert_eq!((roster.members().count(), roster.others().count()), (1, 1));
    assert_eq!(roster.name_of(&id(2)), "n2");
    assert!(roster.beyond(&[member(1, 5)]).iter().all(|member| member.forgotten));
}

#[test]
fn an_older_run_and_another_one_of_the_same_number_are_copies() {
    let mut roster = roster();
    assert_eq!(roster.run(id(7), 2, 30), Run::Old);
    assert_eq!(roster.run(id(7), 3, 31), Run::Old);
    assert_eq!(roster.run(id(7), 3, 30), Run::Known);
    assert_eq!(roster.run(id(7), 4, 9), Run::New);
    assert_eq!(roster.run(id(7), 3, 30), Run::Old);
}

#[test]
fn of_two_with_one_name_the_later_one_gives_way() {
    let mut roster = roster();
    let named = |i: u128, since: i64, name: &str| Member {
        name: name.parse().unwrap(),
        since: Moment::from_millis(since),
        ..member(i, 5)
    };
    assert_eq!(roster.holder_before(&named(9, 6, "n2")).unwrap().id, id(2));
    assert!(roster.holder_before(&named(9, 4, "n2")).is_none(), "it had the name before");
    // the same place under a new identity: its store was renewed
    let renewed = Member { address: "http://n2".to_owned(), ..named(9, 6, "n2") };
    assert!(roster.holder_before(&renewed).is_none());
    assert_eq!(roster.former(&renewed, None).len(), 1);
    assert!(roster.former(&renewed, Some(Moment::from_millis(5))).is_empty(), "its record is no earlier");
    assert!(roster.must_give_way_to(&named(9, 4, "n1")) && !roster.must_give_way_to(&named(9, 6, "n1")));
    roster.admit(named(8, 1, "n2"));
    assert_eq!(roster.find("n2").unwrap().0, id(2), "of several the one that took the name last");
}

#[test]
fn strangers_are_addresses_without_a_member_and_members_by_hearsay() {
    let mut roster = roster();
    let configured = ["http://n1", "http://n2", "http://n3", "http://alias"].map(str::to_owned);
    for address in &configured {
        assert_eq!(roster.expect(address).is_some(), !["http://n1", "http://n2"].contains(&address.as_str()));
    }
    assert_eq!(roster.strangers(&configured), ["http://n3", "http://alias", "http://n2"]);
    assert!(roster.announced(&id(2), "ready") && !roster.announced(&id(2), "ready"));
    roster.answered_at("http://alias", id(2));
    assert_eq!(roster.strangers(&configured), ["http://n3"]);
    assert!(roster.remove(&stand_in("http://n3")) && !roster.remove(&stand_in("http://n3")));
}

#[test]
fn a_record_of_this_node_that_is_later_than_its_own_is_outdone() {
    let mut roster = roster();
    assert!(!roster.outdo(&member(1, 5)), "the same");
    assert!(roster.outdo(&member(1, 9)));
    assert_eq!(roster.own().changed, Moment::from_millis(10));
    assert!(!roster.outdo(&Member { changed: Moment::MAX, ..member(1, 0) }), "nothing comes after the end of time");
}

#[test]
fn names_and_digests_follow_from_the_records() {
    let mut roster = roster();
    let named = |i: u128, name: &str, changed| Member { name: name.parse().unwrap(), ..member(i, changed) };
    roster.expect("http://n9");
    roster.admit(named(3, "x", 5));
    roster.admit(named(3, "y", 6));
    roster.admit(named(4, "y", 5));
    roster.bury(Member { forgotten: true, ..named(4, "y", 9) });
    roster.bury(Member { forgotten: true, ..named(4, "y", 12) });
    roster.remove(&stand_in("http://n9"));
    let mut again = Roster::new(roster.own().clone(), Vec::new());
    for member in roster.others() {
        if member.forgotten { again.bury(member.clone()) } else { again.admit(member.clone()) }
    }
    assert_eq!(roster.membership(), again.membership());
    let knows = |name: &str| roster.knows_name(&name.parse().unwrap());
    assert_eq!(["n1", "n2", "x", "y"].map(knows), [true, true, false, true]);
    assert_eq!(roster.named(&"y".parse().unwrap()).map(|member| member.id).collect::<Vec<_>>(), [id(3)]);
}
