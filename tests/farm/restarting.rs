//! A node that inherits its sockets restarts and reads its configuration again, and nobody notices.

use std::{
    net::TcpListener,
    os::unix::net::UnixDatagram,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Farm, Node, TOKEN};

/// The longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program that stands behind it, in place of the one that the node would run.
const INSTEAD: &str = r#"shift; exec "$0" "$@""#;

/// Asks once; the answer, which must be the application's.
async fn ask(stream: &mut TcpStream) -> String {
    let asking = async {
        stream.write_all(b"GET /directory HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        // The upstream's answer is a small one with a length.
        while !crate::reloading::is_whole(&answer) {
            let n = stream.read_buf(&mut answer).await.unwrap();
            assert!(n > 0, "the connection was closed: {}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap()
    };
    let answer = timeout(PATIENCE, asking).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Asks until it is done, on one connection as long as the gate keeps it.
async fn stays(node: &Node, done: &AtomicBool) -> (usize, usize) {
    let (mut asked, mut connections) = (0, 1);
    let mut stream = TcpStream::connect(node.gate).await.unwrap();
    while !done.load(Ordering::Relaxed) {
        let answer = ask(&mut stream).await.to_ascii_lowercase();
        asked += 1;
        if answer.contains("\r\nconnection: close\r\n") {
            stream = TcpStream::connect(node.gate).await.unwrap();
            connections += 1;
        }
    }
    (asked, connections)
}

/// Asks until it is done, each time on a new connection.
async fn comes_anew(node: &Node, done: &AtomicBool) -> usize {
    let mut asked = 0;
    while !done.load(Ordering::Relaxed) {
        ask(&mut TcpStream::connect(node.gate).await.unwrap()).await;
        asked += 1;
    }
    asked
}

#[tokio::test]
async fn no_request_fails_while_a_node_restarts_on_an_inherited_socket() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    node.terminate().await;
    let folder = tempfile::tempdir().unwrap();
    let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(n) = manager.recv(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            if tell.send(text.split('=').next().unwrap_or_default().to_owned()).is_err() {
                return;
            }
        }
    });
    node.set_env("NOTIFY_SOCKET", folder.path().join("notify").to_str().unwrap());
    let socket = TcpListener::bind(node.gate).unwrap();
    // A name that nobody knows: its clients would wait for ever.
    node.set_socket(&socket, "web");
    node.start();
    assert_eq!(node.wait_exit().await.code(), Some(1));
    assert!(node.log().contains("(\\\"web\\\") has none of the names gate, redirect, control"), "{}", node.log_end());
    node.set_socket(&socket, "gate");
    node.restart().await;
    let done = AtomicBool::new(false);
    // Three rounds, or ten with more clients.
    let (rounds, staying, coming) = if std::env::var_os("FOREWARN_LONG").is_some() { (10, 8, 4) } else { (3, 4, 2) };
    // Another binary, an older one as a rule, that takes turns with this build's: an upgrade and a downgrade under load.
    let other = std::env::var("FOREWARN_OTHER_BINARY").ok();
    let changes = async {
        for round in 0..rounds {
            match &other {
                Some(other) if round % 2 == 0 => node.set_wrapper(&["sh", "-c", INSTEAD, other]),
                _ => node.set_wrapper(&[]),
            }
            node.signal(Signal::HUP);
            crate::reloading::reload(node, TOKEN).await.expect(200);
            node.terminate().await;
            node.restart().await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let clients = futures_util::future::join_all((0..staying).map(|_| stays(node, &done)));
    let newcomers = futures_util::future::join_all((0..coming).map(|_| comes_anew(node, &done)));
    let (stayed, came, ()) = tokio::join!(clients, newcomers, changes);
    eprintln!("{rounds} rounds: {stayed:?} requests and connections of clients that stay, {came:?} of newcomers");
    assert!(stayed.iter().all(|(asked, connections)| *asked > 3 && *connections > 3), "{stayed:?}");
    assert!(came.iter().all(|asked| *asked > 3), "{came:?}");
    node.terminate().await;
    // What the service manager was told.
    let life = ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"];
    for wanted in [&life.repeat(rounds)[..], &["READY", "STOPPING"]].concat() {
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_file_that_cannot_be_read_to_its_end() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    std::fs::remove_file(&node.config).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &node.config, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    node.signal(Signal::HUP);
    node.wait_log(&["INFO", "event=reload_asked"]).await;
    node.gate_get("/directory", &[]).await.expect(200);
    node.terminate().await;
}
