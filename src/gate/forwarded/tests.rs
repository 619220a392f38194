//! Trust in forwarding headers, and the headers that upstreams get.
#![allow(clippy::unwrap_used)]

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn written(trusted: bool, peer: &str, sent: &[(&str, &str)]) -> Vec<String> {
    let mut out = Vec::new();
    let forwarding = Forwarding {
        peer: peer.parse().ok(),
        trusted,
        host: "mail.example:8080",
        secure: false,
        http2: false,
        ids: None,
        rules: None,
        keeps_host: true,
    };
    forwarding.write(&headers(sent), &mut out);
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

const SENT: &[(&str, &str)] = &[
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-for", "198.51.100.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "public.example"),
    ("forwarded", "for=192.0.2.66;proto=http;host=other.example"),
];

#[test]
fn a_stranger_is_described_anew() {
    assert_eq!(
        written(false, "192.0.2.1", SENT),
        [
            "x-forwarded-for: 192.0.2.1",
            "x-forwarded-proto: http",
            "x-forwarded-host: mail.example:8080",
            "forwarded: for=192.0.2.1;host=\"mail.example:8080\";proto=http",
        ]
    );
}

#[test]
fn a_trusted_proxy_is_appended_to_and_both_forms_say_the_same() {
    assert_eq!(
        written(true, "2001:db8::1", SENT),
        [
            "x-forwarded-for: 203.0.113.9, 198.51.100.1, 2001:db8::1",
            "x-forwarded-proto: https",
            "x-forwarded-host: public.example",
            "forwarded: for=203.0.113.9;host=\"public.example\";proto=https, for=198.51.100.1, for=\"[2001:db8::1]\"",
        ]
    );
}

#[test]
fn what_a_trusted_proxy_says_in_one_form_is_said_in_both() {
    for (sent, expected) in [
        (
            &[("forwarded", "for=\"[2001:db8::7]:4711\";proto=https, for=_hidden;host=\"a.example\"")][..],
            [
                "x-forwarded-for: 2001:db8::7, _hidden, 10.0.0.1",
                "x-forwarded-proto: https",
                "x-forwarded-host: a.example",
                "forwarded: for=\"[2001:db8::7]\";host=\"a.example\";proto=https, for=_hidden, for=10.0.0.1",
            ],
        ),
        (
            &[("x-forwarded-proto", "https, http"), ("x-forwarded-host", " , a.example, b.example")],
            [
                "x-forwarded-for: 10.0.0.1",
                "x-forwarded-proto: https",
                "x-forwarded-host: a.example",
                "forwarded: for=10.0.0.1;host=\"a.example\";proto=https",
            ],
        ),
        (
            &[("x-forwarded-for", "1.2.3.4:81, , no address"), ("x-forwarded-for", ""), ("x-forwarded-host", "a\"b")],
            [
                "x-forwarded-for: 1.2.3.4:81, no address, 10.0.0.1",
                "x-forwarded-proto: http",
                "x-forwarded-host: a\"b",
                "forwarded: for=1.2.3.4;host=\"a\\\"b\";proto=http, for=unknown, for=10.0.0.1",
            ],
        ),
    ] {
        assert_eq!(written(true, "10.0.0.1", sent), expected, "{sent:?}");
    }
}

#[test]
fn claims() {
    for (name, expected) in [
        ("x-forwarded-for", Claim::Rebuilt),
        ("forwarded", Claim::Rebuilt),
        ("x-forwarded-port", Claim::IfTrusted),
        ("x-real-ip", Claim::IfTrusted),
        ("proxy", Claim::IfTrusted),
        ("x-original-url", Claim::IfTrusted),
        ("x-rewrite-url", Claim::IfTrusted),
        ("x_forwarded_for", Claim::Forged),
        ("x-forwarded_for", Claim::Forged),
        ("x_forwarded_port", Claim::Forged),
        ("x_real_ip", Claim::Forged),
        ("x_original_url", Claim::Forged),
        ("content_length", Claim::Forged),
        ("transfer_encoding", Claim::Forged),
        ("keep_alive", Claim::Forged),
        ("forewarn-reason", Claim::Forged),
        ("forewarn_reason", Claim::Forged),
        ("user_id", Claim::None),
        ("content_lengths", Claim::None),
        ("proxy-status", Claim::None),
        ("x-request-id", Claim::None),
        ("from", Claim::None),
        ("cookie", Claim::None),
    ] {
        assert_eq!(claim(name), expected, "{name}");
    }
}

#[test]
fn the_client_is_the_first_untrusted_from_the_right() {
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]);
    let client =
        |peer: &str, sent: &[(&str, &str)]| trusted.client_address(peer.parse().unwrap(), &headers(sent)).to_string();
    let xff = "x-forwarded-for";
    assert_eq!(client("192.0.2.1", &[(xff, "1.1.1.1")]), "192.0.2.1");
    assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(client("::ffff:10.0.0.1", &[(xff, "6.6.6.6, 1.1.1.1"), (xff, "10.0.0.2,")]), "1.1.1.1");
    assert_eq!(client("10.0.0.1", &[(xff, "1.1.1.1:4711")]), "1.1.1.1");
    assert_eq!(client("10.0.0.1", &[(xff, "1.1.1.1, nonsense")]), "10.0.0.1");
    assert_eq!(client("10.0.0.1", &[("forwarded", "for=\"[2001:db8::7]\"")]), "2001:db8::7");
    assert_eq!(client("10.0.0.1", &[("forwarded", "for=6.6.6.6"), (xff, "1.1.1.1")]), "1.1.1.1");
}
