//! Every refusal once, each with the line and the key it must name.

use super::*;
use crate::hook::Kind;

#[test]
fn all_problems_are_listed_by_line() {
    let text = "[gate]\nlisten = 1\n[node]\nname = \"a b\"\nsize = 3\n";
    let message = message(text);
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 4, "{message}");
    assert!(lines[0].starts_with("f.toml:2: gate.listen: must be a text"));
    assert!(lines[1].starts_with("f.toml:3: node.data: is required"));
    assert!(lines[2].starts_with("f.toml:4: node.name: must be 1 to 64"));
    assert!(lines[3].starts_with("f.toml:5: node.size: unknown key; known here are: name, data"));
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refused("[gate\n", "4: syntax: ");
    refused("[gate]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n", "6: listen: duplicate");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    std::fs::write(&file, b"[node]\nname = \"\xff\"").unwrap();
    let error = Settings::load(&file).unwrap_err().to_string();
    assert!(error.ends_with("f.toml:2: file: is not UTF-8 text"), "{error}");
    std::fs::write(&file, vec![b'\n'; 1024 * 1024 + 1]).unwrap();
    assert!(Settings::load(&file).unwrap_err().to_string().contains("1 MiB"));
    let missing = Settings::load(&folder.path().join("none")).unwrap_err();
    assert!(matches!(missing, ConfigError::Unreadable { .. }));
}

#[test]
fn unknown_keys_are_named_wherever_they_are() {
    refused("[gates]\n", "4: gates: unknown key");
    refused("[farm.merge]\nall = 1\n", "5: farm.merge.all: unknown key");
    refused("[[resource]]\nname = \"x\"\ntitle = \"X\"\n", "6: resource.title: unknown key");
}

#[test]
fn wrong_types_are_named() {
    assert!(message("node = 1\n").contains("f.toml:1: node: must be a section"));
    refused("[application]\nname = \"x\"\n", "4: application: must be a list of sections");
    refused("[gate]\ntrusted_proxies = \"x\"\n", "5: gate.trusted_proxies: must be a list");
    refused("[farm]\nfanout = true\n", "5: farm.fanout: must be \"all\" or");
    refused("[[application]]\nname = \"x\"\ncritical = 1\n", "6: application.critical: must be true");
    refused("[[application]]\nname = \"x\"\nagree = 1.5\n", "6: application.agree: must be a whole");
}

#[test]
fn node_gate_and_control_have_limits() {
    let node = |line: &str| message(&format!("[node]\nname = \"a\"\ndata = \"d\"\n{line}"));
    assert!(node("reserve = \"1B\"").starts_with("f.toml:4: node.reserve: must be from 64KiB"));
    assert!(node("reserve = \"1 mile\"").contains("must be a size"));
    refused("[gate]\nlisten = \"localhost\"\n", "5: gate.listen: must be an address and a port");
    refused("[gate]\ntrusted_proxies = [\"10.0.0.1\"]\n", "5: gate.trusted_proxies: must be a net");
    refused("[gate]\nlisten = []\n", "5: gate.listen: must not be empty");
    refused("[gate]\nlisten = [\"127.0.0.1:1\", \"unix:x\"]\n", "5: gate.listen: must be \"unix:\" and an absolute");
    refused("[gate]\nlisten = [\"[::]:1\",\n\"[::]:1\"]\n", "6: gate.listen: is listed twice");
    refused("[gate]\nmax_body = \"0B\"\n", "5: gate.max_body: must be from 1B");
    refused("[gate]\nmax_connections = 0\n", "5: gate.max_connections: must be from 1 to 1000000");
    refused("[gate.timeouts]\nidle = \"2h\"\n", "5: gate.timeouts.idle: must be from 10ms to 1h");
    refused("[gate.timeouts]\nread = \"2s\"\n", "5: gate.timeouts.read: unknown key");
    refused("[gate.per_client]\nstreams = 0\n", "5: gate.per_client.streams: must be from 1");
    let application = |line: &str| format!("[[application]]\nname = \"x\"\n{line}\n");
    refused(&application("balance = \"x\""), "6: application.balance: must be \"round-robin\" or");
    refused(&application("exempt = [\"x\"]"), "6: application.exempt: does not begin with '/'");
    refused(&application("rate_limit = \"20\""), "6: application.rate_limit: must be a rate such as");
    refused(&application("rate_burst = 5"), "6: application.rate_burst: needs rate_limit");
    refused(&application("strip_prefix = 1"), "6: application.strip_prefix: must be true or false");
    refused("[control]\nadvertise = \"ftp://a\"\n", "5: control.advertise: must be an address");
    refused("[control]\ntime_zone = \"Mars/Base\"\n", "5: control.time_zone: must be a time zone");
    let open = "[control]\nlisten = \"0.0.0.0:7070\"\n";
    refused(open, "5: control.listen: is not a loopback address");
    let secret = "[farm]\nsecret = \"0123456789abcdef\"\n";
    refused(&format!("{open}{secret}"), "4: control.advertise: is required");
    accepted(&format!("{open}advertise = \"http://10.0.0.1:7070\"\n{secret}"));
}

