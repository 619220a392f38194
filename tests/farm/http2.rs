//! HTTP/2 at the gate: the same decision and the same forwarding as for HTTP/1.1.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use h2::{Reason, client::SendRequest};
use http::{HeaderMap, Request, Response};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
};

use crate::{
    closing,
    support::{
        Farm,
        tls::{Tls, connect, output, text},
    },
};

/// A whole answer.
struct Answer {
    head: Response<()>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn open(at: SocketAddr, config: &Arc<ClientConfig>) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let stream = connect(at, "site.example", config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

/// Sends a request with a body in pieces, and reads the answer.
async fn ask(send: &SendRequest<Bytes>, request: Request<()>, body: &[u8]) -> Result<Answer, h2::Error> {
    let mut send = send.clone().ready().await?;
    let (response, mut stream) = send.send_request(request, body.is_empty())?;
    let sending = async {
        for (at, piece) in body.chunks(10_000).enumerate() {
            stream.reserve_capacity(piece.len());
            let mut piece = Bytes::copy_from_slice(piece);
            while !piece.is_empty() {
                let Some(room) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
                let Ok(room) = room else { return };
                let part = piece.split_to(room.min(piece.len()));
                let last = piece.is_empty() && (at + 1) * 10_000 >= body.len();
                if stream.send_data(part, last).is_err() {
                    return;
                }
            }
        }
    };
    let receiving = async {
        let (head, mut incoming) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = incoming.data().await {
            let data = data?;
            incoming.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        Ok(Answer { head: Response::from_parts(head, ()), body, trailers: incoming.trailers().await? })
    };
    tokio::join!(sending, receiving).1
}

fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(format!("https://site.example{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn requests_of_http2_are_decided_answered_and_forwarded() {
    let tls = Tls::new();
    let site = tls.issue("site", &["site.example"], 5);
    let trailing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let applications = format!(
        "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"UPSTREAM\"]\n\
         [[application]]\nname = \"chat\"\nroutes = [\"/chat\"]\nupstream = [\"UPSTREAM\"]\n\
         [[application]]\nname = \"trailing\"\nroutes = [\"/trailing\"]\nupstream = [\"http://{}\"]\n",
        trailing.local_addr().unwrap()
    );
    tokio::spawn(async move {
        // Hints, an answer in chunks with trailers, and one that breaks off.
        for answer in [
            "HTTP/1.1 103 X\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        ] {
            let (mut stream, _) = trailing.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let farm = Farm::new(1).applications(&applications).more(0, &format!("[gate.tls]\n{site}")).start().await;
    let (node, config) = (&farm[0], tls.client(&["h2", "http/1.1"]));
    let (send, connection) = open(node.gate, &config).await;

    // Forwarded as from HTTP/1.1, cookies in one field.
    let get = request("GET", "/mail//x?y=%2f", &[("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]);
    let answer = ask(&send, get, b"").await.unwrap();
    assert_eq!(answer.head.status(), 200);
    let seen = farm.upstream.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].all("host")), ("/mail//x?y=%2f", vec!["site.example"]));
    assert_eq!((seen[0].all("cookie"), seen[0].all("x-forwarded-proto")), (vec!["a=1; b=2"], vec!["https"]));
    let head = ask(&send, request("HEAD", "/mail/x", &[]), b"").await.unwrap();
    assert!(head.head.status() == 200 && head.body.is_empty());

    // Bodies both ways, many at once.
    let body = vec![b'x'; 400_000];
    let posts = (0..8).map(|_| ask(&send, request("POST", "/chat/echo", &[]), &body));
    for answer in futures_util::future::join_all(posts).await {
        assert_eq!(answer.unwrap().body.len(), body.len());
    }

    // Interim answers are no final ones; trailers stand behind the body; what breaks off is reset.
    let answer = ask(&send, request("GET", "/trailing", &[]), b"").await.unwrap();
    assert_eq!((answer.head.status().as_u16(), &answer.body[..]), (200, &b"hello"[..]));
    assert_eq!(answer.trailers.unwrap()["x-t"], "1");
    let error = ask(&send, request("GET", "/trailing", &[]), b"").await.err().unwrap();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));

    // Denials in their shapes, at once, though a body is still to come.
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    for (fields, kind) in [
        (&[("accept", "text/html")][..], "text/html"),
        (&[("accept", "application/problem+json")], "application/problem+json"),
        (&[], "application/json"),
    ] {
        let answer = ask(&send, request("GET", "/mail/x", fields), b"").await.unwrap();
        assert_eq!((answer.head.status().as_u16(), answer.header("forewarn-application")), (503, "mail"));
        assert!(answer.header("content-type").starts_with(kind) && !answer.body.is_empty());
    }
    let denied = ask(&send, request("POST", "/mail/x", &[]), &vec![b'x'; 1_000_000]).await.unwrap();
    assert_eq!(denied.head.status(), 503);
    let grpc = request("POST", "/mail/x", &[("content-type", "application/grpc"), ("te", "trailers")]);
    let grpc = ask(&send, grpc, b"\0\0\0\0\0").await.unwrap();
    assert_eq!((grpc.head.status().as_u16(), grpc.header("grpc-status")), (200, "14"));
    assert!(grpc.body.is_empty() && grpc.trailers.is_none() && grpc.header("content-length").is_empty());

    // The gate's own addresses, and what is refused.
    let own = ask(&send, request("GET", "/.forewarn/availability/mail", &[]), b"").await.unwrap();
    assert!(own.head.status() == 200 && String::from_utf8_lossy(&own.body).contains("\"available\":false"));
    let connect_to = Request::builder().method("CONNECT").uri("site.example:443").body(()).unwrap();
    assert_eq!(ask(&send, connect_to, b"").await.unwrap().head.status(), 400);
    let two = ask(&send, request("GET", "/chat", &[("host", "other.example")]), b"").await.unwrap();
    assert_eq!(two.head.status(), 400, "two hosts");
    assert_eq!(ask(&send, request("GET", "/nowhere", &[]), b"").await.unwrap().head.status(), 404);

    // A client of another make.
    let (ca, to) = (text(&tls.file("ca.pem")), format!("site.example:{}:{}", node.gate.port(), node.gate.ip()));
    let url = format!("https://site.example:{}/mail/x", node.gate.port());
    let curl = [
        "-sS",
        "--http2",
        "--cacert",
        &ca,
        "--resolve",
        &to,
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        &url,
    ];
    if let Some(said) = output("curl", &curl).await {
        assert_eq!(said, "2 503");
    }

    // At a stop the client is told, and its connection ends in order.
    node.terminate().await;
    connection.await.unwrap().ok();
    assert!(send.clone().ready().await.is_err());
}

/// An upstream that speaks HTTP/2 under TLS, for the certificate `NAME.pem`: it echoes bodies, with trailers. Returns
/// where it is, and what it is asked: version, address and the field `via`.
async fn encrypted(tls: &Tls, name: &str, protocol: &'static [u8]) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let certs = CertificateDer::pem_file_iter(tls.file(&format!("{name}.pem"))).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(tls.file(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(certs, key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (tell, told)) = (listener.local_addr().unwrap(), mpsc::unbounded_channel());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let via = request.headers().get("via").map_or("", |via| via.to_str().unwrap());
                    tell.send(format!("{:?} {} {via}", request.version(), request.uri())).unwrap();
                    tokio::spawn(async move {
                        let mut incoming = request.into_body();
                        let mut send = respond.send_response(Response::new(()), false).unwrap();
                        while let Some(Ok(data)) = incoming.data().await {
                            incoming.flow_control().release_capacity(data.len()).unwrap();
                            send.send_data(data, false).unwrap();
                        }
                        send.send_trailers(HeaderMap::from_iter([("x-t".parse().unwrap(), "1".parse().unwrap())])).ok();
                    });
                }
            });
        }
    });
    (address, told)
}

