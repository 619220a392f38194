//! Random byte streams through the parts that read HTTP/1.1, compared with three others: with themselves when fed in
//! one piece, with a slow and obvious reading ([`reference`]), and with hyper ([`hyper_reads`]).
//!
//! And no smuggling: what is forwarded for each request is read by the strict reading as exactly one request, the
//! one that was decided. `FOREWARN_FUZZ=1000000` says how many streams are tried.
//!
//! Differences that are meant, where the gate refuses what hyper takes: a missing or second Host, HTTP/1.0 with
//! chunked, a transfer coding beside chunked, Content-Length beside Transfer-Encoding or twice, more than 16 options in
//! Connection, white space behind a chunk size without an extension, a target beyond 8 KiB. Where hyper refuses what
//! the gate takes: targets that are no URI by its book (`/<x>`); what it makes of those is not compared.

#[path = "../../fuzz/driver.rs"]
mod driver;
mod frames;
mod generate;
mod hyper_reads;
mod machine;
mod reference;

use proptest::{prelude::*, test_runner::Config};

use self::{
    generate::{splits, streams},
    machine::{End, read},
};

fn config() -> Config {
    let cases = std::env::var("FOREWARN_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn splits_make_no_difference(stream in streams(), splits in splits()) {
        let whole = read(&stream, &[]);
        let pieces = read(&stream, &splits);
        prop_assert_eq!(&whole.requests, &pieces.requests);
        prop_assert_eq!(whole.end, pieces.end);
    }

    #[test]
    fn the_obvious_reading_is_the_same(stream in streams(), splits in splits()) {
        let ours = read(&stream, &splits);
        let (requests, end) = reference::requests(&stream, reference::Manner::Lenient);
        let got: Vec<_> = ours.requests.iter().map(|one| (one.method.as_str(), one.target.as_str(), &*one.body)).collect();
        let wanted: Vec<_> = requests.iter().map(|one| (one.method.as_str(), one.target.as_str(), &*one.body)).collect();
        prop_assert_eq!(got, wanted);
        match (ours.end, end) {
            // What is malformed already is refused before it has ended.
            (End::Refused, End::Open) => {}
            (ours, obvious) => prop_assert_eq!(ours, obvious),
        }
    }

    #[test]
    fn what_is_forwarded_is_one_request_the_one_that_was_decided(stream in streams(), splits in splits()) {
        for one in read(&stream, &splits).requests {
            let (seen, end) = reference::requests(&one.forwarded, reference::Manner::Strict);
            prop_assert_eq!(end, End::Open, "{}", String::from_utf8_lossy(&one.forwarded));
            prop_assert_eq!(seen.len(), 1, "{}", String::from_utf8_lossy(&one.forwarded));
            prop_assert_eq!(&seen[0].method, &one.method);
            prop_assert_eq!(&seen[0].body, &one.body);
            prop_assert!(one.target.ends_with(&seen[0].target) || seen[0].target.starts_with('/'));
        }
    }

    #[test]
    fn hyper_reads_the_same(stream in streams()) {
        let ours = read(&stream, &[]).requests;
        let theirs = hyper_reads::requests(&stream);
        for (at, one) in ours.iter().enumerate() {
            let Some(other) = theirs.get(at) else {
                // It is stricter about targets; and it says nothing about a request whose body it could not read.
                prop_assert!(hyper_reads::is_beyond(&one.target), "hyper does not see {one:?}");
                break;
            };
            prop_assert_eq!((&one.method, &one.body), (&other.method, &other.body));
        }
    }
}

#[test]
fn the_readings_find_what_is_there() {
    let stream = b"\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n\
        GET /b HTTP/1.1\r\nHost: h\r\nConnection: x\r\nX: 1\r\n\r\nPOST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiGARBAGE\r\n";
    for splits in [&[][..], &[1; 400], &[7; 60]] {
        let ours = read(stream, splits);
        let seen: Vec<_> = ours.requests.iter().map(|one| (&*one.target, &*one.body)).collect();
        assert_eq!(seen, [("/a?b", &b"abc"[..]), ("/b", b""), ("/c", b"hi")]);
        assert_eq!(ours.end, End::Refused);
        let forwarded = String::from_utf8_lossy(&ours.requests[0].forwarded).into_owned();
        assert!(forwarded.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"), "{forwarded}");
    }
    assert_eq!(hyper_reads::requests(stream).len(), 3);
    assert_eq!(reference::requests(stream, reference::Manner::Lenient).0.len(), 3);
}
