//! `inject = true`: the script comes behind an application's page (the application `slow`).

use std::io::{Read as _, Write as _};

use super::*;

const ELEMENT: &str = "\n<script src=\"/.forewarn/forewarn.js\" defer></script>\n";
const ASK: &str = "GET /slow/page HTTP/1.1\r\nHost: h\r\n\r\n";

/// The body of an answer that comes in chunks.
async fn chunks(client: &mut Wire) -> Vec<u8> {
    while !client.seen.ends_with(b"\r\n0\r\n\r\n") {
        assert!(client.stream.read_buf(&mut client.seen).await.unwrap() > 0);
    }
    let (mut body, seen) = (Vec::new(), std::mem::take(&mut client.seen));
    let mut rest = &seen[..];
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
}

#[actix_web::test]
async fn a_page_gets_the_script_and_the_connection_goes_on() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) = stage.exchange(ASK).await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>").await;
        let head = client.head().await;
        assert_eq!(head.all("content-length")[0], (13 + ELEMENT.len()).to_string());
        client.until("<html>").await;
        upstream.send("</html>").await;
        client.until(ELEMENT).await;
        // In pieces, on the same connections.
        client.send(ASK).await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n").await;
        assert_eq!(client.head().await.all("transfer-encoding")[0], "chunked");
        client.until("6\r\n<html>\r\n").await;
        upstream.send("0\r\n\r\n").await;
        client.until(&format!("{:x}\r\n{ELEMENT}\r\n0\r\n\r\n", ELEMENT.len())).await;
        // Everything else as it came.
        for (request, answer) in [
            (ASK.to_owned(), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
            (ASK.replace("GET", "POST"), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"),
            (ASK.to_owned(), "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno"),
            (ASK.to_owned(), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: script-src 'none'\r\nContent-Length: 2\r\n\r\nno"),
            (ASK.replace("/slow", "/other"), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno"),
        ] {
            client.send(&request).await;
            upstream.head().await;
            upstream.send(answer).await;
            assert_eq!(client.head().await.all("content-length")[0], "2", "{request}");
            client.until(&answer[answer.len() - 2..]).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn a_compressed_page_stays_compressed_and_a_broken_one_broken() {
    within(async {
        let stage = Stage::new().await;
        let mut page = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        page.write_all("<html>".repeat(10_000).as_bytes()).unwrap();
        let page = page.finish().unwrap();
        let (mut client, mut upstream) = stage.exchange(ASK).await;
        let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
        upstream.send(&head(page.len())).await;
        upstream.stream.write_all(&page).await.unwrap();
        let answer = client.head().await;
        assert_eq!((answer.all("content-encoding"), answer.all("content-length")), (vec!["gzip"], vec![]));
        let body = chunks(&mut client).await;
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "<html>".repeat(10_000) + ELEMENT);
        // The upstream breaks off: the client must not take it for the whole page.
        client.send(ASK).await;
        upstream.head().await;
        upstream.send(&head(page.len())).await;
        upstream.stream.write_all(&page[..page.len() / 2]).await.unwrap();
        drop(upstream);
        client.head().await;
        while client.stream.read_buf(&mut client.seen).await.is_ok_and(|n| n > 0) {}
        assert!(!client.seen.ends_with(b"0\r\n\r\n"));
    })
    .await;
}
