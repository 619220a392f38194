//! What a node can no longer do once it runs (docs/contract.md#sandbox). All other tests run in the sandbox as well,
//! which shows what it still can.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    monitors::wait_state,
    reloading::reload,
    support::{Farm, Node, TOKEN, has_strace},
};

/// A line of its `/proc/PID/status`.
fn status(node: &Node, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().trim().to_owned()
}

/// What the node has reached, as its log says.
async fn reached(node: &Node) -> String {
    node.wait_log(&["INFO", "event=sandbox"]).await
}

/// Whether this kernel confines files; says loudly if not.
fn has_landlock(reached: &str) -> bool {
    let has = !reached.contains("landlock=none");
    if !has {
        println!("SKIPPED: this kernel has no Landlock");
    }
    has
}

fn monitor(name: &str, script: &str) -> String {
    format!(
        "[[monitor]]\nname = {name:?}\ntarget = \"resource:mail-store\"\nevery = \"100ms\"\nfail_after = 1\nrecover_after = 1\n\
         command = [\"sh\", \"-c\", {script:?}]\n"
    )
}

#[tokio::test]
async fn a_node_starts_no_program_and_writes_its_access_log_only_where_it_began() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("access.log");
    let farm = Farm::new(1).gate(&format!("access_log = {:?}", log.display().to_string())).start().await;
    let node = &farm[0];
    let reached = reached(node).await;
    assert!(reached.contains("seccomp=full"), "{reached}");
    assert_eq!((status(node, "NoNewPrivs"), status(node, "Seccomp")), ("1".to_owned(), "2".to_owned()));
    // of every thread
    for thread in fs::read_dir(format!("/proc/{}/task", node.pid())).unwrap() {
        let Ok(status) = fs::read_to_string(thread.unwrap().path().join("status")) else { continue };
        assert!(status.contains("Seccomp:\t2\n"), "{status}");
    }
    let file = fs::read_to_string(&node.config).unwrap();
    let refused = async |file: String, field: &str| {
        fs::write(&node.config, file).unwrap();
        let told = reload(node, TOKEN).await.expect(422).json();
        assert_eq!(told["errors"][0]["field"], field, "{told}");
        assert!(told["errors"][0]["problem"].as_str().unwrap().ends_with("restart the node"), "{told}");
    };
    refused(format!("{file}\n{}", monitor("by-hand", "true")), "monitor.command").await;
    if has_landlock(&reached) {
        let elsewhere = tempfile::tempdir().unwrap();
        fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let other = elsewhere.path().join("access.log").display().to_string();
        refused(file.replace(&log.display().to_string(), &other), "gate.access_log").await;
        assert!(!elsewhere.path().join("access.log").exists());
    }
    // A log that was moved away is made anew.
    fs::rename(&log, logs.path().join("access.log.1")).unwrap();
    fs::write(&node.config, &file).unwrap();
    reload(node, TOKEN).await.expect(200);
    node.gate_get("/directory", &[]).await.expect(200);
    node.terminate().await;
    assert!(fs::read_to_string(&log).unwrap().contains("/directory"));
    // What it needs after a restart it gets with the restart: programs, which are not confined by default.
    let written = logs.path().join("written");
    fs::write(&node.config, format!("{file}\n{}", monitor("by-hand", &format!("echo x > {}", written.display()))))
        .unwrap();
    node.restart().await;
    wait_state(node, "by-hand", "up").await;
    node.wait_log(&["event=sandbox", "landlock=none", "seccomp=none", "monitors run programs"]).await;
    assert!(written.exists());
}

#[tokio::test]
async fn programs_of_monitors_are_confined_with_the_node_where_it_is_said() {
    let outside = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let script = format!(
        "echo x > {data}/data-0/written || exit 1; (echo x > {outside}/written) 2>/dev/null && exit 1; \
         ls {outside} > /dev/null || exit 1; unshare true 2>/dev/null && exit 1; exit 0",
        data = data.path().display(),
        outside = outside.path().display()
    );
    let build =
        Farm::new(1).data(data.path()).node("sandbox = \"on\"").more(0, &monitor("by-hand", &script)).build().await;
    let node = &build[0];
    node.restart().await;
    let reached = reached(node).await;
    if !has_landlock(&reached) {
        return;
    }
    wait_state(node, "by-hand", "up").await;
    assert!(data.path().join("data-0/written").exists() && !outside.path().join("written").exists());
}

#[tokio::test]
async fn an_older_kernel_confines_less_and_a_node_that_must_be_confined_does_not_start_there() {
    if !has_strace() {
        return;
    }
    let farm = Farm::new(1).build().await;
    let node = &farm[0];
    let older = "inject=landlock_create_ruleset:error=ENOSYS";
    node.set_wrapper(&[
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=landlock_create_ruleset",
        "-e",
        older,
    ]);
    node.restart().await;
    node.wait_log(&["event=sandbox", "landlock=none", "seccomp=full", "the kernel does not have all of it"]).await;
    node.terminate().await;
    let file = fs::read_to_string(&node.config).unwrap();
    fs::write(&node.config, file.replacen("[node]\n", "[node]\nsandbox = \"on\"\n", 1)).unwrap();
    node.start();
    assert_eq!(node.wait_exit().await.code(), Some(1));
    assert!(node.log().contains("but this system does not have it: the kernel has no Landlock"), "{}", node.log_end());
}
