//! Client and guard against each other over real connections, and the client against servers that lie, flood,
//! break off or stay silent.
#![allow(clippy::unwrap_used)]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

use super::*;
use crate::{
    availability::Moment,
    peer::{
        guard::{self, Guard},
        nonces::Nonces,
        signature::Receiver,
    },
};

const LONG: Duration = Duration::from_secs(20);
const SERVER: NodeId = NodeId(Uuid::from_u128(0xb));

fn identity() -> Identity {
    Identity { node: NodeId(Uuid::from_u128(0xa)), boot: 2, boot_nonce: 9 }
}

fn client(secret: &str) -> PeerClient {
    PeerClient::new(Key::new(secret), identity(), Default::default(), 1_000)
}

/// The peer under test, and what it has seen.
struct Seen {
    guard: Guard,
    connections: AtomicUsize,
    now: fn() -> Moment,
}

/// Answers with what it was asked, signed; `/conflict` with 409, `/nothing` with 204.
async fn handle(request: HttpRequest, payload: web::Payload, seen: web::Data<Seen>) -> HttpResponse {
    let claim = match seen.guard.admit(&request, (seen.now)()) {
        Ok(claim) => claim,
        Err(refusal) => return guard::refused(&refusal),
    };
    let nonce = claim.sender.nonce;
    let body = match seen.guard.receive(&request, payload, &claim.body).await {
        Ok(received) => received.body,
        Err(why) => return seen.guard.not_taken(&request, nonce, &why),
    };
    assert_eq!(claim.sender.identity, identity());
    let status = match request.path() {
        "/conflict" => actix_web::http::StatusCode::CONFLICT,
        "/nothing" => actix_web::http::StatusCode::NO_CONTENT,
        _ => actix_web::http::StatusCode::OK,
    };
    let said = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(&body));
    seen.guard.answer(nonce, status, said.into())
}

/// The node `SERVER`, which remembers so many nonces and has room for 100 bytes of bodies.
fn peer(limit: usize, now: fn() -> Moment) -> (String, web::Data<Seen>, ServerHandle) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let me = Receiver { node: SERVER, address: address.clone() };
    let guard = Guard::with(Key::new("secret"), me, Nonces::new(limit), 100);
    let seen = web::Data::new(Seen { guard, connections: AtomicUsize::new(0), now });
    let (for_app, for_connect) = (seen.clone(), seen.clone().into_inner());
    let server = HttpServer::new(move || App::new().app_data(for_app.clone()).default_service(web::to(handle)))
        .on_connect(move |_, _| {
            for_connect.connections.fetch_add(1, Ordering::SeqCst);
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, seen, handle)
}

/// The node `SERVER` at this address.
fn server_at(address: &str) -> Callee<'_> {
    Callee { address, node: Some(SERVER) }
}

#[actix_web::test]
async fn peers_understand_each_other_on_one_connection() {
    let (address, seen, server) = peer(100, clock::now);
    let client = client("secret");
    let answer =
        client.call(server_at(&address), Method::POST, "/peer/v1/x?y=%20z", "hello".into(), LONG).await.unwrap();
    assert_eq!(answer, Answer { status: 200, body: "POST /peer/v1/x?y=%20z hello".into(), node: SERVER });
    // without its id, by the address that it advertises
    let nameless = format!("{address}/");
    let nameless = Callee { address: &nameless, node: None };
    let answer = client.call(nameless, Method::GET, "/conflict", Bytes::new(), LONG).await.unwrap();
    assert_eq!((answer.status, answer.body, answer.node), (409, "GET /conflict ".into(), SERVER));
    let answer = client.call(server_at(&address), Method::POST, "/nothing", "x".into(), LONG).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
    // above the client's limit
    let path = format!("/{}", "x".repeat(1_000));
    let long = client.call(server_at(&address), Method::GET, &path, Bytes::new(), LONG).await;
    assert!(matches!(long, Err(CallError::TooLarge { limit: 1_000, .. })), "{long:?}");
    server.stop(true).await;
    let gone = client.call(server_at(&address), Method::GET, "/", Bytes::new(), LONG).await;
    assert!(matches!(gone, Err(CallError::Unreachable { .. })), "{gone:?}");
}

