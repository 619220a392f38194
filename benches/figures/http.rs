//! A small keep-alive HTTP/1.1 client, the same for everybody who is measured.

use std::sync::atomic::{AtomicU16, Ordering};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

pub struct Conn {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Conn {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), host: address.to_owned() }
    }

    pub async fn post(&mut self, path: &str, token: &str, body: &str) -> (u16, Vec<u8>) {
        self.send("POST", path, token, body).await;
        self.answer().await
    }

    pub async fn send(&mut self, method: &str, path: &str, token: &str, body: &str) {
        let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    }

    /// Status and, in small letters, header lines.
    pub async fn head(&mut self) -> (u16, Vec<String>) {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                break;
            }
            lines.push(line.to_ascii_lowercase());
        }
        (lines[0].split(' ').nth(1).unwrap().parse().unwrap(), lines)
    }

    pub async fn line(&mut self) -> String {
        self.next_line().await.expect("the connection has ended")
    }

    /// The next line of a stream; none at its end.
    pub async fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    pub async fn answer(&mut self) -> (u16, Vec<u8>) {
        let (status, lines) = self.head().await;
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let mut body = Vec::new();
        if let Some(length) = length {
            body.resize(length, 0);
            self.stream.read_exact(&mut body).await.unwrap();
        } else if lines.iter().any(|line| line == "transfer-encoding: chunked") {
            loop {
                let size = usize::from_str_radix(&self.line().await, 16).unwrap();
                if size == 0 {
                    // Trailers, if there are any, and the empty line.
                    while !self.line().await.is_empty() {}
                    break;
                }
                let mut chunk = vec![0; size + 2];
                self.stream.read_exact(&mut chunk).await.unwrap();
                body.extend_from_slice(&chunk[..size]);
            }
        }
        (status, body)
    }
}

/// CPU time of a process so far, in microseconds.
pub fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let field = |n: usize| after.split_whitespace().nth(n).unwrap().parse::<f64>().unwrap();
    // utime and stime, in ticks of 10 ms.
    (field(11) + field(12)) * 10_000.0
}

/// A free port of the loopback, below those that the system gives to connections: between fifty nodes there are thousands
/// of them, and one that had this port would keep its listener from it.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 1_000) as u16 * 10;
    let mut ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000);
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Waits until somebody listens.
pub async fn up(address: &str) {
    for _ in 0..12_000 {
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody listens at {address}");
}
