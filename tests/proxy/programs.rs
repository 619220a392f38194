//! Denials for programs that cannot read a 503, on the wire: scripts of other origins, gRPC, `EventSource`,
//! `WebSocket`.

use serde_json::Value;

use super::*;

/// Sends a request for a closed application with these fields. The answer's head, and its body if it has a length.
async fn ask(client: &mut Wire, method: &str, fields: &str) -> (Head, String) {
    client.send(&format!("{method} /mail/x HTTP/1.1\r\nHost: farm\r\n{fields}\r\n")).await;
    let head = client.head().await;
    let length: usize = head.all("content-length").first().map_or(0, |length| length.parse().unwrap());
    let length = if method == "HEAD" { 0 } else { length };
    while client.seen.len() < length {
        assert!(client.stream.read_buf(&mut client.seen).await.unwrap() > 0, "it ends within its body");
    }
    let body = String::from_utf8(std::mem::take(&mut client.seen)).unwrap();
    assert_eq!(body.len(), length, "nothing behind it");
    (head, body)
}

#[actix_web::test]
async fn a_script_of_another_origin_reads_the_denial() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let (head, body) = ask(&mut client, "GET", "Origin: https://shop.example\r\n").await;
        assert_eq!(head.status(), 503);
        assert_eq!(head.all("access-control-allow-origin"), ["https://shop.example"]);
        assert_eq!(head.all("access-control-allow-credentials"), ["true"]);
        assert_eq!(head.all("vary"), ["Accept, Accept-Language", "Origin"]);
        let exposed = "Retry-After, Forewarn-Application, Forewarn-Reason, Forewarn-Notification";
        assert_eq!(head.all("access-control-expose-headers"), [exposed]);
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["application"], "mail");
        let (head, _) = ask(&mut client, "GET", "Origin: https://shop.example\r\nAccept: text/html\r\n").await;
        assert_eq!(head.all("access-control-allow-origin"), ["https://shop.example"]);
        assert!(head.all("access-control-allow-credentials").is_empty(), "a page may repeat what was typed");
        let (head, _) = ask(&mut client, "GET", "").await;
        assert!(head.0.to_ascii_lowercase().matches("access-control").count() == 0 && head.all("vary").len() == 1);
    })
    .await;
}

#[actix_web::test]
async fn a_preflight_is_let_through_so_that_the_request_sees_the_denial() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let asked = "Origin: https://shop.example\r\nAccess-Control-Request-Method: PUT\r\n\
                     Access-Control-Request-Headers: content-type,x-token\r\n";
        let (head, _) = ask(&mut client, "OPTIONS", asked).await;
        assert_eq!((head.status(), head.all("content-length").len()), (204, 0));
        assert_eq!(head.all("access-control-allow-origin"), ["https://shop.example"]);
        assert_eq!(head.all("access-control-allow-methods"), ["PUT"]);
        assert_eq!(head.all("access-control-allow-headers"), ["content-type,x-token"]);
        assert_eq!((head.all("access-control-max-age"), head.all("cache-control")), (vec!["0"], vec!["no-store"]));
        // On the same connection: nothing is left over. Without an origin it is a request like any other.
        assert_eq!(ask(&mut client, "PUT", "Origin: https://shop.example\r\n").await.0.status(), 503);
        let (head, body) = ask(&mut client, "OPTIONS", "Access-Control-Request-Method: PUT\r\n").await;
        assert_eq!((head.status(), body.is_empty()), (503, false));
        let (head, _) = ask(&mut client, "HEAD", "Origin: https://shop.example\r\n").await;
        assert_eq!((head.status(), head.all("access-control-allow-origin").len()), (503, 1));
    })
    .await;
}

#[actix_web::test]
async fn grpc_gets_its_status() {
    within(async {
        let stage = Stage::new().await;
        for kind in ["application/grpc", "application/grpc-web+proto"] {
            let mut client = stage.client().await;
            let fields = format!("Content-Type: {kind}\r\nTE: trailers\r\nContent-Length: 5\r\n");
            client.send(&format!("POST /mail/Send HTTP/1.1\r\nHost: farm\r\n{fields}\r\n\0\0\0\0\0")).await;
            let head = client.head().await;
            assert_eq!((head.status(), head.all("content-length")), (200, vec!["0"]), "{}", head.0);
            assert_eq!((head.all("content-type"), head.all("grpc-status")), (vec![kind], vec!["14"]));
            assert!(head.all("grpc-message")[0].starts_with("mail is down for planned maintenance"));
            let pushback: u64 = head.all("grpc-retry-pushback-ms")[0].parse().unwrap();
            assert!((7_000_000..=7_200_000).contains(&pushback), "{pushback}");
            // The message was read and thrown away.
            assert_eq!(ask(&mut client, "GET", "").await.0.status(), 503);
        }
    })
    .await;
}

#[actix_web::test]
async fn an_event_source_gets_one_event() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let (head, body) = ask(&mut client, "GET", "Accept: text/event-stream\r\n").await;
        assert_eq!((head.status(), head.all("content-type")), (200, vec!["text/event-stream"]));
        assert_eq!(head.all("cache-control"), ["no-store"]);
        let lines: Vec<&str> = body.lines().collect();
        assert!(lines[0].starts_with("retry: ") && lines[1] == "event: forewarn-unavailable", "{body}");
        let value: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((&value["status"], &value["reason"]), (&503.into(), &"planned-maintenance".into()));
        assert!(body.ends_with("\n\n"));
    })
    .await;
}

const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
/// The example of RFC 6455, section 1.3.
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[actix_web::test]
async fn a_websocket_is_accepted_and_closed_with_the_reason() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let offered = "Sec-WebSocket-Protocol: chat, superchat\r\n";
        client.send(&format!("GET /mail/ws HTTP/1.1\r\nHost: farm\r\n{HANDSHAKE}{KEY}{offered}\r\n")).await;
        let head = client.head().await;
        assert_eq!(head.first_line(), "HTTP/1.1 101 Switching Protocols");
        assert_eq!(head.all("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        assert_eq!(head.all("sec-websocket-protocol"), ["chat"]);
        while client.stream.read_buf(&mut client.seen).await.unwrap() > 0 {}
        let frame = std::mem::take(&mut client.seen);
        assert_eq!((frame[0], usize::from(frame[1]) + 2), (0x88, frame.len()), "one frame, and the end");
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), 1013);
        assert!(std::str::from_utf8(&frame[4..]).unwrap().starts_with("mail is down for planned maintenance"));
    })
    .await;
}

#[actix_web::test]
async fn what_is_no_valid_handshake_gets_the_usual_denial() {
    within(async {
        let stage = Stage::new().await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        for fields in [
            HANDSHAKE.to_owned(),
            format!("{HANDSHAKE}Sec-WebSocket-Key: short==\r\n"),
            format!("{HANDSHAKE}{KEY}{KEY}"),
            format!("{upgrade}{KEY}"),
            format!("{upgrade}{KEY}Sec-WebSocket-Version: 8\r\n"),
            format!("{}{KEY}", HANDSHAKE.replace("Connection: Upgrade\r\n", "")),
        ] {
            let mut client = stage.client().await;
            assert_eq!(ask(&mut client, "GET", &fields).await.0.status(), 503, "{fields}");
        }
        let mut client = stage.client().await;
        assert_eq!(ask(&mut client, "POST", &format!("{HANDSHAKE}{KEY}")).await.0.status(), 503);
    })
    .await;
}
