//! Every probe against a real thing that fails in every way that a monitor has to tell apart.

#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer};

use super::{Probe, command::Command, farm::Partner, http::Http, tcp::Tcp};
use crate::{
    availability::{Glob, Reasons},
    monitor::{Claim, CommandCheck, FarmCheck, Finding, HttpCheck, TcpCheck},
    vocabulary::FarmId,
};

/// Far more than any check here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// What ends a check that would go on for ever.
const SHORT: Duration = Duration::from_millis(300);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What a probe finds within this time; nothing, if it goes on.
fn found(probe: &dyn Probe, within: Duration) -> Option<Finding> {
    block_on(async { tokio::time::timeout(within, probe.check(false)).await.ok() })
}

#[track_caller]
fn good(probe: &dyn Probe) {
    let found = found(probe, LONG);
    assert!(matches!(found, Some(Finding::Good { .. })), "{found:?}");
}

#[track_caller]
fn bad(probe: &dyn Probe, part: &str) {
    let found = found(probe, LONG);
    assert!(matches!(&found, Some(Finding::Bad(text)) if text.contains(part)), "{part}: {found:?}");
}

/// A server that does this with every connection, each on a thread; it ends with the process.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// The head of a request.
fn head(stream: &mut impl std::io::Read) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A web server with this answer to every request.
fn web(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let head = head(&mut stream);
        stream.write_all(answer(&head).as_bytes()).ok();
    })
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn check(url: &str) -> HttpCheck {
    HttpCheck {
        url: url.parse().unwrap(),
        method: http::Method::GET,
        headers: Vec::new(),
        expect_status: Default::default(),
        expect_body: None,
        redirects: 5,
        roots: None,
    }
}

fn http(check: &HttpCheck) -> Http {
    Http::new(check, &"mail".parse().unwrap())
}

fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn statuses_bodies_methods_and_headers_are_as_expected() {
    let web = web(|head| match head.split(' ').nth(1).unwrap() {
        "/500" => answer("500 Oh", "x"),
        "/echo?a=b" => answer("200 OK", head),
        _ => answer("200 OK", "all is well"),
    });
    let url = |path: &str| format!("http://{web}{path}");
    good(&http(&check(&url("/"))));
    bad(&http(&check(&url("/500"))), "Answered 500 instead of 200-399");
    good(&http(&HttpCheck { expect_status: "500".parse().unwrap(), ..check(&url("/500")) }));
    let expecting =
        |glob: &str, path: &str| HttpCheck { expect_body: Some(Glob::new(glob).unwrap()), ..check(&url(path)) };
    good(&http(&expecting("*is well", "/")));
    bad(&http(&expecting("*is ill*", "/")), "unexpected body");
    let header = |name: &'static str, value| (name.parse().unwrap(), http::HeaderValue::from_static(value));
    let sent = HttpCheck {
        method: http::Method::POST,
        headers: vec![header("host", "mail.example"), header("x-key", "7")],
        ..expecting("POST /echo[?]a=b HTTP/1.1*host: mail.example*user-agent: forewarn/*x-key: 7*", "/echo?a=b")
    };
    good(&http(&sent));
}

#[test]
fn servers_that_do_not_answer_are_bad() {
    bad(&http(&check(&format!("http://{}/", refusing()))), "No connection: Connection refused");
    bad(&http(&check("http://no-such-host.invalid/")), "No connection");
    let closing = server(|mut stream| drop(head(&mut stream)));
    bad(&http(&check(&format!("http://{closing}/"))), "closed before an answer");
    let resetting = server(|mut stream| {
        // Unread bytes make the system reset the connection.
        stream.read_exact(&mut [0]).ok();
    });
    bad(&http(&check(&format!("http://{resetting}/"))), "");
    let odd = server(|mut stream| {
        head(&mut stream);
        stream.write_all(b"220 mail.example ESMTP\r\n").ok();
    });
    bad(&http(&check(&format!("http://{odd}/"))), "not HTTP");
    let endless = server(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").ok();
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    });
    bad(&http(&check(&format!("http://{endless}/"))), "not HTTP");
    let cut = server(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx").ok();
    });
    let expecting = HttpCheck { expect_body: Some(Glob::new("*").unwrap()), ..check(&format!("http://{cut}/")) };
    bad(&http(&expecting), "");
}