#[test]
fn the_farm_has_limits() {
    refused("[farm]\nsecret = \"0123456789abcde\"\n", "5: farm.secret: must be 16 to");
    refused("[farm]\npeers = [\"http://b:1\"]\n", "5: farm.peers: needs farm.secret");
    let secret = "secret = \"0123456789abcdef\"";
    let peers = "peers = [\n\"http://b:1\",\n\"http://B:1/\"]";
    refused(&format!("[farm]\n{secret}\n{peers}\n"), "8: farm.peers: is listed twice");
    refused("[farm]\nfanout = 0\n", "5: farm.fanout: must be from 1 to 10000");
    refused("[farm]\nfanout = \"some\"\n", "5: farm.fanout: must be \"all\" or");
    refused("[farm]\nfanout = 99999999999999999999\n", "5: farm.fanout: must be from 1");
    refused("[farm]\nmax_clock_skew = \"2h\"\n", "5: farm.max_clock_skew: must be from 10ms to 1h");
    refused("[farm]\nlapse = \"5\"\n", "5: farm.lapse: must be a duration");
    refused("[farm.queue]\nkind = \"kafka\"\n", "5: farm.queue.kind: must be \"embedded\" or \"nats\"");
    let secret = "[farm]\nsecret = \"0123456789abcdef\"\n[farm.queue]\nkind = \"nats\"\n";
    refused("[farm.queue]\nkind = \"nats\"\n", "5: farm.queue.kind: needs farm.secret");
    refused("[farm.queue]\nurl = \"nats://a:4222\"\n", "4: farm.queue.kind: is required with a url");
    for (key, value, problem) in [
        ("stream", "two words", "must be 1 to 64 letters"),
        ("stream", "a.b", "must be 1 to 64 letters"),
        ("stream", "", "must be 1 to 64 letters"),
        ("max_bytes", "1MiB", "must be from 4MiB to 1TiB"),
        ("url", "http://a:4222", "must be an address such as nats://"),
        ("url", "nats://me:secret@a:4222", "must not contain credentials"),
        ("url", "a", "is not an address such as"),
    ] {
        refused(&format!("{secret}{key} = \"{value}\"\n"), &format!("8: farm.queue.{key}: {problem}"));
    }
    refused("[farm.merge]\nreferences = -1\n", "5: farm.merge.references: must be from 1");
    refused("[farm.merge]\norder = \"any\"\n", "5: farm.merge.order: must be \"listed\" or");
    refused("[farm.merge]\nmode = \"any\"\n", "5: farm.merge.mode: must be \"series\" or");
    refused("[farm.merge]\ntimeout = \"11m\"\n", "5: farm.merge.timeout: must be from 10ms to 10m");
    refused("[farm.merge]\nevery = \"1ms\"\n", "5: farm.merge.every: must be from 100ms to 1d");
}

#[test]
fn a_secret_can_be_in_a_file_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    std::fs::write(folder.path().join("secret"), "  0123456789abcdef\n").unwrap();
    let text = format!("{LEAST}[farm]\nsecret_file = \"secret\"\n");
    let settings = Settings::parse(&text, &file).unwrap();
    assert_eq!(settings.farm.secret.unwrap().expose_secret(), "0123456789abcdef");
    let both = format!("{text}secret = \"0123456789abcdef\"\n");
    let error = Settings::parse(&both, &file).map(drop).unwrap_err().to_string();
    assert!(error.contains(":5: farm.secret_file: cannot be set together"), "{error}");
    refused("[farm]\nsecret_file = \"no/such\"\n", "5: farm.secret_file: no/such cannot be read");
}

