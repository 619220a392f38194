//! Partners that send without end.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::*;
use crate::{availability::Reasons, monitor::Claim};

const OPEN: &str = "{\"available\": true, \"farm\": \"b2\"}";

/// A partner that serves each request by its path; it ends with the process.
fn partner(serve: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            thread::spawn(move || {
                let mut head = [0; 4_096];
                let read = stream.read(&mut head).unwrap_or(0);
                let path = String::from_utf8_lossy(&head[..read]).split(' ').nth(1).unwrap_or_default().to_owned();
                serve(&path, &mut stream);
            });
        }
    });
    address
}

fn answer(stream: &mut TcpStream, body: &str) {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok();
}

fn asks(address: SocketAddr, every: Duration) -> Partner {
    let url = |path: &str| format!("http://{address}/.forewarn/{path}").parse().unwrap();
    let reasons = Arc::new(Reasons::with([]));
    let check = FarmCheck { url: url("availability/x"), events: url("events?application=x"), roots: None, reasons };
    Partner::new(&check, FarmId { id: "a1".to_owned(), previous: None }, every, Duration::from_secs(20))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn an_answer_without_end_is_bad_and_costs_little() {
    let endless = partner(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\n\r\n{{\"available\": true, \"x\": \"").ok();
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let found = block_on(asks(endless, Duration::from_secs(5)).check(false));
    assert!(matches!(&found, Finding::Bad(problem) if problem.contains("was not read")), "{found:?}");
}

#[test]
fn what_is_no_availability_is_bad() {
    for (status, body, part) in [
        ("404 Not Found", OPEN, "no such application"),
        ("500 Oh", OPEN, "answered 500"),
        ("302 Found", OPEN, "answered 302"),
        ("200 OK", "<html>", "is not the availability"),
    ] {
        let odd = partner(move |_, stream| {
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok();
        });
        let found = block_on(asks(odd, Duration::from_secs(5)).check(false));
        assert!(matches!(&found, Finding::Bad(problem) if problem.contains(part)), "{part}: {found:?}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = block_on(asks(nobody, Duration::from_secs(5)).check(false));
    assert!(matches!(&found, Finding::Bad(problem) if problem.contains("cannot be reached")), "{found:?}");
}

#[test]
fn an_answer_to_a_check_opens_the_stream_at_once() {
    let is_there = Arc::new(AtomicUsize::new(0));
    let there = Arc::clone(&is_there);
    let late = partner(move |path, stream| match (there.load(Ordering::SeqCst), path.contains("/availability/")) {
        (0, _) => {}
        (_, true) => answer(stream, OPEN),
        (_, false) => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").ok();
            thread::sleep(Duration::from_secs(60));
        }
    });
    let asker = asks(late, Duration::from_secs(3_600)).0;
    let follower = Follower { pause: Duration::from_secs(3_600), ..Follower::new(Rc::clone(&asker)) };
    let check = Partner(asker);
    block_on(async {
        let mut next = std::pin::pin!(follower.next());
        assert!(timeout(Duration::from_millis(500), &mut next).await.is_err(), "the partner is away");
        is_there.store(1, Ordering::SeqCst);
        assert!(matches!(check.check(false).await, Finding::Told(_)));
        assert!(timeout(Duration::from_secs(30), next).await.unwrap().is_some());
    });
}

#[test]
fn an_event_a_millisecond_asks_a_few_times_and_no_more() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let busy = partner(move |path, stream| {
        if path.contains("/availability/") {
            counts.fetch_add(1, Ordering::SeqCst);
            return answer(stream, OPEN);
        }
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").ok();
        while write!(stream, "event: availability\ndata: {{}}\n\n").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    // In an hour there is one look more than at once.
    let mut findings = asks(busy, Duration::from_secs(3_600)).follow().unwrap();
    let mut told = 0;
    block_on(async {
        while told < LOOKS {
            assert!(matches!(findings.next().await, Some(Finding::Told(said)) if said.claim == Claim::Available));
            told += 1;
        }
        assert!(timeout(Duration::from_millis(500), findings.next()).await.is_err(), "one look too many");
    });
    assert_eq!(asked.load(Ordering::SeqCst), usize::try_from(LOOKS).unwrap());
}

#[test]
fn a_stream_that_is_too_fast_is_left() {
    let flooding = partner(|path, stream| {
        if path.contains("/availability/") {
            return answer(stream, OPEN);
        }
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").ok();
        while stream.write_all(&[b':', b'\n', b'\n', b'\n'].repeat(4_096)).is_ok() {}
    });
    let asker = asks(flooding, Duration::from_secs(5)).0;
    let problem = block_on(async {
        let mut follower = Follower::new(asker);
        follower.wait().await.unwrap();
        follower.wait().await.unwrap_err()
    });
    assert!(problem.contains("too fast"), "{problem}");
}
