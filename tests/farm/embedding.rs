//! Applications that hold the caches in their own process (`examples/`): as a member of the farm and as a listener,
//! with actix-web and with tower. Their users get what the gate's users get.

use std::net::{SocketAddr, TcpListener};

use forewarn::embed::{Config, Door, Listener, Member};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::{
    closing, in_seconds, opening,
    support::{
        Farm, Reply, TOKEN,
        http::{self, Body},
        wait::poll_until,
    },
};

#[path = "../../examples/actix_web.rs"]
#[allow(dead_code)]
mod actix_web_example;
#[path = "../../examples/tower.rs"]
#[allow(dead_code)]
mod tower_example;

/// The example with actix-web, in a thread of its own that ends with the test's process.
fn with_actix_web(farm: &Farm, door: Door) -> SocketAddr {
    let listener = TcpListener::bind((farm.address, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let serving = async { actix_web_example::serve(listener, door).unwrap().await };
        actix_web::rt::System::new().block_on(serving).unwrap();
    });
    address
}

/// The example with tower.
async fn with_tower(farm: &Farm, door: Door) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((farm.address, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(tower_example::serve(listener, door));
    address
}

type Fields = &'static [(&'static str, &'static str)];

const HTML: (&str, &str) = ("accept", "text/html");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ORIGIN: (&str, &str) = ("origin", "https://shop.example");

/// Requests whose answer is the gate's.
const REQUESTS: [(&str, &str, Fields, &str); 23] = [
    ("GET", "/mail/x?y=1", &[], ""),
    ("GET", "/mail/x", &[HTML, ("accept-language", "de")], ""),
    ("GET", "/mail/x", &[("accept", "text/plain"), ("accept-language", "ar")], ""),
    ("HEAD", "/mail/x", &[HTML], ""),
    ("GET", "/mail/x", &[("accept", "text/event-stream")], ""),
    ("GET", "/mail/x", &[ORIGIN], ""),
    ("OPTIONS", "/mail/x", &[ORIGIN, ("access-control-request-method", "PUT")], ""),
    ("POST", "/mail/Send", &[("content-type", "application/grpc-web+proto")], "\0\0\0\0\0"),
    ("POST", "/mail/send", &[("content-type", "application/grpc")], "\0\0\0\0\0"),
    ("POST", "/mail/send", &[HTML, OWN, FORM], "to=bob&text=long+work&password=x"),
    ("POST", "/mail/send", &[HTML, FORM, ("sec-fetch-site", "cross-site")], "to=bob&text=long+work"),
    (
        "POST",
        "/mail/send",
        &[HTML, OWN, ("content-type", "multipart/form-data; boundary=b")],
        "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nlong work\r\n--b--\r\n",
    ),
    ("GET", "/mail//x/../y", &[], ""),
    ("GET", "/chat/../mail", &[], ""),
    ("GET", "/mail/x", &[("forewarn-pass", "1"), ("cookie", "forewarn-pass=mail~9999999999~00")], ""),
    ("GET", "/.forewarn/availability", &[], ""),
    ("GET", "/.forewarn/availability/mail", &[], ""),
    ("GET", "/.forewarn/availability?path=/mail&path=/chat", &[("accept-language", "fr")], ""),
    ("GET", "/.forewarn/forewarn.js", &[("accept-language", "ja")], ""),
    ("GET", "/.forewarn/problems/unavailable", &[HTML], ""),
    ("GET", "/.forewarn/check/forward", &[("x-forwarded-uri", "/mail"), ("x-forwarded-method", "GET")], ""),
    ("POST", "/.forewarn/availability", &[], ""),
    ("GET", "/.forewarn/nothing", &[], ""),
];

/// An application that one client may seldom ask.
const SELDOM: &str = "[[application]]\nname = \"seldom\"\nroutes = [\"/seldom\"]\nrate_limit = \"2/h\"\n";

/// Of the two nodes: words that stand nowhere else.
const NAMES: [&str; 2] = ["beside-them", "inside-them"];

/// What an answer says, line by line, without what its connection adds and without the node's own name.
fn said(reply: &Reply) -> Vec<String> {
    const OF_CONNECTIONS: [&str; 6] = ["date", "via", "connection", "content-length", "transfer-encoding", "server"];
    let fields = reply.headers.iter().filter(|(name, _)| !OF_CONNECTIONS.contains(&name.as_str()));
    let mut lines: Vec<_> = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.insert(0, reply.status.to_string());
    let body = NAMES.iter().fold(reply.text(), |body, name| body.replace(name, "the node"));
    // Which is spread by chance.
    lines.extend(body.lines().map(|line| if line.starts_with("retry: ") { "retry" } else { line }.to_owned()));
    lines
}

/// The same, line by line.
fn assert_same(said: &[String], expected: &[String], what: &str) {
    for (line, wanted) in said.iter().zip(expected) {
        assert_eq!(line, wanted, "{what}");
    }
    assert_eq!(said.len(), expected.len(), "{what}: {said:?}");
}

async fn ask(at: SocketAddr, (method, path, fields, body): (&str, &str, Fields, &str)) -> Reply {
    let body = if body.is_empty() { Body::Empty } else { Body::Bytes(body.as_bytes().to_vec().into()) };
    // The same host for all: it stands in answers.
    let fields = [&[("host", "farm.example")][..], fields].concat();
    http::send(at, method, path, &fields, body).await.unwrap()
}

/// The bytes behind the head that answers a WebSocket's handshake, and its status and the key's answer.
async fn handshake(at: SocketAddr) -> (u16, bool, Vec<u8>) {
    let request = "GET /mail/socket HTTP/1.1\r\nHost: farm.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = http::raw(at, request.as_bytes()).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let accepts = head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=");
    (http::raw_status(&answer), accepts, answer[end + 4..].to_vec())
}