#[tokio::test]
async fn an_upstream_speaks_http2_under_tls() {
    let tls = Tls::new();
    let site = tls.issue("site", &["site.example", "127.0.0.1"], 5);
    let (good, mut told) = encrypted(&tls, "site", b"h2").await;
    let (old, _) = encrypted(&tls, "site", b"http/1.1").await;
    let ca = text(&tls.file("ca.pem"));
    let of = |name: &str, at: SocketAddr, more: &str| {
        format!(
            "[[application]]\nname = {name:?}\nroutes = [\"/{name}\"]\nupstream = [\"https://{at}\"]\n\
             upstream_protocol = \"h2\"\n{more}\n"
        )
    };
    let believed = format!("upstream_ca = {ca:?}");
    tls.issue("strange", &["other.example"], 5);
    let (wrong, _) = encrypted(&tls, "strange", b"h2").await;
    let applications = of("mail", good, &believed) + &of("old", old, &believed) + &of("wrong", wrong, &believed);
    let log = tls.file("access.log");
    let gate = format!("access_log = {log:?}\naccess_log_format = \"json\"");
    let farm =
        Farm::new(1).applications(&applications).gate(&gate).more(0, &format!("[gate.tls]\n{site}")).start().await;
    let (node, config) = (&farm[0], tls.client(&["h2", "http/1.1"]));
    let (send, _connection) = open(node.gate, &config).await;
    let body = vec![b'x'; 100_000];
    let answer = ask(&send, request("POST", "/mail/a?b=%2f", &[("te", "trailers")]), &body).await.unwrap();
    assert_eq!((answer.head.status().as_u16(), answer.body.len()), (200, body.len()));
    assert_eq!(answer.trailers.unwrap()["x-t"], "1");
    assert_eq!(told.recv().await.unwrap(), "HTTP/2.0 https://site.example/mail/a?b=%2f 2.0 forewarn");
    // The same for a client that speaks HTTP/1.1.
    let old = tls.client(&["http/1.1"]);
    let get = "GET /mail/x HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n";
    let answer = crate::support::tls::ask(node.gate, "site.example", &old, get).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(told.recv().await.unwrap(), "HTTP/2.0 https://site.example/mail/x 1.1 forewarn");
    // One that speaks only HTTP/1.1 there, and one with the certificate of another host, are not asked.
    for path in ["/old", "/wrong"] {
        assert_eq!(ask(&send, request("GET", path, &[]), b"").await.unwrap().head.status(), 502, "{path}");
    }
    // The access log has these requests as any other.
    let lines = async || {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    };
    crate::support::wait::poll_until("four lines are written", async || lines().await.len() == 4).await;
    // A line is written when its answer has left, so that they come in any order.
    let lines = lines().await;
    let places = ["/mail/a?b=%2f", "/mail/x", "/old", "/wrong"];
    let seen = |at: usize, key: &str| {
        let line = lines.iter().find(|line| line["target"] == places[at]);
        line.unwrap_or_else(|| panic!("{lines:?}"))[key].clone()
    };
    assert_eq!((seen(0, "protocol"), seen(1, "protocol")), (json!("HTTP/2.0"), json!("HTTP/1.1")));
    for at in [0, 1] {
        assert_eq!((seen(at, "status"), seen(at, "upstream")), (json!(200), json!(good.to_string())), "{lines:?}");
        assert!(seen(at, "upstream_seconds").as_f64().is_some_and(|seconds| seconds > 0.0), "{lines:?}");
    }
    assert!(seen(0, "bytes").as_u64().is_some_and(|bytes| (100_000..110_000).contains(&bytes)), "{lines:?}");
    assert_eq!(
        (seen(2, "status"), seen(2, "decision"), seen(2, "application")),
        (json!(502), json!("open"), json!("old"))
    );
}
