//! Readings of paths, and what is refused.
#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn both(raw: &str) -> (String, String) {
    let path = Path::parse(raw.as_bytes()).unwrap();
    (path.literal().to_owned(), path.strict().to_owned())
}

#[test]
fn every_spelling_of_mail_is_mail() {
    for raw in [
        "/mail",
        "//mail",
        "/%6dail",
        "/%6Dail",
        "/chat/../mail",
        "/./mail",
        "/x/%2e%2e/mail",
        "/x/.%2E/mail",
        "///mail",
        "/../../mail",
        "/a/b/../../mail",
        "/mail/x/..",
    ] {
        let (literal, strict) = both(raw);
        assert_eq!(literal.trim_end_matches('/'), "/mail", "{raw}");
        assert_eq!(strict, literal, "{raw}");
    }
    assert_eq!(both("/mail/./x").0, "/mail/x");
    assert_eq!(both("/mail/.").0, "/mail/");
    assert_eq!(both("").0, "/");
    assert_eq!(both("/..").0, "/");
    assert_eq!(both("/Mail").0, "/Mail", "case is kept");
}

#[test]
fn other_readings_are_decided_on_too() {
    for (raw, literal, strict) in [
        ("/mail;x=1", "/mail;x=1", "/mail"),
        ("/;x/mail", "/;x/mail", "/mail"),
        ("/mail;x=1/inbox", "/mail;x=1/inbox", "/mail/inbox"),
        ("/shop%2fcart", "/shop%2Fcart", "/shop/cart"),
        ("/%2fmail", "/%2Fmail", "/mail"),
        ("/shop\\cart", "/shop%5Ccart", "/shop/cart"),
        ("/a%40b", "/a%40b", "/a@b"),
        ("/a%20b%25", "/a%20b%25", "/a%20b%25"),
        ("/caf\u{e9}", "/caf%C3%A9", "/caf%C3%A9"),
        ("/a%3Bb", "/a%3Bb", "/a%3Bb"),
    ] {
        assert_eq!(both(raw), (literal.to_owned(), strict.to_owned()), "{raw}");
    }
}

#[test]
fn doubled_slashes_and_dot_segments_may_stay_as_they_are() {
    let readings = |raw: &[u8]| Path::parse(raw).unwrap().readings().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(readings(b"//mail"), ["/mail", "//mail"]);
    assert_eq!(readings(b"/chat/../mail/%7e"), ["/mail/~", "/chat/../mail/~"]);
    assert_eq!(readings(b"/a;b//c"), ["/a;b/c", "/a/c", "/a;b//c"]);
    assert_eq!(readings(b"/caf\xc3\xa9/\xff"), ["/caf%C3%A9/%FF"]);
    assert_eq!(readings(b"/%6dail"), ["/mail"]);
}

#[test]
fn what_is_not_in_order_has_guesses() {
    for (raw, guess) in [
        (&b"/mail/%zz"[..], "/mail/%25zz"),
        (b"/mail%00.png", "/mail"),
        (b"/mail#x", "/mail"),
        (b"mail", "/mail"),
        (b"/x/..;/mail", "/mail"),
        (b"/mail%2f..%2fchat", "/chat"),
        (b"/mail%2f..%2fchat", "/mail/../chat"),
        (b"/m ail", "/m%20ail"),
    ] {
        assert!(guesses(raw).iter().any(|found| found == guess), "{guess}: {:?}", guesses(raw));
    }
}

#[test]
fn what_cannot_be_decided_is_refused() {
    for (raw, error) in [
        ("/mail%2f..%2fchat", PathError::Ambiguous),
        ("/mail/..%2fchat", PathError::Ambiguous),
        ("/mail\\..\\chat", PathError::Ambiguous),
        ("/x/..;/mail", PathError::Ambiguous),
        ("/x/%2e%2e;a=b/mail", PathError::Ambiguous),
        ("/a%2", PathError::Escape),
        ("/a%zz", PathError::Escape),
        ("/a%+1b", PathError::Escape),
        ("/a%00b", PathError::Nul),
        ("/a\0b", PathError::Nul),
        ("*", PathError::Form),
        ("mail", PathError::Form),
        ("/a b", PathError::Character),
        ("/a?b", PathError::Character),
    ] {
        assert_eq!(Path::parse(raw.as_bytes()), Err(error), "{raw}");
    }
}

#[test]
fn what_is_in_order_is_not_copied() {
    for raw in ["/", "/mail/", "/.well-known/x", "/a%20b", "/a/b..c/.d"] {
        assert!(matches!(normalize(raw), Ok(Cow::Borrowed(_))), "{raw}");
    }
}

proptest! {
    #[test]
    fn normal_is_normal(raw in "/([a-c./;%\\\\é]|%2[eEfF]|%5c|%6d|%25){0,12}") {
        if let Ok(path) = Path::parse(raw.as_bytes()) {
            prop_assert_eq!(&*normalize(path.literal()).unwrap(), path.literal());
            let again = Path::parse(path.literal().as_bytes()).unwrap();
            prop_assert_eq!(again.strict(), path.strict());
            for reading in [path.literal(), path.strict()] {
                prop_assert!(reading.starts_with('/') && !reading.contains("//"));
                prop_assert!(!reading.split('/').any(|s| s == "." || s == ".."));
            }
            if let Some(unresolved) = &path.unresolved {
                prop_assert_eq!(&*normalize(unresolved).unwrap(), path.literal());
            }
            prop_assert!(!path.strict().contains("%2F") && !path.strict().contains(';'));
        }
    }

    #[test]
    fn nothing_panics(raw in any::<Vec<u8>>()) {
        let _ = Path::parse(&raw);
        for guess in guesses(&raw) {
            prop_assert!(guess.starts_with('/') && normalize(&guess).is_ok(), "{}", guess);
        }
    }

    #[test]
    fn what_is_in_order_is_among_the_guesses(raw in "/([a-c./;%\\\\é]|%2[eEfF]|%5c|%6d|%25){0,12}") {
        if let Ok(path) = Path::parse(raw.as_bytes()) {
            let guesses = guesses(raw.as_bytes());
            for reading in [path.literal(), path.strict()] {
                prop_assert!(guesses.iter().any(|guess| guess.trim_end_matches('/') == reading.trim_end_matches('/')), "{}", reading);
            }
        }
    }
}
