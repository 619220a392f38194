//! What matches, what is equal, and what is refused.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::{Value, json};

fn facts<'a>(headers: &'a dyn HeaderSource) -> RequestFacts<'a> {
    RequestFacts {
        method: "POST",
        path: "/mail/send",
        also: [None; 2],
        query: "folder=in+box&draft=%37",
        headers,
        client: Some("192.0.2.9".parse().unwrap()),
        node: "a",
        inside: false,
    }
}

fn matches(value: Value) -> bool {
    let headers: &[(String, String)] = &[("User-Agent".into(), "Curl/8".into())];
    let criteria = Criteria::parse(&value).unwrap().unwrap();
    struct Slice<'a>(&'a [(String, String)]);
    impl HeaderSource for Slice<'_> {
        fn each<'b>(&'b self, name: &str, take: &mut dyn FnMut(&'b [u8])) {
            self.0.each(name, take)
        }
    }
    criteria.match_request(&facts(&Slice(headers)))
}

#[test]
fn every_kind_must_match_and_one_of_a_list_is_enough() {
    assert!(matches(json!({"methods": ["get", "post"], "paths": ["/chat", "/mail/*"]})));
    assert!(!matches(json!({"methods": ["get"], "paths": ["/mail/*"]})));
    assert!(matches(json!({"headers": {"user-agent": "curl/*"}})));
    assert!(!matches(json!({"headers": {"user-agent": "curl/*", "accept": "*"}})));
    assert!(matches(json!({"query": {"folder": "in box", "draft": "[0-9]"}})));
    assert!(matches(json!({"clients": ["198.51.100.0/24", "192.0.2.0/24"]})));
    assert!(!matches(json!({"nodes": ["b"]})));
}

#[test]
fn cookies_are_looked_up_by_name_and_exceptions_are_left_out() {
    let matches = |value: Value, cookies: &str| {
        struct Cookies<'a>(&'a str);
        impl HeaderSource for Cookies<'_> {
            fn each<'b>(&'b self, name: &str, take: &mut dyn FnMut(&'b [u8])) {
                self.0.split('\n').filter(|_| name == "cookie").for_each(|line| take(line.as_bytes()));
            }
        }
        Criteria::parse(&value).unwrap().unwrap().match_request(&facts(&Cookies(cookies)))
    };
    let beta = json!({"cookies": {"beta": "yes*"}});
    for (cookies, expected) in [
        ("beta=yes", true),
        ("a=b; beta=\"yes, please\";c=d", true),
        ("a=b\nbeta=yes", true),
        ("beta=no; beta=yes!", true),
        // The first 8 of a name, and of all the first 256.
        (&("beta=no;".repeat(7) + "beta=yes"), true),
        (&("beta=no;".repeat(8) + "beta=yes"), false),
        (&("a=b;".repeat(255) + "beta=yes"), true),
        (&("a=b;".repeat(256) + "beta=yes"), false),
        ("Beta=yes", false),
        ("beta=YES", false),
        ("xbeta=yes", false),
        ("a=beta=yes", false),
        ("", false),
    ] {
        assert_eq!(matches(beta.clone(), cookies), expected, "{cookies:?}");
    }
    let except = |exceptions: Value| matches(json!({"methods": ["POST"], "except": exceptions}), "tester=1");
    assert!(except(json!([{"paths": ["/chat/*"]}])));
    assert!(!except(json!([{"paths": ["/chat/*"]}, {"cookies": {"tester": "1"}}])));
    assert!(!except(json!([{"paths": ["/mail/*"], "clients": ["192.0.2.0/24"]}])));
    assert!(except(json!([{"paths": ["/mail/*"], "clients": ["198.51.100.0/24"]}])));
    for (wrong, field) in [
        (json!({"except": []}), "criteria.except"),
        (json!({"except": [{}]}), "criteria.except[0]"),
        (json!({"except": [{"methods": ["GET"], "except": [{"methods": ["PUT"]}]}]}), "criteria.except[0].except"),
        (json!({"except": [{"paths": ["mail"]}]}), "criteria.except[0].paths[0]"),
        (json!({"except": vec![json!({"methods": ["GET"]}); 9]}), "criteria.except"),
        (json!({"cookies": {"a;b": "x"}}), "criteria.cookies.a;b"),
        (json!({"cookies": {"a": "x;*"}}), "criteria.cookies.a"),
    ] {
        let errors = Criteria::parse(&wrong).unwrap_err();
        assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), [field], "{wrong}");
    }
    // One form, whatever the order; written as it is read.
    let read = |value: Value| serde_json::from_value::<Criteria>(value).unwrap();
    let (one, other) = (json!({"methods": ["GET"]}), json!({"nodes": ["a"], "cookies": {"x": "1"}}));
    assert_eq!(read(json!({"except": [one, other]})), read(json!({"except": [other, one, one]})));
    let whole = json!({"cookies": {"b": "*"}, "except": [{"methods": ["GET"]}, {"nodes": ["a"]}]});
    assert_eq!(serde_json::to_value(Criteria::parse(&whole).unwrap().unwrap()).unwrap(), whole);
    // An exception that cannot be judged makes the whole unjudgeable, and is kept as it is.
    let newer = json!({"except": [{"moon": ["full"]}]});
    assert!(read(newer.clone()).has_unread() && serde_json::to_value(read(newer.clone())).unwrap() == newer);
}

