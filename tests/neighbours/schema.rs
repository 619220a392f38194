//! `xmllint` reads the schema that a node hands out, and agrees with the node about what is valid.

use std::{path::Path, process::Command};

use crate::{
    proxy,
    support::{Farm, TOKEN},
};

/// What `xmllint` says of a document.
fn is_valid(program: &Path, schema: &Path, document: &str) -> (bool, String) {
    let file = schema.with_file_name("document.xml");
    std::fs::write(&file, document).unwrap();
    let output = Command::new(program).args(["--noout", "--schema"]).args([schema, &file]).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn xmllint_and_the_node_agree_about_what_is_valid() {
    let Some(program) = proxy::find("xmllint") else { return };
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let schema = farm.folder.path().join("notification.xsd");
    std::fs::write(&schema, node.get("/api/v1/notifications?xsd").await.expect(200).text()).unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let all = "<target>application:mail</target><target>application:chat</target><status>unavailable</status>\
        <reason>testing</reason><component>disk</component><message>Disk &amp; fan</message>\
        <duration_seconds>600</duration_seconds><restore>automatic</restore>\
        <criteria><method>GET</method><path>/mail/*</path><header name=\"x-a\">b*</header><query name=\"q\">1</query>\
        <client>10.0.0.0/8</client><node>a</node><cookie name=\"beta\">yes</cookie>\
        <except><path>/mail/help*</path></except></criteria><priority>critical</priority>";
    for (fields, valid) in [
        (all, true),
        ("<target>system</target><status>available</status>", true),
        ("<target>system</target><status>degraded</status><message>Slow</message>", true),
        ("<target>system</target><status>open</status>", false),
        ("<target>system</target><status>available</status><colour>red</colour>", false),
        ("<target>system</target><status>available</status><criteria><colour>red</colour></criteria>", false),
        ("<target>system</target><status>available</status><duration_seconds>soon</duration_seconds>", false),
    ] {
        let document = format!("<notification xmlns=\"urn:forewarn:v1\">{fields}</notification>");
        let (says, why) = is_valid(&program, &schema, &document);
        assert_eq!(says, valid, "{fields}: {why}");
        let headers = [("authorization", &*bearer), ("content-type", "application/xml")];
        let reply = node.control("POST", "/api/v1/notifications", &headers, Some(document.as_bytes())).await;
        assert_eq!([200, 202].contains(&reply.status), valid, "{fields}: {}", reply.text());
    }
    let description = node.get("/api/v1/notifications?wsdl").await.expect(200).text();
    let file = schema.with_file_name("service.wsdl");
    std::fs::write(&file, description).unwrap();
    assert!(Command::new(&program).arg("--noout").arg(&file).status().unwrap().success(), "it is well-formed");
}
