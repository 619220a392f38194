//! Tampering with any part is detected; the signed bytes are pinned; no input causes a panic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const NOW: Moment = Moment::ZERO;
const METHOD: &str = "POST";
const PATH: &str = "/peer/v1/x?y=z";
const TO: &str = "00000000-0000-0000-0000-00000000000c";

fn key() -> Key {
    Key::new("secret")
}

fn sender(millis: i64) -> Sender {
    let identity = Identity { node: NodeId(Uuid::from_u128(0xa)), boot: 3, boot_nonce: 0xabc };
    Sender { identity, time: Moment::from_millis(millis), nonce: Nonce(0xfeed) }
}

fn me() -> Receiver {
    Receiver { node: NodeId(Uuid::from_u128(0xc)), address: "http://c:7070".to_owned() }
}

type Headers = BTreeMap<&'static str, Vec<u8>>;

fn headers(signed: Vec<(&'static str, String)>) -> Headers {
    signed.into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
}

fn signed(sender: &Sender) -> Headers {
    headers(key().sign_request(sender, TO, METHOD, PATH, b"body"))
}

fn verify(headers: &Headers, method: &str, path: &str, me: &Receiver, now: Moment) -> Result<Sender, Refusal> {
    key().verify_request(|name| headers.get(name).map(Vec::as_slice), method, path, me, now).map(|claim| claim.sender)
}

fn at(headers: &Headers, millis: i64) -> Result<Sender, Refusal> {
    verify(headers, METHOD, PATH, &me(), Moment::from_millis(millis))
}

#[test]
fn what_is_signed_is_pinned() {
    // computed by another implementation (Python's hmac): nodes of different versions must agree
    let request = signed(&sender(1_000_000));
    assert_eq!(request[SIGNATURE], b"27db7bd02e883e5689acdcb08cf9c2be6f0321273f7c6611fe420970e689ddc9");
    assert_eq!(request[NODE], b"00000000-0000-0000-0000-00000000000a");
    assert_eq!(request[BOOT_NONCE], b"0000000000000abc");
    let answer = headers(key().sign_answer(sender(0).identity.node, Nonce(0xfeed), 200, b"answer"));
    assert_eq!(answer[SIGNATURE], b"0e40d26c18b5f53be01e3c2cfa6bdefaf899da14a90db25435528e26e89a244e");
    assert!(!format!("{:?}", key()).contains("secret"));
}

#[test]
fn the_sender_is_known_and_each_part_counts() {
    let good = signed(&sender(1_000));
    assert_eq!(at(&good, 0), Ok(sender(1_000)));
    assert_eq!(verify(&good, "PUT", PATH, &me(), NOW), Err(Refusal::Forged));
    assert_eq!(verify(&good, METHOD, "/peer/v1/x?y=a", &me(), NOW), Err(Refusal::Forged));
    // moving a border between two fields is noticed as well
    assert_eq!(verify(&good, "POST/", &PATH[1..], &me(), NOW), Err(Refusal::Forged));
    let changed = [
        (NODE, "00000000-0000-0000-0000-00000000000b".to_owned()),
        (BOOT, "4".to_owned()),
        (BOOT_NONCE, "0000000000000abd".to_owned()),
        (TIME, "1001".to_owned()),
        (NONCE, format!("{:032x}", 0xfeee)),
        (super::TO, me().address),
        (LENGTH, "5".to_owned()),
        (HASH, Promise::of(b"bodY").hex()),
        (SIGNATURE, "0".repeat(64)),
    ];
    for (name, value) in changed {
        let mut bad = good.clone();
        bad.insert(name, value.into_bytes());
        assert_eq!(at(&bad, 0), Err(Refusal::Forged), "{name}");
        bad.remove(name);
        assert_eq!(at(&bad, 0), Err(Refusal::Missing(name)));
    }
    let look = |name: &'static str| good.get(name).map(Vec::as_slice);
    assert_eq!(Key::new("Secret").verify_request(look, METHOD, PATH, &me(), NOW), Err(Refusal::Forged));
    let claim = key().verify_request(look, METHOD, PATH, &me(), NOW).unwrap();
    assert_eq!(claim.body, Promise::of(b"body"));
}

#[test]
fn a_request_is_good_at_the_node_that_it_is_for() {
    let at_node = |to: &str, me: &Receiver| {
        let headers = headers(key().sign_request(&sender(0), to, METHOD, PATH, b""));
        verify(&headers, METHOD, PATH, me, NOW)
    };
    let other = Receiver { node: NodeId(Uuid::from_u128(0xd)), address: "http://d:7070".to_owned() };
    for to in [TO, "http://c:7070"] {
        assert!(at_node(to, &me()).is_ok());
        let refusal = at_node(to, &other).unwrap_err();
        assert_eq!(refusal, Refusal::Elsewhere { to: to.to_owned(), me: other.address.clone() });
        assert!(refusal.to_string().contains("control.advertise"));
    }
}

#[test]
fn headers_have_one_form() {
    let malformed = [
        (NODE, "0000000000000000000000000000000a"),
        (NODE, "{00000000-0000-0000-0000-00000000000a}"),
        (BOOT, "+3"),
        (BOOT, ""),
        (BOOT, "18446744073709551616"),
        (BOOT_NONCE, "abc"),
        (TIME, "-1"),
        (TIME, "253402300800000"),
        (TIME, "18446744073709551615"),
        (LENGTH, "-1"),
        (HASH, "00"),
        (NONCE, "feed"),
        (SIGNATURE, "é"),
    ];
    for (name, value) in malformed {
        let mut bad = signed(&sender(1_000));
        bad.insert(name, value.as_bytes().to_vec());
        assert_eq!(at(&bad, 0), Err(Refusal::Malformed(name)), "{value}");
    }
}

#[test]
fn the_window_has_edges_on_both_sides() {
    let good = signed(&sender(1_000_000));
    assert!(at(&good, 700_000).is_ok() && at(&good, 1_300_000).is_ok());
    assert_eq!(at(&good, 699_999), Err(Refusal::Clock { skew_ms: 300_001 }));
    assert_eq!(at(&good, 1_300_001), Err(Refusal::Clock { skew_ms: -300_001 }));
    let text = at(&good, 1_412_000).unwrap_err().to_string();
    assert!(text.starts_with("clock more than 300 s apart: 412 s (the sender's is behind)"), "{text}");
    // a forger learns nothing about the clock
    let mut forged = good.clone();
    forged.insert(SIGNATURE, vec![b'0'; 64]);
    assert_eq!(at(&forged, 9_000_000), Err(Refusal::Forged));
}

#[test]
fn answers_are_bound_to_their_request() {
    let (key, node, nonce) = (key(), NodeId(Uuid::from_u128(1)), Nonce(7));
    let good = headers(key.sign_answer(node, nonce, 200, b"yes"));
    let check = |h: &Headers, nonce, status, body: &[u8]| {
        key.verify_answer(|name| h.get(name).map(Vec::as_slice), nonce, status, body)
    };
    assert_eq!(check(&good, nonce, 200, b"yes"), Ok(node));
    assert_eq!(check(&good, Nonce(8), 200, b"yes"), Err(Refusal::Forged));
    assert_eq!(check(&good, nonce, 204, b"yes"), Err(Refusal::Forged));
    assert_eq!(check(&good, nonce, 200, b""), Err(Refusal::Forged));
    let mut other = good.clone();
    other.insert(NODE, Uuid::from_u128(2).to_string().into_bytes());
    assert_eq!(check(&other, nonce, 200, b"yes"), Err(Refusal::Forged));
    other.remove(SIGNATURE);
    assert_eq!(check(&other, nonce, 200, b"yes"), Err(Refusal::Missing(SIGNATURE)));
}

const NAMES: [&str; 9] = [NODE, BOOT, BOOT_NONCE, TIME, NONCE, super::TO, LENGTH, HASH, SIGNATURE];

/// Any bytes, and often ones that nearly have the right form.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "[0-9]{0,24}".prop_map(String::into_bytes),
        "[0-9a-fA-F]{16}|[0-9a-f]{32}|[0-9a-f]{64}".prop_map(String::into_bytes),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn strangers_neither_get_in_nor_panic_us(
        values in prop::collection::vec(prop::option::weighted(0.9, value()), 9),
        body in prop::collection::vec(any::<u8>(), 0..64),
        method in ".{0,8}", path in ".{0,32}", millis in any::<i64>(), nonce in any::<u128>(), status in any::<u16>(),
    ) {
        let names = NAMES;
        let headers: Headers = names.into_iter().zip(values).filter_map(|(n, v)| Some((n, v?))).collect();
        let refusal = verify(&headers, &method, &path, &me(), Moment::from_millis(millis)).unwrap_err();
        prop_assert!(!refusal.to_string().is_empty());
        let lookup = |name: &'static str| headers.get(name).map(Vec::as_slice);
        prop_assert!(key().verify_answer(lookup, Nonce(nonce), status, &body).is_err());
    }

    #[test]
    fn one_changed_header_is_noticed(which in 0..NAMES.len(), byte in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut headers = signed(&sender(1_000));
        let name = NAMES[which];
        let value = headers.get_mut(name).unwrap();
        let at_byte = byte.index(value.len());
        let before = value.clone();
        value[at_byte] ^= flip;
        // an upper-case digit is the same digit
        prop_assume!(!value.eq_ignore_ascii_case(&before));
        prop_assert!(at(&headers, 0).is_err());
    }

    #[test]
    fn whatever_is_signed_is_believed(
        secret in ".{0,100}", method in ".{0,8}", path in ".{0,32}",
        body in prop::collection::vec(any::<u8>(), 0..64),
        node in any::<u128>(), boot in any::<u64>(), boot_nonce in any::<u64>(), nonce in any::<u128>(), millis in any::<i64>(),
    ) {
        let identity = Identity { node: NodeId(Uuid::from_u128(node)), boot, boot_nonce };
        let sender = Sender { identity, time: Moment::from_millis(millis), nonce: Nonce(nonce) };
        let key = Key::new(&secret);
        let headers = headers(key.sign_request(&sender, TO, &method, &path, &body));
        let seen = key.verify_request(|n| headers.get(n).map(Vec::as_slice), &method, &path, &me(), sender.time);
        prop_assert_eq!(seen, Ok(Claim { sender, body: Promise::of(&body) }));
    }
}