#[tokio::test]
async fn users_of_an_application_with_the_gate_inside_are_told_what_the_gate_tells() {
    let farm = Farm::new(2).name_of(0, NAMES[0]).name_of(1, NAMES[1]).more(0, SELDOM).more(1, SELDOM).build().await;
    let (node, inside) = (&farm[0], &farm[1]);
    node.restart().await;
    let config = || Config::load(&inside.config).unwrap();
    // The second node of the farm is in this process.
    let member = Member::start(config()).unwrap();
    farm.wait_met().await;
    let plan = json!({"goes_down_at": in_seconds(3_600.0), "duration_seconds": 600, "reason": "testing"});
    node.submit_wait_all(closing("application:directory", plan)).await;
    let closed = json!({"reason": "planned-maintenance", "message": "The disks are replaced.", "component": "disks"});
    node.submit_wait_all(closing("application:mail", closed)).await;
    let only = json!({"criteria": {"methods": ["PUT"], "clients": ["127.0.0.1/32"]}});
    node.submit_wait_all(closing("application:chat", only)).await;
    let listener = Listener::start(config(), &format!("http://{}", node.gate)).unwrap();

    let [actix, tower] = [with_actix_web(&farm, member.door()), with_tower(&farm, member.door()).await];
    let [actix_listens, tower_listens] =
        [with_actix_web(&farm, listener.door()), with_tower(&farm, listener.door()).await];
    let all =
        [("actix", actix), ("tower", tower), ("actix, listens", actix_listens), ("tower, listens", tower_listens)];
    for request in REQUESTS {
        let expected = said(&ask(node.gate, request).await);
        for (who, at) in all {
            assert_same(&said(&ask(at, request).await), &expected, &format!("{who} {request:?}"));
        }
    }
    let expected = handshake(node.gate).await;
    assert_eq!((expected.0, expected.1), (101, true));
    for (who, at) in all {
        assert_eq!(handshake(at).await, expected, "{who}");
        // What no application of the configuration has is the program's own; what is announced is told beside answers.
        assert_eq!(ask(at, ("GET", "/other", &[], "")).await.expect(200).text(), "performed /other", "{who}");
        let open = ask(at, ("GET", "/directory", &[], "")).await.expect(200);
        assert!(open.header("forewarn-next").unwrap().ends_with("; reason=testing"), "{who}");
    }
    // Criteria: a member knows them, with the client's own address.
    for (who, at) in &all[..2] {
        let status = async |method| ask(*at, (method, "/chat", &[], "")).await.status;
        assert_eq!((status("PUT").await, status("GET").await), (503, 200), "{who}");
    }
    // How often one client may ask an application: here as there.
    for (who, at) in all {
        let statuses = [(); 3].map(|()| ask(at, ("GET", "/seldom", &[], "")));
        let mut seen = Vec::new();
        for answer in statuses {
            seen.push(answer.await.status);
        }
        assert_eq!(seen[2], 429, "{who} {seen:?}");
    }
    // A tester's pass of any node is good there, and the application is told of it.
    let bearer = format!("Bearer {TOKEN}");
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let wanted = json!({"applications": ["mail"], "expires_at": in_seconds(3_600.0)}).to_string();
    let pass = node.control("POST", "/api/v1/passes", &fields, Some(wanted.as_bytes())).await.expect(201).json();
    let link = pass["link"].as_str().unwrap();
    for (who, at) in all {
        let entered = http::send(at, "GET", link, &[], Body::Empty).await.unwrap().expect(303);
        let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap();
        let tested = http::send(at, "GET", "/mail", &[("cookie", cookie)], Body::Empty).await.unwrap();
        assert_eq!((tested.status, tested.text().as_str()), (200, "performed /mail for a tester"), "{who}");
    }
    // Everybody hears of the end: those who wait, by their event streams, and those who ask.
    let mut streams = Vec::new();
    for (_, at) in all {
        streams.push(http::open(at, "GET", "/.forewarn/events", &[], Body::Empty).await.unwrap().into_body());
    }
    node.submit_wait_all(opening("application:mail")).await;
    for ((who, at), mut stream) in all.into_iter().zip(streams) {
        let mut seen = String::new();
        let hears = async {
            while !seen.contains(r#"{"event":"availability","application":"mail"}"#) {
                let frame = stream.frame().await.unwrap().unwrap();
                seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), hears)
            .await
            .unwrap_or_else(|_| panic!("{who}: {seen}"));
        poll_until("mail is open", async || ask(at, ("GET", "/mail", &[], "")).await.status == 200).await;
    }
    // A node that goes away takes nothing with it.
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    poll_until("the listener has heard", async || ask(tower_listens, ("GET", "/mail", &[], "")).await.status == 503)
        .await;
    node.terminate().await;
    for (who, at) in all {
        assert_eq!(ask(at, ("GET", "/mail", &[], "")).await.status, 503, "{who}");
    }
    tokio::task::spawn_blocking(|| member.stop().unwrap()).await.unwrap();
    assert_eq!(ask(tower, ("GET", "/mail", &[], "")).await.status, 503, "a door outlives its member");
    assert_eq!(ask(actix, ("GET", "/.forewarn/availability", &[], "")).await.status, 502);
}

#[test]
fn what_cannot_start_says_why() {
    let wrong = Config::parse("[node]\nname = \"a\"\ndata = \"./x\"\nnonsense = 1\n", "here.toml");
    assert!(wrong.unwrap_err().to_string().contains("nonsense"));
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[node]\nname = \"a\"\ndata = {:?}\n[control]\nlisten = \"127.0.0.1:0\"\n", folder.path());
    let config = || Config::parse(&text, folder.path().join("a.toml")).unwrap();
    assert!(Listener::start(config(), "nowhere").err().unwrap().to_string().starts_with("nowhere: "));
    let first = Member::start(config()).unwrap();
    // The store is held by the first one.
    assert!(Member::start(config()).err().is_some());
    drop(first);
    Member::start(config()).unwrap().stop().unwrap();
}