#[test]
fn equal_ones_are_equal_in_one_form() {
    let one = Criteria::parse(&json!({"methods": ["post", "GET", "get"], "clients": ["10.1.2.3/8"]})).unwrap().unwrap();
    let other = Criteria::parse(&json!({"clients": ["10.0.0.0/8"], "methods": ["GET", "POST"]})).unwrap().unwrap();
    assert_eq!(one, other);
    let again: Criteria = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
    assert_eq!(again, one);
    assert_eq!(Criteria::parse(&json!({})).unwrap(), None);
}

#[test]
fn what_a_newer_version_adds_is_kept_compared_and_matches_nothing() {
    let read = |value: Value| serde_json::from_value::<Criteria>(value).unwrap();
    let newer =
        json!({"methods": ["POST"], "moon": {"phase": 0.1, "a": [1, {}]}, "paths": {"regex": ".*"}, "nodes": []});
    let criteria = read(newer.clone());
    assert_eq!(serde_json::to_value(&criteria).unwrap(), newer);
    assert_eq!(criteria.unread().collect::<Vec<_>>(), ["moon", "nodes", "paths"]);
    assert!(criteria.has_unread() && !criteria.match_request(&facts(&NoHeaders)));
    assert!(read(json!({"methods": ["POST"]})).match_request(&facts(&NoHeaders)));
    // Members in any order; what is known is brought into its form all the same.
    assert_eq!(
        criteria,
        read(
            json!({"paths": {"regex": ".*"}, "nodes": [], "moon": {"a": [1, {}], "phase": 0.1}, "methods": ["post", "POST"]})
        )
    );
    assert_ne!(criteria, read(json!({"methods": ["POST"]})));
    assert_ne!(read(json!({"moon": 1})), read(json!({"moon": 2})));
    assert!(
        read(json!({"moon": 1, "nodes": ["a"]})).nodes().len() == 1
            && !read(json!({"moon": 1, "nodes": ["a"]})).only_nodes()
    );
    for none in [json!({}), json!([]), json!(null), json!("moon")] {
        assert!(serde_json::from_value::<Criteria>(none).is_err());
    }
}

#[test]
fn everything_wrong_is_named() {
    let errors = Criteria::parse(
        &json!({"paths": ["[a"], "methods": [], "hosts": ["x"], "clients": ["nowhere"], "query": {"a": 1}}),
    )
    .unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(
        fields,
        ["criteria.clients[0]", "criteria.hosts", "criteria.methods", "criteria.paths[0]", "criteria.query.a"]
    );
}
