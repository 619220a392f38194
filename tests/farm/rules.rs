//! What an application's section changes in its requests and answers, and under which names a node may be asked.

use crate::support::{Farm, TOKEN, own_address, upstream::Upstream};

#[tokio::test]
async fn fields_are_set_and_removed_and_a_body_has_its_bound() {
    let upstream = Upstream::start(own_address());
    let ruled = format!(
        "[[application]]\nname = \"ruled\"\nroutes = [\"/ruled\"]\nupstream = [\"http://{}\"]\nhost = \"upstream\"\n\
         max_body = \"10B\"\nset_request_headers = {{ \"X-Env\" = \"test\" }}\nremove_request_headers = [\"Cookie\"]\n\
         set_answer_headers = {{ \"X-Frame-Options\" = \"DENY\" }}\n",
        upstream.address
    );
    let farm = Farm::new(1).more(0, &ruled).start().await;
    let node = &farm[0];
    let sent = [("host", "site.example"), ("cookie", "a=1"), ("x-env", "forged"), ("x-stays", "1")];
    let answer = node.gate_get("/ruled", &sent).await.expect(200);
    assert_eq!(answer.all("x-frame-options"), ["DENY"]);
    let seen = &upstream.seen()[0];
    assert_eq!(seen.all("host"), [upstream.address.to_string()]);
    assert_eq!(seen.all("x-forwarded-host"), ["site.example"]);
    assert_eq!((seen.all("x-env"), seen.all("x-stays")), (vec!["test"], vec!["1"]));
    assert!(seen.all("cookie").is_empty());
    node.gate_send("POST", "/ruled", &[], Some(b"0123456789")).await.expect(200);
    node.gate_send("POST", "/ruled", &[], Some(b"0123456789a")).await.expect(413);
    node.gate_send("POST", "/chat", &[], Some(b"0123456789a")).await.expect(200);

    // The names of the control listener change in place.
    let file = std::fs::read_to_string(&node.config).unwrap();
    std::fs::write(&node.config, file.replace("[control]\n", "[control]\nhosts = [\"ops.example\"]\n")).unwrap();
    crate::reloading::reload(node, TOKEN).await.expect(200);
    let bearer = format!("Bearer {TOKEN}");
    let ask = async |host: &str| {
        node.control("GET", "/api/v1/nodes", &[("host", host), ("authorization", &bearer)], None).await
    };
    ask("ops.example:7070").await.expect(200);
    ask("evil.example").await.expect(403);
    node.control("GET", "/", &[("host", "evil.example")], None).await.expect(403);
    node.control("GET", "/readyz", &[("host", "evil.example")], None).await.expect(200);
}
