//! The same submission as JSON, as XML and as SOAP: taken alike, refused alike, each answered in its own shape.

use serde_json::json;

use crate::support::{Farm, MONITOR_TOKEN, Node, Reply, TOKEN, python};

const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

async fn post(node: &Node, token: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    node.control("POST", "/api/v1/notifications", &all, Some(body.as_bytes())).await
}

async fn xml(node: &Node, fields: &str) -> Reply {
    let body = format!("<notification xmlns=\"urn:forewarn:v1\">{fields}</notification>");
    post(node, TOKEN, &[("content-type", "application/xml; charset=utf-8")], &body).await
}

async fn soap(node: &Node, version: &str, inner: &str) -> Reply {
    let body = format!("<s:Envelope xmlns:s=\"{version}\">{inner}</s:Envelope>");
    let headers: &[_] = if version == SOAP_1_1 {
        &[("content-type", "text/xml; charset=\"utf-8\""), ("soapaction", "\"\"")]
    } else {
        &[("content-type", "application/soap+xml; charset=utf-8; action=\"urn:forewarn:v1:Submit\"")]
    };
    post(node, TOKEN, headers, &body).await
}

const CLOSE: &str = "<target>application:mail</target><status>unavailable</status>\
    <reason>planned-maintenance</reason><message>Disk &amp; fan</message><duration_seconds>600</duration_seconds>";

fn body_of(fields: &str) -> String {
    format!("<s:Body><notification xmlns=\"urn:forewarn:v1\">{fields}</notification></s:Body>")
}

#[tokio::test]
async fn xml_and_soap_close_an_application_as_json_does() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let id = "0190b5c4-1111-7000-8000-0000000000aa";
    let with_id = format!("<id>{id}</id><timestamp>2020-01-01T00:00:00Z</timestamp>{CLOSE}")
        .replace("<duration_seconds>600</duration_seconds>", "");
    let taken = xml(node, &with_id).await.expect(202);
    assert_eq!(taken.header("content-type"), Some("application/xml; charset=utf-8"));
    assert_eq!(taken.header("location"), Some(format!("/api/v1/notifications/{id}").as_str()));
    assert!(taken.text().starts_with("<submitted xmlns=\"urn:forewarn:v1\">"), "{}", taken.text());
    assert!(taken.text().contains("<node>a</node>") && taken.text().contains("<complete>"), "{}", taken.text());
    let denial = node.gate_get("/mail", &[]).await.expect(503).json();
    assert_eq!(denial["message"], "Disk & fan");
    // The same once more, in another format, is the same notification.
    for version in [SOAP_1_1, SOAP_1_2] {
        let again = soap(node, version, &body_of(&with_id)).await.expect(200);
        assert!(again.text().contains(&format!("<id>{id}</id>")), "{}", again.text());
        assert!(again.text().contains(version), "answered in its own version: {}", again.text());
    }
    let list = node.get("/api/v1/notifications").await.json();
    assert_eq!(list["notifications"].as_array().unwrap().len(), 1);
    soap(node, SOAP_1_2, &body_of("<target>application:mail</target><status>available</status>")).await.expect(200);
    node.gate_get("/mail", &[]).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_is_named_in_each_formats_own_shape() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let wrong = "<target>application:nope</target><status>unavailable</status><colour>red</colour>";
    let refused = xml(node, wrong).await.expect(422);
    assert_eq!(refused.header("content-type"), Some("application/problem+xml; charset=utf-8"));
    let text = refused.text();
    assert!(
        text.starts_with("<problem xmlns=\"urn:ietf:rfc:7807\">") && text.contains("<field>colour</field>"),
        "{text}"
    );
    for (version, status, code) in [(SOAP_1_1, 500, "s:Client"), (SOAP_1_2, 400, "s:Sender")] {
        let fault = soap(node, version, &body_of(wrong)).await.expect(status);
        let text = fault.text();
        assert!(text.contains(&code.replace("s:", "env:")) && text.contains("<field>colour</field>"), "{text}");
    }
    for (version, inner, code) in [
        (SOAP_1_1, "", "env:Client"),
        (SOAP_1_2, "<s:Body/>", "env:Sender"),
        (SOAP_1_2, "<s:Body><a/><b/></s:Body>", "env:Sender"),
        (SOAP_1_1, "<s:Header><x s:mustUnderstand=\"1\"/></s:Header><s:Body><a/></s:Body>", "env:MustUnderstand"),
    ] {
        let text = soap(node, version, inner).await.text();
        assert!(text.contains(code), "{inner}: {text}");
    }
    let headers = [("content-type", "application/soap+xml"), ("soapaction", "")];
    let mismatch = post(node, TOKEN, &headers, &format!("<s:Envelope xmlns:s=\"{SOAP_1_1}\"/>")).await.expect(500);
    assert!(mismatch.text().contains("env:VersionMismatch"), "{}", mismatch.text());
    let no_action = post(node, TOKEN, &[("content-type", "text/xml")], "<a/>").await.expect(500);
    assert!(no_action.text().contains("SOAPAction"), "{}", no_action.text());
}

#[tokio::test]
async fn hostile_xml_is_refused_while_it_is_read() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let attributes: String = (0..6_000).map(|n| format!(" a{n}=''")).collect();
    for body in [
        "<!DOCTYPE n [<!ENTITY a 'b'>]><notification xmlns='urn:forewarn:v1'>&a;</notification>".to_owned(),
        "<notification xmlns='urn:forewarn:v1'>".to_owned() + &"<a>".repeat(10_000),
        format!("<notification xmlns='urn:forewarn:v1'{attributes}/>"),
        "<notification xmlns='urn:other'/>".to_owned(),
        "<notification/>".to_owned(),
        "not XML".to_owned(),
        String::new(),
    ] {
        let refused = post(node, TOKEN, &[("content-type", "application/xml")], &body).await;
        assert!([400, 422].contains(&refused.status), "{} {:.60}", refused.status, body);
        assert_eq!(refused.header("content-type"), Some("application/problem+xml; charset=utf-8"));
    }
    let large = "x".repeat(64 * 1024 + 1);
    post(node, TOKEN, &[("content-type", "application/xml")], &large).await.expect(413);
    post(node, TOKEN, &[("content-type", "text/csv")], "a,b").await.expect(415);
    post(node, TOKEN, &[("content-type", "application/xml; charset=utf-16")], "<a/>").await.expect(415);
    assert_eq!(node.get("/api/v1/notifications").await.json(), json!({"notifications": [], "next": null}));
}

/// What a client in Python makes of the description (`?wsdl`).
#[tokio::test]
async fn a_soap_client_works_from_the_description_alone() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let Some(python) = python("zeep") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/farm/soap_client.py");
    let url = format!("http://{}/api/v1/notifications?wsdl", node.control);
    let output = tokio::process::Command::new(&python)
        .args([script, &url, TOKEN, MONITOR_TOKEN])
        .output()
        .await
        .expect("python runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(node.gate_get("/mail", &[]).await.expect(503).json()["message"], "From SOAP 1.2");
}
