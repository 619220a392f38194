//! Another farm as a resource (docs/contract.md#another-farm).

use forewarn::availability::Moment;
use serde_json::json;

use crate::support::{Farm, Node};

async fn availability(node: &Node, application: &str) -> serde_json::Value {
    node.gate_get(&format!("/.forewarn/availability/{application}"), &[]).await.expect(200).json()
}

#[tokio::test]
async fn a_farm_tells_who_it_is_and_why_something_is_closed() {
    let (here, there) =
        tokio::join!(Farm::new(2).start(), Farm::new(1).secret("another-secret-of-the-tests-0123").start(),);
    let why =
        json!({"targets": ["resource:mail-store"], "status": "unavailable", "reason": "testing", "message": "Disk"});
    here[0].submit_wait_all(why).await;
    let (a, b) = (availability(&here[0], "mail").await, availability(&here[1], "mail").await);
    assert_eq!((&a["farm"], a["farm"].as_str().unwrap().len()), (&b["farm"], 32));
    assert_eq!((&a["causes"][0]["reason"], &a["causes"][0]["message"]), (&json!("testing"), &json!("Disk")));
    assert_eq!((&a["causes"][0]["origins"], &a["causes"][1]), (&json!([]), &json!(null)));
    let other = there[0].gate_get("/.forewarn/availability", &[]).await.json()["applications"][0].clone();
    assert_ne!(other["farm"], a["farm"]);
    let refused = json!({"targets": ["system"], "status": "unavailable", "origins": ["x"]});
    assert_eq!(here[0].submit(refused).await.expect(422).fields(), ["origins"]);
}

/// A farm of one node with a secret of its own.
async fn build(name: &str, size: usize) -> Farm {
    Farm::new(size).secret(&format!("the-secret-of-the-farm-{name}")).build().await
}

/// Lets every node of `here` watch `application` of `there`, as the resource mail-store, which mail uses.
fn watch(here: &Farm, there: &Farm, application: &str, more: &str) {
    here.nodes.iter().for_each(|node| drop(watch_at(node, there, application, more)));
}

/// Lets this node watch it; its configuration without that.
fn watch_at(node: &Node, there: &Farm, application: &str, more: &str) -> String {
    let config = std::fs::read_to_string(&node.config).unwrap();
    let address = format!("http://{}/.forewarn/availability/{application}", there[0].gate);
    let monitor =
        format!("[[monitor]]\nname = \"partner\"\ntarget = \"resource:mail-store\"\nfarm = \"{address}\"\n{more}\n");
    std::fs::write(&node.config, config.clone() + &monitor).unwrap();
    config
}

async fn start(farms: &[&Farm]) {
    for farm in farms {
        farm.nodes.iter().for_each(Node::start);
    }
    for farm in farms {
        farm.wait_ready().await;
        farm.wait_met().await;
    }
}

#[tokio::test]
async fn what_a_partner_closes_is_closed_here_within_a_second_and_carries_its_reason_over() {
    let (here, there) = tokio::join!(build("here", 2), build("there", 1));
    // Only the event stream is as fast as that.
    watch(&here, &there, "chat", "every = \"1h\"\ntimeout = \"20s\"");
    start(&[&here, &there]).await;
    for node in &here.nodes {
        node.wait_log(&["event=monitor_turned", "health=Up"]).await;
    }
    let back = crate::in_seconds(600.0);
    let closing = json!({"targets": ["application:chat"], "status": "unavailable", "reason": "testing", "message": "Moving house", "expected_back_at": back});
    there[0].submit_wait_all(closing).await;
    for node in &here.nodes {
        node.wait_available("mail", false).await;
    }
    let denied = here[1].gate_get("/mail", &[("accept", "application/json")]).await.expect(503).json();
    assert_eq!((&denied["reason"], &denied["message"]), (&json!("testing"), &json!("Moving house")));
    assert_eq!(denied["expected_back_at"].as_str(), Some(&*back));
    let word = here[0].get("/api/v1/notifications?source=farm").await.json()["notifications"][0].clone();
    // From acceptance there to acceptance here, by the clock that both farms have in common.
    let cause = there[0].get("/api/v1/notifications").await.json()["notifications"][0].clone();
    let at = |word: &serde_json::Value| word["timestamp"].as_str().unwrap().parse::<Moment>().unwrap().millis();
    let took = at(&word) - at(&cause);
    assert!((0..1_000).contains(&took), "{took} ms");
    assert_eq!(
        (&word["reporter"], &word["origins"][0]),
        (&json!("farm/partner"), &availability(&there[0], "chat").await["farm"])
    );
    assert!(here[0].gate_get("/chat", &[]).await.status == 200);

    there[0].submit_wait_all(json!({"targets": ["application:chat"], "status": "available"})).await;
    for node in &here.nodes {
        node.wait_available("mail", true).await;
    }
}