async fn refusal(callee: Callee<'_>, secret: &str) -> (u16, String) {
    match client(secret).call(callee, Method::POST, "/x", "x".into(), LONG).await {
        Err(CallError::Refused { status, detail, .. }) => (status, detail),
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn a_peer_says_why_it_refuses() {
    let (address, _, server) = peer(0, clock::now);
    let (status, detail) = refusal(server_at(&address), "other").await;
    assert!(status == 401 && detail.starts_with("wrong signature: farm.secret differs"), "{detail}");
    let (status, detail) = refusal(server_at(&address), "secret").await;
    assert!(status == 503 && detail.starts_with("too many requests"), "{detail}");
    // another node than the one that was asked, by its id or by another address
    let (status, detail) = refusal(Callee { node: Some(identity().node), ..server_at(&address) }, "secret").await;
    assert!(status == 401 && detail.contains("is for 00000000-0000-0000-0000-00000000000a"), "{detail}");
    let alias = address.replace("127.0.0.1", "localhost");
    let (status, detail) = refusal(Callee { address: &alias, node: None }, "secret").await;
    assert!(status == 401 && detail.contains(&format!("is for {alias}, and this node is {address}")), "{detail}");
    server.stop(true).await;
    let (address, _, server) = peer(10, || clock::now().before(Duration::from_secs(412)));
    let (status, detail) = refusal(server_at(&address), "secret").await;
    assert!(status == 401 && detail.starts_with("clock more than 300 s apart: 41"), "{detail}");
    server.stop(true).await;
}

/// Sends bytes as they are and gives back what the peer answers.
async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[actix_web::test]
async fn a_recorded_request_passes_once() {
    let (address, _, server) = peer(100, clock::now);
    let sign = |nonce: u128, to: &str| {
        let sender = Sender { identity: identity(), time: clock::now(), nonce: Nonce(nonce) };
        let mut request = "POST /x?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n".to_owned();
        for (name, value) in Key::new("secret").sign_request(&sender, to, "POST", "/x?y", b"ab") {
            request += &format!("{name}: {value}\r\n");
        }
        format!("{request}\r\nab")
    };
    let request = sign(5, &SERVER.to_string());
    let changed = raw(&address, request.replace("/x?y", "/x?z").as_bytes()).await;
    assert!(changed.starts_with("HTTP/1.1 401") && changed.contains("wrong signature"), "{changed}");
    assert!(changed.to_lowercase().contains("www-authenticate: forewarn"), "{changed}");
    let first = raw(&address, request.as_bytes()).await;
    assert!(first.starts_with("HTTP/1.1 200") && first.ends_with("POST /x?y ab"), "{first}");
    let second = raw(&address, request.as_bytes()).await;
    assert!(second.starts_with("HTTP/1.1 401") && second.contains("received before"), "{second}");
    // another body than the one that was signed
    let body = sign(6, &SERVER.to_string()).replace("\r\nab", "\r\nac");
    let changed = raw(&address, body.as_bytes()).await;
    assert!(changed.starts_with("HTTP/1.1 401") && changed.contains("changed on its way"), "{changed}");
    assert!(!changed.contains("forewarn-signature"), "{changed}");
    // recorded on its way to another node
    let elsewhere = raw(&address, sign(7, "http://127.0.0.1:1").as_bytes()).await;
    assert!(elsewhere.starts_with("HTTP/1.1 401") && elsewhere.contains("is for http://127.0.0.1:1"), "{elsewhere}");
    let stranger =
        raw(&address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nForewarn-Node: \xff\r\n\r\n").await;
    assert!(stranger.starts_with("HTTP/1.1 401") && stranger.contains("forewarn-node is malformed"), "{stranger}");
    server.stop(true).await;
}

/// A server that reads a request's head and then says what `script` makes of it (nothing: it keeps
/// silent), on each connection anew, and closes it.
async fn liar(script: impl Fn(usize, &str) -> Option<Vec<u8>> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let attempt = count.fetch_add(1, Ordering::SeqCst);
            match script(attempt, &String::from_utf8_lossy(&head)) {
                // the client may have gone away already
                Some(answer) => drop(stream.write_all(&answer).await),
                None => silent.push(stream),
            }
        }
    });
    (address, requests)
}

