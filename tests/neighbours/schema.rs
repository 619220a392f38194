//! `xmllint` reads the schema that a node hands out, and agrees with the node about what is valid; schemathesis reads the
//! description of the API, and tries what it allows and what it does not.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::{
    proxy,
    support::{Farm, TOKEN, python},
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

/// Whatever is sent, an answer is one that the description names: its status, its type, its members; and no 5xx but
/// SOAP's faults, which are 500 by their standard. With `FOREWARN_LONG` many more examples.
#[tokio::test]
async fn schemathesis_finds_nothing_that_the_description_does_not_name() {
    let Some(python) = python("schemathesis") else { return };
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    // What is there to be found: the answers about it are looked at as well.
    let (id, bearer) = ("01936f5e-0000-7000-8000-000000000001", format!("Bearer {TOKEN}"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let schedule = json!({"title": "Backup", "targets": ["application:mail"], "time_zone": "Europe/Berlin",
        "starts": "2026-01-01T02:00", "duration_seconds": 600, "rule": "FREQ=DAILY", "reason": "planned-maintenance"});
    let template = json!({"title": "Backup", "targets": ["application:mail"], "status": "unavailable"});
    for (kind, value) in [("schedules", schedule), ("templates", template)] {
        let path = format!("/api/v1/{kind}/{id}");
        node.control("PUT", &path, &headers, Some(value.to_string().as_bytes())).await.expect(201);
    }
    let closing = json!({"id": id, "targets": ["application:mail"], "status": "unavailable", "message": "<x>"});
    node.submit(closing).await.expect(202);
    let known = |operation: &str, name: &str, value: &str| {
        format!("[[operations]]\ninclude-name = \"{operation}\"\nparameters = {{ {name} = \"{value}\" }}\n")
    };
    let config = [
        "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"4xx\"]\n\
         [[operations]]\ninclude-name = \"POST /api/v1/notifications\"\n\
         checks.not_a_server_error.expected-statuses = [\"2xx\", \"4xx\", 500]\n"
            .to_owned(),
        known("GET /api/v1/availability/{application}", "application", "mail"),
        known("GET /api/v1/availability/{application}/why", "application", "mail"),
        known("GET /api/v1/notifications/{id}", "id", id),
        known("GET /api/v1/schedules/{id}", "id", id),
        known("PUT /api/v1/schedules/{id}", "id", id),
        known("GET /api/v1/templates/{id}", "id", id),
    ];
    let expected = config.concat();
    let config = farm.folder.path().join("schemathesis.toml");
    std::fs::write(&config, expected).unwrap();
    let (address, bearer) = (format!("http://{}", node.control), format!("Authorization: {bearer}"));
    let (config, document) = (config.display().to_string(), format!("{address}/openapi.json"));
    let (examples, seed) = if std::env::var_os("FOREWARN_LONG").is_some() { ("500", None) } else { ("6", Some("1")) };
    let mut command = tokio::process::Command::new(&python);
    command.current_dir(farm.folder.path());
    command.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "--config-file", &config, "run"]);
    command.args([&document, "--url", &address, "--header", &bearer, "--max-examples", examples, "--no-color"]);
    // Events have no end.
    command.args([
        "--exclude-path",
        "/api/v1/events",
        "--phases",
        "examples,coverage,fuzzing",
        "--no-shrink",
        "--continue-on-failure",
    ]);
    command.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"]);
    command.args(seed.iter().flat_map(|seed| ["--seed", seed]));
    let output = command.kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Tested: 28"), "{said}");
    node.control("GET", "/readyz", &[], None).await.expect(200);
}
