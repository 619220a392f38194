#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, ClientConnection, Error, ServerConnection, pki_types::ServerName};
use tempfile::TempDir;

use super::{
    Acceptor, Certificate, Offer, authorities,
    client::client,
    issue::{Authority, Issued},
};

const YEAR: i32 = 2026;

struct Folder {
    folder: TempDir,
    authority: Authority,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new("test", YEAR).unwrap() }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    fn issued(&self, name: &str, hosts: &[&str]) -> (PathBuf, PathBuf) {
        let Issued { cert, key } = self.authority.issue(hosts, YEAR, 5).unwrap();
        (self.put(&format!("{name}.pem"), &cert), self.put(&format!("{name}.key"), &key))
    }

    fn certificate(&self, name: &str, hosts: &[&str]) -> Certificate {
        let (cert, key) = self.issued(name, hosts);
        Certificate::chain(&cert).unwrap().with_key(&key).unwrap()
    }
}

#[test]
fn what_is_wrong_with_files_is_said_with_their_names() {
    let folder = Folder::new();
    let (cert, key) = folder.issued("a", &["a.example"]);
    let (_, other) = folder.issued("b", &["b.example"]);
    let chain = || Certificate::chain(&cert).unwrap();
    assert!(chain().with_key(&key).is_ok());
    let said = |result: Result<Certificate, String>| result.unwrap_err();
    assert!(said(chain().with_key(&other)).contains("b.key is not the key of the certificate in "));
    assert!(said(chain().with_key(&cert)).contains("a.pem has no private key"));
    let empty = folder.put("empty", "");
    let broken = folder.put("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(said(chain().with_key(&empty)).contains("empty has no private key"));
    for (file, says) in [(&empty, "empty has no certificate"), (&broken, "broken cannot be read")] {
        assert!(Certificate::chain(file).err().unwrap().contains(says));
    }
    assert!(Certificate::chain(&folder.folder.path().join("none")).err().unwrap().contains("none cannot be read"));
    assert!(authorities(&empty).unwrap_err().contains("has no certificate"));
}

#[test]
fn a_certificate_knows_its_time_and_its_names() {
    let folder = Folder::new();
    let one = folder.certificate("a", &["a.example", "*.b.example", "192.0.2.1"]);
    for (name, is_for) in [
        ("a.example", true),
        ("A.Example", true),
        ("x.b.example", true),
        ("b.example", false),
        ("x.y.b.example", false),
        (".b.example", false),
        ("example", false),
    ] {
        assert_eq!(one.is_for(name), is_for, "{name}");
    }
    assert_eq!(one.problem_at(one.expires() - 1), None);
    assert!(one.problem_at(one.expires()).unwrap().ends_with("a.pem has expired at 2031-01-01T00:00:00Z"));
    assert!(one.problem_at(0).unwrap().contains("is not valid before 2025-01-01"));
}

/// A handshake of a client that asks for `name`: whether the client shows a certificate that is believed.
fn handshake(acceptor: &Acceptor, config: &Arc<ClientConfig>, name: &str) -> Result<bool, Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut server = ServerConnection::new(acceptor.config()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut &bytes[..]).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut &bytes[..]).unwrap();
        client.process_new_packets()?;
    }
    Ok(server.peer_certificates().is_some())
}

#[test]
fn the_name_chooses_and_a_reload_replaces() {
    let folder = Folder::new();
    let (first, second) = (folder.certificate("a", &["a.example"]), folder.certificate("b", &["b.example"]));
    let acceptor = Acceptor::new("gate", Offer::new(&[first, second], &["http/1.1"], None).unwrap());
    let roots = authorities(&folder.put("ca.pem", &folder.authority.issued().cert)).unwrap();
    let config = Arc::new(client(Some(&roots), None).unwrap());
    // The client checks the name itself.
    for name in ["a.example", "b.example"] {
        handshake(&acceptor, &config, name).unwrap();
    }
    let error = handshake(&acceptor, &config, "c.example").unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "the first is shown: {error}");
    let third = folder.certificate("c", &["c.example"]);
    acceptor.reload(Offer::new(&[third], &[], None).unwrap());
    handshake(&acceptor, &config, "c.example").unwrap();
    handshake(&acceptor, &config, "a.example").unwrap_err();
    assert_eq!(acceptor.expiries().len(), 1);
    let stranger = Folder::new().authority.issued().cert;
    let others = authorities(&folder.put("others.pem", &stranger)).unwrap();
    handshake(&acceptor, &Arc::new(client(Some(&others), None).unwrap()), "c.example").unwrap_err();
}

#[test]
fn a_client_may_show_a_certificate_of_the_farm_and_no_other() {
    let folder = Folder::new();
    let roots = authorities(&folder.put("ca.pem", &folder.authority.issued().cert)).unwrap();
    let own = folder.certificate("a", &["a.example"]);
    let foreign = Folder::new().certificate("x", &["x.example"]);
    let acceptor = Acceptor::new("control", Offer::new(std::slice::from_ref(&own), &[], Some(&roots)).unwrap());
    let shows = |shown| handshake(&acceptor, &Arc::new(client(Some(&roots), shown).unwrap()), "a.example");
    assert_eq!((shows(Some(&own)), shows(None)), (Ok(true), Ok(false)));
    shows(Some(&foreign)).unwrap_err();
}