#[test]
fn servers_that_hang_or_drip_are_ended_by_the_time_out() {
    let hanging = server(|mut stream| {
        head(&mut stream);
        stream.read_exact(&mut [0]).ok();
    });
    assert_eq!(found(&http(&check(&format!("http://{hanging}/"))), SHORT), None);
    let dripping = server(|mut stream| {
        while stream.write_all(b"H").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let found = found(&http(&check(&format!("http://{dripping}/"))), SHORT);
    assert!(!matches!(found, Some(Finding::Good { .. })), "{found:?}");
}

#[test]
fn a_body_without_an_end_is_read_to_its_bound() {
    let endless = server(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let url = format!("http://{endless}/");
    good(&http(&HttpCheck { expect_body: Some(Glob::new("x*").unwrap()), ..check(&url) }));
    bad(&http(&HttpCheck { expect_body: Some(Glob::new("y*").unwrap()), ..check(&url) }), "unexpected body");
}

#[test]
fn redirections_are_followed_but_not_in_a_circle() {
    let target = web(|head| match head.contains("x-key") {
        true => answer("500 Told", ""),
        false => answer("200 OK", "there"),
    });
    let web = web(move |head| {
        let to = match head.split(' ').nth(1).unwrap() {
            "/circle" => "/circle".to_owned(),
            "/away" => format!("http://{target}/"),
            "/relative/x" => "../end".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            _ => return answer("200 OK", "end"),
        };
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
    });
    let url = |path: &str| format!("http://{web}{path}");
    bad(&http(&check(&url("/circle"))), "Redirected more than 5 times");
    bad(&http(&check(&url("/file"))), "no http address");
    let end = |path: &str, body: &str| HttpCheck { expect_body: Some(Glob::new(body).unwrap()), ..check(&url(path)) };
    good(&http(&end("/relative/x", "end")));
    let key = ("x-key".parse().unwrap(), http::HeaderValue::from_static("secret"));
    good(&http(&HttpCheck { headers: vec![key], ..end("/away", "there") }));
    good(&http(&HttpCheck { redirects: 0, expect_status: "302".parse().unwrap(), ..check(&url("/circle")) }));
}

/// A server with a certificate for `localhost` of this authority, valid in these years.
fn secure(authority: &CertifiedIssuer<'static, KeyPair>, years: [i32; 2]) -> SocketAddr {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years[0], 1, 1), date_time_ymd(years[1], 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    server(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        if !head(&mut stream).is_empty() {
            let open = r#"{"available": true, "farm": "b2"}"#;
            stream.write_all(answer("200 OK", open).as_bytes()).ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
        }
    })
}

