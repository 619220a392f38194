//! The applications over real connections.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

struct Demo {
    addresses: Vec<String>,
}

impl Demo {
    fn start() -> Demo {
        let listeners: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = listeners.iter().map(|listener| format!("http://{}", listener.local_addr().unwrap())).collect();
        let gates = ["a", "b", "c"].map(|node| format!("http://{node}.example")).to_vec();
        super::start(listeners, &super::Places { consoles: gates.clone(), gates }).unwrap();
        Demo { addresses }
    }

    async fn ask(&self, at: usize, path: &str, form: Option<&str>) -> (u16, String) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = http::Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(format!("{}{path}", self.addresses[at]))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form.unwrap_or("").to_owned())))
            .unwrap();
        let response = client.request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[actix_web::test]
async fn mail_is_sent_and_listed_as_text() {
    let demo = Demo::start();
    let (status, page) = demo.ask(0, "/mail", None).await;
    assert!(status == 200 && page.contains("Nothing yet"), "{page}");
    let form = "to=bob%40example.com&subject=%3Cb%3EHi&text=one%0Atwo";
    let (status, page) = demo.ask(0, "/mail/send", Some(form)).await;
    assert_eq!(status, 200);
    assert!(page.contains("<strong>Sent</strong> to bob@example.com"), "{page}");
    let (_, page) = demo.ask(0, "/mail", None).await;
    assert!(page.contains("&lt;b&gt;Hi") && page.contains("one\ntwo"), "{page}");
    assert!(!page.contains("<b>Hi"));
    let (status, _) = demo.ask(0, "/mail/send", Some("to=x")).await;
    assert_eq!(status, 400);
}

#[actix_web::test]
async fn the_directory_finds_names_and_nothing_else() {
    let demo = Demo::start();
    let (_, page) = demo.ask(1, "/phone?name=KIM", None).await;
    assert!(page.contains("Grace Kim") && !page.contains("Jonas Berg"), "{page}");
    let (_, page) = demo.ask(1, "/phone?name=%22%3E%3Cscript%3E", None).await;
    assert!(page.contains("No entry") && !page.contains("\"><script>"), "{page}");
    let (status, page) = demo.ask(1, "/phone", None).await;
    assert!(status == 200 && page.contains("Jonas Berg"));
}

#[actix_web::test]
async fn the_first_page_leads_to_every_node() {
    let demo = Demo::start();
    let (status, page) = demo.ask(3, "/", None).await;
    assert_eq!((status, page.matches("<li>").count()), (200, 6));
    for place in ["http://a.example/mail", "http://b.example/chat", "http://c.example/phone", "http://a.example/pages"]
    {
        assert!(page.contains(place), "{place}");
    }
    assert!(page.contains("<script src=/.forewarn/forewarn.js defer>"));
}

#[actix_web::test]
async fn lines_and_calls_come_by_themselves() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let demo = Demo::start();
    let open = async |at: usize, request: &str| {
        let mut stream =
            tokio::net::TcpStream::connect(demo.addresses[at].trim_start_matches("http://")).await.unwrap();
        stream.write_all(format!("{request}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        stream
    };
    let read = async |stream: &mut tokio::net::TcpStream, wanted: &str| {
        let (mut seen, mut piece) = (Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&seen).contains(wanted) {
            let n = stream.read(&mut piece).await.unwrap();
            assert!(n > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..n]);
        }
    };
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut socket = open(2, &format!("GET /chat/socket HTTP/1.1\r\n{upgrade}")).await;
    read(&mut socket, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").await;
    demo.ask(2, "/chat", Some("name=a&text=hello")).await;
    read(&mut socket, r#"{"name":"a","text":"hello"}"#).await;
    let mut events = open(1, "GET /phone/calls HTTP/1.1").await;
    read(&mut events, "data: ").await;
}

#[actix_web::test]
async fn everybody_sees_what_is_said_in_the_chat() {
    let demo = Demo::start();
    let (status, _) = demo.ask(2, "/chat", Some("name=a&text=hello+%3C")).await;
    assert_eq!(status, 303);
    let (_, page) = demo.ask(2, "/chat", None).await;
    assert!(page.contains("<strong>a</strong> hello &lt;"), "{page}");
    assert!(page.contains("data-next=1"), "{page}");
    for after in ["0", "7"] {
        let (_, news) = demo.ask(2, &format!("/chat/lines?after={after}"), None).await;
        assert_eq!(news, r#"{"lines":[{"name":"a","text":"hello <"}],"next":1}"#);
    }
    let (_, news) = demo.ask(2, "/chat/lines?after=1", None).await;
    assert_eq!(news, r#"{"lines":[],"next":1}"#);
}
