//! An authority of the tests, its certificates in files, and a client that believes it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::Datelike as _;
use forewarn::tls::{
    authorities,
    client::client,
    issue::{Authority, Issued},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// See the module.
pub struct Tls {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Tls {
    /// A fresh authority; `ca.pem` is its certificate.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("forewarn-test-tls-").tempdir().unwrap();
        let authority = Authority::new("Forewarn tests", forewarn::clock::now().to_datetime().year()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.issued().cert).unwrap();
        Self { folder, authority }
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes `NAME.pem` and `NAME.key` for these hosts, for so many years; 0: it has expired. Returns the two lines
    /// `cert = …` and `key = …`.
    pub fn issue(&self, name: &str, hosts: &[&str], years: i32) -> String {
        let Issued { cert, key } =
            self.authority.issue(hosts, forewarn::clock::now().to_datetime().year(), years).unwrap();
        let (cert_file, key_file) = (self.file(&format!("{name}.pem")), self.file(&format!("{name}.key")));
        std::fs::write(&cert_file, cert).unwrap();
        std::fs::write(&key_file, key).unwrap();
        format!("cert = {cert_file:?}\nkey = {key_file:?}\n")
    }

    /// A client that believes this authority and offers these protocols.
    pub fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut config = client(Some(&authorities(&self.file("ca.pem")).unwrap()), None).unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// A connection to this host.
///
/// # Errors
/// When the handshake fails.
pub async fn connect(
    address: SocketAddr,
    host: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

/// Sends a request and reads everything up to the end; the request should say `Connection: close`.
pub async fn ask(address: SocketAddr, host: &str, config: &Arc<ClientConfig>, request: &str) -> String {
    let mut stream = connect(address, host, config).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Runs a command to its end; its output, if it is there and has succeeded.
pub async fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let run = tokio::process::Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output();
    let output = run.await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `path` as an argument.
pub fn text(path: &Path) -> String {
    path.display().to_string()
}