#[test]
fn while_the_secret_changes_every_pair_of_nodes_understands_each_other() {
    let (old, new) = (Key::new("the old secret"), Key::new("the new secret"));
    let both = new.clone().with_previous("the old secret");
    let signed = |key: &Key| headers(key.sign_request(&sender(0), TO, METHOD, PATH, b"body"));
    let asks = |from: &Key, to: &Key| {
        let headers = signed(from);
        to.verify_request(|name| headers.get(name).map(Vec::as_slice), METHOD, PATH, &me(), NOW).map(drop)
    };
    let answers = |from: &Key, to: &Key| {
        let headers = headers(from.sign_answer(sender(0).identity.node, Nonce(7), 200, b"yes"));
        to.verify_answer(|name| headers.get(name).map(Vec::as_slice), Nonce(7), 200, b"yes").map(drop)
    };
    for (one, other) in [(&old, &both), (&both, &both), (&both, &new)] {
        for (from, to) in [(one, other), (other, one)] {
            assert_eq!((asks(from, to), answers(from, to)), (Ok(()), Ok(())));
        }
    }
    assert_eq!((asks(&old, &new), answers(&new, &old)), (Err(Refusal::Forged), Err(Refusal::Forged)));
    // An invalid second signature lets nobody in, and does not hide a malformed first one.
    let mut broken = signed(&old);
    broken.insert(super::SIGNATURE_TOO, b"zz".to_vec());
    let look = |name: &'static str| broken.get(name).map(Vec::as_slice);
    assert_eq!(new.verify_request(look, METHOD, PATH, &me(), NOW), Err(Refusal::Malformed(super::SIGNATURE_TOO)));
}