#[test]
fn names_are_unique_and_references_are_found() {
    for list in ["application", "resource"] {
        let entry = format!("[[{list}]]\nname = \"x\"\n");
        refused(&format!("{entry}{entry}"), &format!("7: {list}.name: \"x\" is used twice"));
    }
    refused("[[resource]]\n", "4: resource.name: is required");
    let uses = "[[application]]\nname = \"x\"\nuses = [\"y\"]\n";
    refused(uses, "6: application.uses: there is no [[resource]] named \"y\"");
    refused("[[application]]\nname = \"x\"\nagree = 0\n", "6: application.agree: must be from 1");
    refused("[[application]]\nname = \"x\"\ntitle = \"\"\n", "6: application.title: must be 1 to 200");
    let upstream = "[[application]]\nname = \"x\"\nupstream = [\"http://u/path\"]\n";
    refused(upstream, "6: application.upstream: must be an address");

    let reason = |code: u32, name: &str| format!("[[reason]]\ncode = {code}\nname = \"{name}\"\n");
    refused(&reason(99, "x"), "5: reason.code: must be from 100");
    refused(&reason(100, "testing"), "6: reason.name: \"testing\" is a built-in");
    refused(&(reason(100, "x") + &reason(100, "y")), "8: reason.code: 100 is used twice");
    refused(&(reason(100, "x") + &reason(101, "x")), "9: reason.name: \"x\" is used twice");
    refused("[[reason]]\nname = \"x\"\n", "4: reason.code: is required");
}

#[test]
fn credentials_have_limits() {
    let token = |name: &str, role: &str, hash: &str| {
        format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{hash}\"\n")
    };
    let (one, other) = ("ab".repeat(32), "cd".repeat(32));
    refused(&token("x", "king", &one), "6: token.role: must be \"operator\" or");
    refused(&token("x", "monitor", &one[1..]), "7: token.sha256: must be 64");
    let operator = |name: &str, hash: &str| format!("[[operator]]\nname = \"{name}\"\npassword = \"{hash}\"\n");
    let twice = token("x", "monitor", &one) + &token("x", "monitor", &other);
    refused(&twice, "9: token.name: \"x\" is used twice");
    let shared = token("x", "monitor", &one) + &token("y", "monitor", &one);
    refused(&shared, "11: token.sha256: is another token's");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    refused(&token("x", "monitor", empty), "7: token.sha256: is the hash of the empty text");
    let more = |line: &str| token("x", "viewer", &one) + line;
    refused(&more("expires = \"tomorrow\""), "8: token.expires: must be a time such as");
    refused(&more("targets = [\"application:[ab]\"]"), "8: token.targets: must be \"system\"");
    refused(&more("targets = [\"\"]"), "8: token.targets: must be \"system\"");
    refused(&(operator("x", &phc()) + "role = \"monitor\""), "7: operator.role: must be \"operator\" or \"viewer\"");
    refused(&operator("x", "plain"), "6: operator.password: must be an argon2id hash");
    let twice = operator("x", &phc()) + &operator("x", &phc());
    refused(&twice, "8: operator.name: \"x\" is used twice");
}

#[test]
fn a_notifier_has_nodes_to_choose_from() {
    let notifier = |initial: &str, nodes: &str| {
        let secret = "[farm]\nsecret = \"0123456789abcdef\"\n";
        format!("[notifier]\ninitial = \"{initial}\"\nnodes = {nodes}\n{secret}")
    };
    let nodes = "[\"http://127.0.0.1:7071\"]";
    refused(&notifier("first", "[]"), "5: notifier.initial: must be \"self\" or \"listed\" or");
    refused(&notifier("self", nodes), "6: notifier.nodes: has no effect");
    refused(&notifier("listed", "[]"), "6: notifier.nodes: is required");
    refused("[notifier]\ninitial = \"listed\"\n", "4: notifier.nodes: is required");
    refused(&notifier("listed", nodes).replace("secret =", "# "), "6: notifier.nodes: needs farm.secret");
    let listed = accepted(&notifier("least-loaded", nodes)).notifier;
    assert_eq!((listed.initial, listed.nodes.len()), (Initial::LeastLoaded, 1));
    assert_eq!(accepted(&notifier("self", "[]")).notifier, Notifier::default());
}