#[test]
fn certificates_are_verified() {
    let authority = |_| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let [ours, other] = [0, 1].map(authority);
    let mut roots = RootCertStore::empty();
    roots.add(ours.der().clone()).unwrap();
    let roots = Some(Arc::new(roots));
    let at = |address: SocketAddr, host: &str| HttpCheck {
        roots: roots.clone(),
        ..check(&format!("https://{host}:{}/", address.port()))
    };
    let valid = secure(&ours, [2020, 2100]);
    good(&http(&at(valid, "localhost")));
    bad(&http(&at(valid, "127.0.0.1")), "No TLS: invalid peer certificate: certificate not valid for name");
    bad(&http(&at(secure(&ours, [2020, 2021]), "localhost")), "certificate expired");
    bad(&http(&at(secure(&other, [2020, 2100]), "localhost")), "No TLS: invalid peer certificate");
    bad(&http(&HttpCheck { roots: None, ..at(valid, "localhost") }), "No TLS: invalid peer certificate");
    let plain = server(|mut stream| drop(stream.write_all(b"220 not TLS\r\n")));
    bad(&http(&at(plain, "localhost")), "No TLS");
    // Another farm's likewise.
    let partner = |address: SocketAddr, roots: &Option<Arc<RootCertStore>>| {
        let url = |path: &str| format!("https://localhost:{}/.forewarn/{path}", address.port()).parse().unwrap();
        let (reasons, roots) = (Arc::new(Reasons::with([])), roots.clone());
        let check = FarmCheck { url: url("availability/x"), events: url("events?application=x"), roots, reasons };
        Partner::new(&check, FarmId { id: "a1".to_owned(), previous: None }, LONG, LONG)
    };
    let told = found(&partner(valid, &roots), LONG);
    assert!(matches!(&told, Some(Finding::Told(said)) if said.claim == Claim::Available), "{told:?}");
    bad(&partner(secure(&ours, [2020, 2021]), &roots), "certificate expired");
    bad(&partner(secure(&other, [2020, 2100]), &roots), "No TLS with the partner: invalid peer certificate");
    bad(&partner(valid, &None), "No TLS with the partner: invalid peer certificate");
}

#[test]
fn tcp_is_good_where_somebody_accepts() {
    let at = |address: SocketAddr| Tcp::new(&TcpCheck { host: address.ip().to_string(), port: address.port() });
    good(&at(server(drop)));
    bad(&at(refusing()), "No connection: Connection refused");
}

fn shell(script: &str) -> Command {
    Command::new(&CommandCheck { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), script.to_owned()] })
}

#[test]
fn a_command_tells_by_its_exit_status_and_its_last_line() {
    good(&shell("echo fine"));
    bad(&shell("echo one; echo two >&2; echo; exit 2"), "two");
    bad(&shell("exit 3"), "exit status 3");
    bad(&shell("kill -9 $$"), "signal 9");
    bad(&shell("printf 'a\\033[31mred'; exit 1"), "a[31mred");
    let missing = Command::new(&CommandCheck { program: "/no/such/program".to_owned(), arguments: Vec::new() });
    let found = found(&missing, LONG);
    assert!(matches!(&found, Some(Finding::Unknown(text)) if text.contains("No such file")), "{found:?}");
}

#[test]
fn a_command_that_prints_without_end_is_ended() {
    bad(&shell("exec cat /dev/zero"), "more than 1 MiB");
    bad(&shell("yes forewarn"), "more than 1 MiB");
    // Less than that is read without waiting for whoever reads.
    good(&shell("head -c 1000000 /dev/zero"));
}

/// Whether a process with this number runs. A zombie does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn wait_until_gone(pid: &str) {
    let begun = std::time::Instant::now();
    while runs(pid) {
        assert!(begun.elapsed() < LONG, "{pid} still runs");
        thread::yield_now();
    }
}

#[test]
fn nothing_of_a_command_outlives_its_check() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let pids = || std::fs::read_to_string(&file).unwrap_or_default();
    // Never ends, has children, and they ignore what asks them to end.
    let script = format!(
        "trap '' TERM HUP INT; (trap '' TERM; sleep 1000) & echo $! >> {0:?}; echo $$ >> {0:?}; sleep 1000",
        file
    );
    let begun = std::time::Instant::now();
    let never = shell(&script);
    while pids().lines().count() < 2 {
        assert!(begun.elapsed() < LONG, "the command does not start");
        std::fs::write(&file, "").unwrap();
        assert_eq!(found(&never, Duration::from_millis(500)), None);
    }
    pids().lines().for_each(wait_until_gone);
    // Ends, and leaves a child that holds its output.
    std::fs::write(&file, "").unwrap();
    let leaving = shell(&format!("sleep 1000 & echo $! > {file:?}; echo done; exit 1"));
    bad(&leaving, "done");
    pids().lines().for_each(wait_until_gone);
}