#[tokio::test]
async fn a_partner_that_is_away_closes_nothing_before_fail_after() {
    let (here, there) = tokio::join!(build("here", 1), build("there", 1));
    watch(&here, &there, "chat", "every = \"200ms\"\nfail_after = 5");
    start(&[&there]).await;
    start(&[&here]).await;
    here[0].wait_log(&["event=monitor_turned", "health=Up"]).await;
    there[0].kill9().await;
    here[0].wait_available("mail", false).await;
    let failures = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("forewarn_monitor_failures_total")).unwrap().to_owned();
        line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    assert!(failures(&here[0].control("GET", "/metrics", &[], None).await.text()) >= 5);
    // The stream breaks, the checks go on; it comes back, and opens.
    there[0].restart().await;
    here[0].wait_available("mail", true).await;
}

#[tokio::test]
async fn farms_in_a_circle_do_not_keep_each_other_closed() {
    let (a, b, c) = tokio::join!(build("a", 1), build("b", 1), build("c", 1));
    for (here, there) in [(&a, &b), (&b, &c), (&c, &a)] {
        watch(here, there, "mail", "every = \"200ms\"");
    }
    start(&[&a, &b, &c]).await;
    // mail at a closes the mail-store of c, and so mail at c, mail at b, and not a's own once more.
    a[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable"})).await;
    for farm in [&c, &b] {
        farm[0].wait_available("mail", false).await;
    }
    let seen = availability(&b[0], "mail").await;
    assert_eq!(seen["causes"][0]["origins"].as_array().unwrap().len(), 2, "from c and from a: {seen}");
    let own = availability(&a[0], "mail").await;
    assert_eq!(own["causes"].as_array().unwrap().len(), 1, "{own}");
    a[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "available"})).await;
    for farm in [&c, &b, &a] {
        farm[0].wait_available("mail", true).await;
    }
    assert!(a[0].get("/api/v1/notifications?source=farm").await.json()["notifications"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_monitor_that_is_gone_takes_back_what_another_node_has_accepted() {
    let (here, there) = tokio::join!(build("here", 3), build("there", 1));
    let (a, c) = (&here[0], &here[2]);
    let config = std::fs::read_to_string(&c.config).unwrap();
    let notifier = format!("[notifier]\ninitial = \"listed\"\nnodes = [\"http://{}\"]\n", a.control);
    std::fs::write(&c.config, config + &notifier).unwrap();
    let without = watch_at(c, &there, "chat", "every = \"200ms\"\nscope = \"farm\"");
    start(&[&here, &there]).await;
    there[0].submit_wait_all(json!({"targets": ["application:chat"], "status": "unavailable"})).await;
    for node in &here.nodes {
        node.wait_available("mail", false).await;
    }
    let said = async || here[1].get("/api/v1/notifications?source=farm").await.json()["notifications"].clone();
    let word = said().await[0].clone();
    assert_eq!((&word["node"], &word["reporter"]), (&json!("a"), &json!("farm/partner")));
    // The node that has accepted it has no such monitor, and leaves it alone when it starts.
    a.terminate().await;
    a.restart().await;
    // The monitor leaves the configuration while its node is down.
    c.terminate().await;
    std::fs::write(&c.config, without).unwrap();
    c.restart().await;
    for node in &here.nodes {
        node.wait_available("mail", true).await;
    }
    assert_eq!(said().await.as_array().unwrap().len(), 2, "the closing, and the opening of c: {}", said().await);
    c.wait_log(&["monitor_word_taken_back", "farm/partner"]).await;
    there[0].gate_get("/chat", &[]).await.expect(503);
}