#[test]
fn alerts_name_labels_a_target_and_a_known_reason() {
    let alert = |lines: &str| format!("[[alert]]\n{lines}\n");
    refused(&alert("target = \"system\""), "4: alert.match: must name a label");
    refused(&alert("match = {}\ntarget = \"system\""), "5: alert.match: must name a label");
    refused(&alert("match = { a = 1 }\ntarget = \"system\""), "5: alert.match: must be a text");
    refused(&alert("match = { a = \"b\" }"), "4: alert.target: is required");
    refused(&alert("match = { a = \"b\" }\ntarget = \"mail\""), "6: alert.target: is none of");
    let known = "match = { a = \"b\" }\ntarget = \"system\"\n";
    refused(&alert(&format!("{known}reason = \"x\"")), "7: alert.reason: there is no [[reason]] named \"x\"");
    refused(&alert(&format!("{known}colour = \"x\"")), "7: alert.colour: unknown key");
    let rule = &accepted(&alert(&format!("{known}reason = \"testing\""))).alerts[0];
    assert_eq!((rule.labels["a"].as_str(), rule.target.to_string().as_str()), ("b", "system"));
    let own = "[[reason]]\ncode = 100\nname = \"x\"\n";
    accepted(&(alert(&format!("{known}reason = \"x\"")) + own));
}

#[test]
fn a_status_page_has_a_title_and_an_address() {
    let page = |lines: &str| format!("[status_page]\n{lines}\n");
    refused(&page("title = \"x\""), "4: status_page.url: is required");
    refused(&page("title = \" \"\nurl = \"https://x\""), "5: status_page.title: must not be empty");
    let long = "x".repeat(201);
    refused(&page(&format!("title = \"{long}\"\nurl = \"https://x\"")), "5: status_page.title: must be at most 200");
    for url in ["www.example.com", "ftp://x", "https://", "https://a b"] {
        refused(&page(&format!("title = \"x\"\nurl = \"{url}\"")), "6: status_page.url: must be an address");
    }
    let accepted = accepted(&page("title = \" x \"\nurl = \"https://www.example.com/\"")).status_page.unwrap();
    assert_eq!((accepted.title.as_str(), accepted.url.as_str()), ("x", "https://www.example.com"));
    assert!(self::accepted("").status_page.is_none());
}

#[test]
fn hooks_have_addresses_events_and_receivers() {
    let hook = |more: &str| format!("[[webhook]]\nname = \"x\"\n{more}\n");
    refused(&hook(""), "4: webhook.url: is required");
    for url in ["hooks.example.com", "ftp://x/", "http:///"] {
        refused(&hook(&format!("url = \"{url}\"")), "6: webhook.url: must be an address");
    }
    let url = "url = \"http://h/x\"";
    refused(&hook(&format!("{url}\nformat = \"xml\"")), "7: webhook.format: must be");
    refused(&hook(&format!("{url}\nevents = [\"closed\", \"gone\"]")), "7: webhook.events: must be");
    refused(&hook(&format!("{url}\nsecret = \"\"")), "7: webhook.secret: must not be empty");
    refused(&hook(&format!("{url}\ntls_ca = \"none.pem\"")), "7: webhook.tls_ca: ");
    let many: String = (0..33).map(|n| format!("[[webhook]]\nname = \"x{n}\"\n{url}\n")).collect();
    refused(&many, "4: webhook: must be at most 32");
    let mail = |more: &str| format!("[mail]\nfrom = \"f@example.com\"\n{more}\n");
    refused(&mail("to = \"o@example.com\""), "4: mail.server: is required");
    let server = "server = \"smtps://u@h\"";
    refused(&mail(server), "4: mail.to: is required");
    refused(&mail(&format!("{server}\nto = [\"nobody\"]")), "7: mail.to: must be a mail address");
    for wrong in ["http://h", "smtp:h", "smtp://h/x", "smtp://u:p@h"] {
        refused(&mail(&format!("server = \"{wrong}\"\nto = \"o@example.com\"")), "6: mail.server: must");
    }
    let to = "to = \"o@example.com\"";
    refused(&mail(&format!("server = \"smtp://h\"\npassword = \"x\"\n{to}")), "7: mail.password: needs a user");
    let both = format!("{}{}", hook(&format!("{url}\nevents = [\"planned\"]")), mail(&format!("{server}\n{to}")));
    let hooks = accepted(&both).hooks;
    assert_eq!(hooks.iter().map(|hook| hook.kind()).collect::<Vec<_>>(), ["webhook", "mail"]);
    assert_eq!(hooks[0].kinds, [Kind::Planned, Kind::Cancelled]);
    assert_eq!(hooks[1].kinds, Kind::ALL);
    refused(
        &format!("[[webhook]]\nname = \"mail\"\n{url}\n{}", mail(&format!("{server}\n{to}"))),
        "4: webhook: \"mail\" is the name of [mail]",
    );
}

