//! Client and guard against each other over real connections, and the client against servers that
//! lie, flood, break off or keep silent.
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
    peer::{guard, nonces::Nonces},
};

const LONG: Duration = Duration::from_secs(20);
const SERVER: NodeId = NodeId(Uuid::from_u128(0xb));

fn identity() -> Identity {
    Identity { node: NodeId(Uuid::from_u128(0xa)), boot: 2, boot_nonce: 9 }
}

fn client(secret: &str) -> PeerClient {
    PeerClient::new(Key::new(secret), identity(), 1_000)
}

/// What the peer under test has seen.
struct Seen {
    nonces: Mutex<Nonces>,
    connections: AtomicUsize,
    now: fn() -> Moment,
}

/// Answers with what it was asked, signed; `/conflict` with 409, `/nothing` with 204.
async fn handle(request: HttpRequest, body: Bytes, seen: web::Data<Seen>) -> HttpResponse {
    let key = Key::new("secret");
    let sender = match guard::verify(&request, &body, &key, &seen.nonces, (seen.now)()) {
        Ok(sender) => sender,
        Err(refusal) => return guard::refused(&refusal),
    };
    assert_eq!(sender.identity, identity());
    let status = match request.path() {
        "/conflict" => actix_web::http::StatusCode::CONFLICT,
        "/nothing" => actix_web::http::StatusCode::NO_CONTENT,
        _ => actix_web::http::StatusCode::OK,
    };
    let said = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(&body));
    guard::signed_answer(&key, SERVER, sender.nonce, status, said.into())
}

fn peer(limit: usize, now: fn() -> Moment) -> (String, web::Data<Seen>, ServerHandle) {
    let seen = web::Data::new(Seen { nonces: Mutex::new(Nonces::new(limit)), connections: AtomicUsize::new(0), now });
    let (for_app, for_connect) = (seen.clone(), seen.clone().into_inner());
    let server = HttpServer::new(move || App::new().app_data(for_app.clone()).default_service(web::to(handle)))
        .on_connect(move |_, _| {
            for_connect.connections.fetch_add(1, Ordering::SeqCst);
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, seen, handle)
}

#[actix_web::test]
async fn peers_understand_each_other_on_one_connection() {
    let (address, seen, server) = peer(100, clock::now);
    let client = client("secret");
    let answer = client.call(&address, Method::POST, "/peer/v1/x?y=%20z", "hello".into(), LONG).await.unwrap();
    assert_eq!(answer, Answer { status: 200, body: "POST /peer/v1/x?y=%20z hello".into(), node: SERVER });
    let answer = client.call(&format!("{address}/"), Method::GET, "/conflict", Bytes::new(), LONG).await.unwrap();
    assert_eq!((answer.status, answer.body), (409, "GET /conflict ".into()));
    let answer = client.call(&address, Method::POST, "/nothing", "x".into(), LONG).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
    assert_eq!(seen.nonces.lock().unwrap().len(), 3);
    // above the client's limit
    let long = client.call(&address, Method::POST, "/", "x".repeat(1_000).into(), LONG).await;
    assert!(matches!(long, Err(CallError::TooLarge { limit: 1_000, .. })), "{long:?}");
    server.stop(true).await;
    let gone = client.call(&address, Method::GET, "/", Bytes::new(), LONG).await;
    assert!(matches!(gone, Err(CallError::Unreachable { .. })), "{gone:?}");
}

async fn refusal(address: &str, secret: &str) -> (u16, String) {
    match client(secret).call(address, Method::POST, "/x", "x".into(), LONG).await {
        Err(CallError::Refused { status, detail, .. }) => (status, detail),
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn a_peer_says_why_it_refuses() {
    let (address, seen, server) = peer(0, clock::now);
    let (status, detail) = refusal(&address, "other").await;
    assert!(status == 401 && detail.starts_with("wrong signature: farm.secret differs"), "{detail}");
    let (status, detail) = refusal(&address, "secret").await;
    assert!(status == 503 && detail.starts_with("too many requests"), "{detail}");
    assert!(seen.nonces.lock().unwrap().is_empty());
    server.stop(true).await;
    let (address, _, server) = peer(10, || clock::now().before(Duration::from_secs(412)));
    let (status, detail) = refusal(&address, "secret").await;
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
    let sender = Sender { identity: identity(), time: clock::now(), nonce: Nonce(5) };
    let mut request = "POST /x?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n".to_owned();
    for (name, value) in Key::new("secret").sign_request(&sender, "POST", "/x?y", b"ab") {
        request += &format!("{name}: {value}\r\n");
    }
    let request = format!("{request}\r\nab");
    let changed = raw(&address, request.replace("/x?y", "/x?z").as_bytes()).await;
    assert!(changed.starts_with("HTTP/1.1 401") && changed.contains("wrong signature"), "{changed}");
    assert!(changed.to_lowercase().contains("www-authenticate: forewarn"), "{changed}");
    let first = raw(&address, request.as_bytes()).await;
    assert!(first.starts_with("HTTP/1.1 200") && first.ends_with("POST /x?y ab"), "{first}");
    let second = raw(&address, request.as_bytes()).await;
    assert!(second.starts_with("HTTP/1.1 401") && second.contains("received before"), "{second}");
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
    client("secret").call(address, Method::GET, "/", Bytes::new(), timeout).await
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

    let (stranger, _) = liar(|_, _| Some(b"HTTP/1.1 404 Not Found\r\n\r\nno\nsuch \x1b[31mpage".to_vec())).await;
    let error = ask(&stranger, LONG).await.unwrap_err();
    assert!(error.to_string().ends_with("refuses with status 404: nosuch [31mpage"), "{error}");
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
        "https://a:1",
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