async fn ask(address: &str, timeout: Duration) -> Result<Answer, CallError> {
    client("secret").call(server_at(address), Method::GET, "/", Bytes::new(), timeout).await
}

#[actix_web::test]
async fn lies_are_not_believed() {
    let (unsigned, _) = liar(|_, _| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())).await;
    let error = ask(&unsigned, LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Forged { source: Refusal::Missing(_), .. }), "{error}");

    // signed with the secret, but for another request: an answer that was recorded earlier
    let (recorded, _) = liar(|_, _| {
        let mut answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_owned();
        for (name, value) in Key::new("secret").sign_answer(SERVER, Nonce(5), 200, b"ok") {
            answer += &format!("{name}: {value}\r\n");
        }
        Some(format!("{answer}\r\nok").into_bytes())
    })
    .await;
    let error = ask(&recorded, LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Forged { source: Refusal::Forged, .. }), "{error}");

    // signed for this request, but by another node of the farm
    let (other, _) = liar(|_, head| {
        let nonce = head.lines().find_map(|line| line.strip_prefix("forewarn-nonce: ")).unwrap();
        let mut answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_owned();
        let nonce = Nonce(u128::from_str_radix(nonce, 16).unwrap());
        for (name, value) in Key::new("secret").sign_answer(identity().node, nonce, 200, b"ok") {
            answer += &format!("{name}: {value}\r\n");
        }
        Some(format!("{answer}\r\nok").into_bytes())
    })
    .await;
    let error = ask(&other, LONG).await.unwrap_err();
    assert!(matches!(error, CallError::OtherNode { asked: SERVER, .. }), "{error}");

    let (stranger, _) = liar(|_, _| Some(b"HTTP/1.1 404 Not Found\r\n\r\nno\nsuch \x1b[31mpage".to_vec())).await;
    let error = ask(&stranger, LONG).await.unwrap_err();
    assert!(error.to_string().ends_with("answered with status 404: nosuch [31mpage"), "{error}");
}

#[actix_web::test]
async fn floods_silence_and_noise_end() {
    let (flood, _) = liar(|_, _| Some([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 1_001]].concat())).await;
    assert!(matches!(ask(&flood, LONG).await, Err(CallError::TooLarge { .. })));
    let (noise, _) = liar(|_, _| Some(b"what?\r\n\r\n".to_vec())).await;
    assert!(matches!(ask(&noise, LONG).await, Err(CallError::Broken { .. })));
    let (half, _) = liar(|_, _| Some(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())).await;
    assert!(matches!(ask(&half, LONG).await, Err(CallError::Broken { .. })));
    let (silent, _) = liar(|_, _| None).await;
    assert!(matches!(ask(&silent, Duration::from_millis(50)).await, Err(CallError::TimedOut { .. })));
    for wrong in [
        "127.0.0.1:1",
        "http://127.0.0.1:x",
        "http://a:65536",
        "http://user@a",
        "",
        "http://",
        "http://a b",
        "http://a/b",
        "https://a:x",
        "ftp://a:1",
    ] {
        let error = ask(wrong, LONG).await.unwrap_err();
        assert!(matches!(error, CallError::Address { .. }), "{error:?}");
    }
}

#[actix_web::test]
async fn a_connection_that_closes_unanswered_is_tried_once_more_under_a_new_nonce() {
    let nonces = Arc::new(Mutex::new(Vec::new()));
    let seen = nonces.clone();
    let (address, requests) = liar(move |_, head| {
        let nonce = head.lines().find_map(|line| line.strip_prefix("forewarn-nonce: ")).unwrap().to_owned();
        seen.lock().unwrap().push(nonce);
        Some(Vec::new())
    })
    .await;
    let error = ask(&address, LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 2);
    let nonces = nonces.lock().unwrap();
    assert_ne!(nonces[0], nonces[1]);
}