/// A setting without effect would be a promise that is not kept.
#[test]
fn what_would_have_no_effect_is_refused() {
    let changing = "[farm]\nsecret = \"0123456789abcdef\"\nprevious_secret = ";
    refused(&format!("{changing}\"0123456789abcdef\"\n"), "6: farm.previous_secret: is the same as farm.secret");
    refused(&format!("{changing}\"x\"\n"), "6: farm.previous_secret: must be 16 to 4096 bytes");
    let alone = "[farm]\nprevious_secret = \"0123456789abcdef\"\n";
    refused(alone, "5: farm.previous_secret: needs farm.secret");
    refused(
        "[[application]]\nname = \"x\"\nupstream_ca = \"/none\"\n",
        "6: application.upstream_ca: /none cannot be read",
    );
    refused("[gate]\nproxy_protocol = true\n", "5: gate.proxy_protocol: needs gate.trusted_proxies");
    refused("[[application]]\nname = \"x\"\nproxy_protocol = \"v1\"\n", "6: application.proxy_protocol: must be");
}

#[test]
fn certificates_are_read_and_checked_with_the_file() {
    refused("[gate.tls]\ncert = \"/none\"\nkey = \"x\"\n", "5: gate.tls.cert: /none cannot be read: ");
    refused("[gate.tls]\nhsts = \"1d\"\nkey = \"x\"\n", "4: gate.tls.cert: is required");
    refused("[gate.tls]\ncertificates = [{ cert = \"/none\", key = \"x\" }]\n", "5: gate.tls.certificates.cert: /none");
    refused("[farm]\ntls_cert = \"/none\"\ntls_key = \"x\"\n", "5: farm.tls_cert: /none cannot be read");
    refused("[farm]\ntls_ca = \"/none\"\n", "5: farm.tls_ca: /none cannot be read");
    refused("[gate]\nredirect = \"127.0.0.1:80\"\n", "5: gate.redirect: needs [gate.tls]");
}

#[test]
fn gate_and_control_do_not_share_a_port() {
    let two = |gate: &str, control: &str| {
        format!(
            "[gate]\nlisten = \"{gate}\"\n[control]\nlisten = \"{control}\"\nadvertise = \"http://h:1\"\n\
                 [farm]\nsecret = \"0123456789abcdef\"\n"
        )
    };
    let shared = "7: control.listen: shares its port with gate.listen";
    refused(&two("127.0.0.1:7070", "127.0.0.1:7070"), shared);
    refused(&two("0.0.0.0:7070", "127.0.0.1:7070"), shared);
    refused(&two("127.0.0.1:7070", "0.0.0.0:7070"), shared);
    refused(&two("[::]:7070", "127.0.0.1:7070"), shared);
    refused("[gate]\nlisten = \"127.0.0.1:7070\"\n", "5: gate.listen: shares its port with control.listen, 127.0.0.1");
    for (gate, control) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:7070", "127.0.0.2:7070"),
        ("0.0.0.0:7070", "[::1]:7070"),
        ("127.0.0.1:7070", "127.0.0.1:7071"),
    ] {
        accepted(&two(gate, control));
    }
}

#[test]
fn origins_are_listed_or_all_or_none() {
    use crate::vocabulary::Cors;
    let cors = |text: &str| accepted(&format!("[gate]\ncors = {text}\n")).gate.cors;
    assert_eq!(accepted("").gate.cors, Cors::Any);
    assert_eq!((cors("\"*\""), cors("\"off\""), cors("[\"off\"]")), (Cors::Any, Cors::Off, Cors::Off));
    assert_eq!(cors("[\"https://a.example\"]"), Cors::Origins(vec!["https://a.example".to_owned()]));
    refused("[gate]\ncors = [\"https://a.example\", \"*\"]\n", "5: gate.cors: \"*\" and \"off\" stand alone");
    refused("[gate]\ncors = \"https://a.example/\"\n", "5: gate.cors: must be an origin");
    refused("[gate]\ncors = []\n", "5: gate.cors: must not be empty");
}
