//! Refused forms that come back on the page: what the gate reads for it, and when it does not.

use forewarn::answer::form::LARGEST_FORM;

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A head as a browser writes it for a form of a page of the same host.
fn head(framing: &str, more: &str) -> String {
    format!(
        "POST /mail/send?x=1 HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{framing}\r\n{more}\r\n"
    )
}

/// The page of an answer, and its head.
async fn page(client: &mut Wire) -> (Head, String) {
    let head = client.head().await;
    let length: usize = head.all("content-length")[0].parse().unwrap();
    while client.seen.len() < length {
        assert!(client.stream.read_buf(&mut client.seen).await.unwrap() > 0, "cut");
    }
    let rest = client.seen.split_off(length);
    (head, String::from_utf8(std::mem::replace(&mut client.seen, rest)).unwrap())
}

#[actix_web::test]
async fn a_form_comes_back_however_its_body_arrives_and_the_connection_goes_on() {
    within(async {
        let stage = Stage::new().await;
        let body = format!("to=bob%40example.com&text={}", "Dear+Bob%0D%0A".repeat(3_000));
        let mut client = stage.client().await;
        for chunked in [false, true] {
            let framing = if chunked {
                "Transfer-Encoding: chunked".to_owned()
            } else {
                format!("Content-Length: {}", body.len())
            };
            client.send(&head(&framing, "")).await;
            for piece in body.as_bytes().chunks(1_500) {
                let piece = std::str::from_utf8(piece).unwrap();
                match chunked {
                    true => client.send(&format!("{:x}\r\n{piece}\r\n", piece.len())).await,
                    false => client.send(piece).await,
                }
            }
            // The next request lies behind it already.
            client.send(if chunked { "0\r\n\r\n" } else { "" }).await;
            client.send("GET /mail HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n\r\n").await;
            let (head, page) = self::page(&mut client).await;
            assert_eq!((head.status(), head.all("cache-control")), (503, vec!["no-store"]));
            assert!(
                !head.all("content-security-policy")[0].contains("form-action"),
                "an application may lead anywhere"
            );
            assert!(page.contains("bob@example.com") && page.contains(&"Dear Bob\r\n".repeat(3_000)));
            assert!(page.contains("<form id=\"again\" method=\"post\" enctype=\"application/x-www-form-urlencoded\""));
            assert!(page.ends_with("</html>"));
            let (head, page) = self::page(&mut client).await;
            assert_eq!((head.status(), page.contains("bob")), (503, false), "the next answer knows nothing of it");
        }
    })
    .await;
}

#[actix_web::test]
async fn a_form_of_another_site_is_neither_shown_nor_offered_again() {
    within(async {
        let stage = Stage::new().await;
        for (from, back) in [("same-origin", true), ("cross-site", false), ("same-site", false)] {
            let mut client = stage.client().await;
            client.send(&head("Content-Length: 11", "").replace("same-origin", from)).await;
            client.send("text=marker").await;
            let (_, page) = page(&mut client).await;
            assert_eq!((page.contains("marker"), page.contains("id=\"again\"")), (back, back), "{from}");
        }
    })
    .await;
}

#[actix_web::test]
async fn what_cannot_come_back_is_denied_at_once() {
    within(async {
        let stage = Stage::new().await;
        for (framing, more) in [
            (format!("Content-Length: {}", LARGEST_FORM + 1), ""),
            // Before the body is asked for.
            ("Content-Length: 11".to_owned(), "Expect: 100-continue\r\n"),
        ] {
            let mut client = stage.client().await;
            client.send(&head(&framing, more)).await;
            let (head, page) = page(&mut client).await;
            assert_eq!((head.status(), page.contains("id=\"again\"")), (503, false));
            assert!(page.contains("was not sent and was not saved"));
        }
        let mut client = stage.client().await;
        client.send(&head("Transfer-Encoding: chunked", "")).await;
        client.send(&format!("{:x}\r\ntext={}\r\n", LARGEST_FORM + 1, "x".repeat(LARGEST_FORM - 4))).await;
        let (head, page) = page(&mut client).await;
        assert_eq!((head.status(), page.contains("xxx"), head.all("connection")), (503, false, vec!["close"]));
    })
    .await;
}

#[actix_web::test]
async fn a_body_that_does_not_come_delays_the_denial_no_longer_than_a_head() {
    within(async {
        let stage = Stage::with(Limits { header: MS(200), ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.client().await;
        client.send(&head("Content-Length: 1000", "")).await;
        client.send("text=mar").await;
        let (head, page) = page(&mut client).await;
        assert_eq!((head.status(), page.contains("mar<"), head.all("connection")), (503, false, vec!["close"]));
        // A broken one at once.
        let mut client = stage.client().await;
        client.send(&self::head("Transfer-Encoding: chunked", "")).await;
        client.send("zz\r\n").await;
        assert_eq!(self::page(&mut client).await.0.status(), 503);
    })
    .await;
}

#[actix_web::test]
async fn all_forms_together_have_a_bound_and_a_share_comes_back() {
    within(async {
        let stage = Stage::with(Limits { forms: 20_000, ..Limits::default() }, |own| vec![own]).await;
        let body = format!("text={}", "x".repeat(30_000));
        let large = head(&format!("Content-Length: {}", body.len()), "") + &body;
        let small = head("Content-Length: 11", "") + "text=marker";
        for _ in 0..20 {
            for (request, back) in [(&large, false), (&small, true)] {
                let mut client = stage.client().await;
                client.send(request).await;
                assert_eq!(page(&mut client).await.1.contains("id=\"again\""), back);
            }
        }
    })
    .await;
}
