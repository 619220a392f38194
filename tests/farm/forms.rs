//! What is typed into a refused form is in the one answer that gives it back, and nowhere else.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use serde_json::json;

use crate::{
    closing,
    support::{Farm, Node, wait::poll_until},
};

/// Typed into a form. The test looks for it in a node's memory, log and store.
const MARKER: &str = "mArKeR-tHaT-nObOdY-eLsE-wRiTeS";

/// How often the text is in the memory of a node's process that can be written to.
fn in_memory(node: &Node, text: &str) -> usize {
    let pid = node.pid();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (start, end) = map.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // A range may be gone by now, or not be readable.
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            found += bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
        }
    }
    found
}

fn in_files(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(Result::unwrap).any(|entry| match entry.file_type().unwrap().is_dir() {
        true => in_files(&entry.path(), text),
        false => std::fs::read(entry.path()).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
    })
}

#[tokio::test]
async fn what_was_typed_is_given_back_and_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let farm = Farm::new(1).data(folder.path()).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{MARKER} {}\r\n--b--\r\n",
        "long ".repeat(8_000)
    );
    let urlencoded = format!("to=x&text={MARKER}+{}", "long+".repeat(8_000));
    for (kind, body) in
        [("application/x-www-form-urlencoded", urlencoded), ("multipart/form-data; boundary=b", multipart)]
    {
        let headers = [("accept", "text/html"), ("sec-fetch-site", "same-origin"), ("content-type", kind)];
        let reply = node.gate_send("POST", "/mail/send", &headers, Some(body.as_bytes())).await;
        assert_eq!(reply.status, 503);
        let page = reply.text();
        assert!(page.contains(MARKER) && page.contains("Send again"), "{page}");
    }
    // The test would find it: the node knows its own name for the application.
    assert!(in_memory(node, "/mail") > 0);
    poll_until("the text is overwritten", async || in_memory(node, MARKER) == 0).await;
    assert!(!node.log().contains(MARKER));
    assert!(!in_files(folder.path(), MARKER));
}
