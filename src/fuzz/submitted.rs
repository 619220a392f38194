//! What operators, monitors and programs submit: JSON, XML, SOAP, schedules; and the configuration.

use std::path::Path;

use serde_json::Value;

use super::{outcome, run, text};
use crate::{
    availability::{Known, Moment, Name, Reasons, Rules, Schedule, Submission, Target},
    config::Settings,
    control::{
        formats::{
            soap,
            tree::{self, Element},
            xml,
        },
        strict,
    },
};

const WORDS: &[&str] = &[
    "targets",
    "system",
    "application:mail",
    "resource:x",
    "status",
    "unavailable",
    "degraded",
    "criteria",
    "paths",
    "headers",
    "cookies",
    "except",
    "clients",
    "10.0.0.0/8",
    "2026-11-28T16:00:00Z",
    "null",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"a\":",
    "goes_down_at",
    "duration_seconds",
    "*?[a-z]",
    "\\u0000",
    "\\ud800",
    "1e400",
];
const TAGS: &[&str] = &[
    "<notification xmlns=\"urn:forewarn:v1\">",
    "</notification>",
    "<target>",
    "</target>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&amp;",
    "&#0;",
    "&#x10FFFF;",
    "&lol;",
    "<!DOCTYPE a [<!ENTITY lol \"x\">]>",
    "<?x ?>",
    "xmlns:a=\"b\"",
    "<a:b/>",
    "<criteria>",
    "<header name=\"x\">",
    "</header>",
    "</criteria>",
    "<Envelope",
    "<env:Header>",
    "env:mustUnderstand=\"1\"",
    "<env:Body>",
    "\u{feff}",
];

fn known<T>(look: impl FnOnce(&Known<'_>) -> T) -> T {
    let now = Moment::from_millis(1_800_000_000_000);
    let reasons = Reasons::with([]);
    let known = Known {
        target: &|target: &Target| !target.to_string().contains("missing"),
        node: &|name: &Name| name.as_str() != "missing",
        reasons: &reasons,
        rules: Rules::default(),
        now,
        clock: now,
        stamp: now,
    };
    look(&known)
}

/// A submission is refused with fields and words of bounded length, or it is written as JSON that is read as the same.
fn submission(value: &Value) -> u64 {
    let parsed = Submission::parse(value).and_then(|read| known(|known| read.check(known)));
    match parsed {
        Ok(read) => {
            let written = read.to_json();
            let again = Submission::parse(&written).unwrap_or_else(|errors| panic!("{written}: {errors:?}"));
            assert_eq!(again.to_json(), written);
            outcome(&format!("{:?}", written.as_object().map(|members| members.keys().collect::<Vec<_>>())))
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            outcome(&format!("{errors:?}"))
        }
    }
}

#[cfg_attr(test, test)]
pub(super) fn json() {
    run("json", WORDS, |bytes| match strict::read(bytes) {
        Ok(value) => {
            // whoever reads it less strictly reads the same
            let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            assert_eq!(serde_json::from_slice::<Value>(plain).unwrap(), value);
            submission(&value)
        }
        Err(problem) => outcome(&problem),
    });
}

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}

fn count(element: &Element) -> usize {
    1 + element.children.iter().map(count).sum::<usize>()
}

/// An element, written by the program's own writer.
fn write(element: &Element, xml: &mut String) {
    xml::leaf_to(xml, "t", &element.text);
    element.children.iter().for_each(|child| write(child, xml));
}

fn texts(element: &Element, all: &mut Vec<String>) {
    all.push(element.text.clone());
    element.children.iter().for_each(|child| texts(child, all));
}

fn bounded(root: &Element) {
    assert!(depth(root) <= 16 && count(root) <= 2_000);
    let mut written = String::from("<all>");
    write(root, &mut written);
    written.push_str("</all>");
    // a carriage return is written as it is, and read as a line end (XML 1.0, section 2.11)
    let (mut expected, plain) = (Vec::new(), |text: &String| text.replace("\r\n", "\n").replace('\r', "\n"));
    texts(root, &mut expected);
    if expected.len() < 1_999 {
        let read = tree::read(written.as_bytes()).unwrap_or_else(|error| panic!("{written}: {error}"));
        let read: Vec<String> = read.children.iter().map(|child| plain(&child.text)).collect();
        assert_eq!(read, expected.iter().map(plain).collect::<Vec<_>>());
    }
}

#[cfg_attr(test, test)]
pub(super) fn xml_() {
    run("xml", TAGS, |bytes| match tree::read(bytes) {
        Ok(root) => {
            bounded(&root);
            match xml::submission(&root) {
                Ok(value) => submission(&value),
                Err(error) => outcome(&format!("{error:?}")),
            }
        }
        Err(error) => {
            assert!(error.at <= bytes.len() as u64 + 3, "{error}");
            outcome(&error.problem)
        }
    });
}

#[cfg_attr(test, test)]
pub(super) fn soap_() {
    run("soap", TAGS, |bytes| {
        let root = match tree::read(bytes) {
            Ok(root) => root,
            Err(error) => return outcome(&error.problem),
        };
        let mut came = String::new();
        for version in [soap::Version::V1_1, soap::Version::V1_2] {
            match soap::open(&root, version) {
                Ok(element) => {
                    came.push_str(&format!("{:?}", xml::submission(element).map(|value| submission(&value))))
                }
                Err(fault) => {
                    // what a sender is told is an envelope of its version
                    let told = tree::read(fault.envelope(version).as_bytes()).unwrap();
                    assert!(soap::open(&told, version).unwrap().name == "Fault");
                    came.push_str(&format!("{fault:?}"));
                }
            }
        }
        outcome(&came)
    });
}

#[cfg_attr(test, test)]
pub(super) fn schedules() {
    let words = [
        "RRULE:",
        "FREQ=",
        "DAILY",
        "WEEKLY",
        "MONTHLY",
        "YEARLY",
        ";INTERVAL=1000",
        ";COUNT=10000",
        ";UNTIL=20991231T235959Z",
        ";BYDAY=",
        "MO",
        "-53SU",
        ",",
        ";BYMONTH=",
        ";BYMONTHDAY=-31",
        ";BYYEARDAY=366",
        ";BYWEEKNO=53",
        ";BYSETPOS=-1",
        "Europe/Berlin",
        "America/Santiago",
        "Pacific/Apia",
        "2027-03-28T02:30",
        "\"duration_seconds\":1",
    ];
    run("schedules", &words, |bytes| {
        let Ok(value) = strict::read(bytes) else { return 0 };
        let name = "a".parse::<Name>().unwrap();
        match known(|known| Schedule::submitted(&value, known, &name)) {
            Ok(schedule) => {
                // as it is kept; a reason's code is not submitted
                let mut kept = schedule.to_value();
                kept.as_object_mut().unwrap().remove("reason_code");
                let again = known(|known| Schedule::submitted(&kept, known, &name)).unwrap_or_else(|e| panic!("{e:?}"));
                assert_eq!(again.to_value(), schedule.to_value());
                let begins: Vec<Moment> = schedule.begins(Moment::from_millis(1_800_000_000_000)).take(20).collect();
                assert!(begins.is_sorted(), "{begins:?}");
                outcome(&format!("{}", begins.len()))
            }
            Err(errors) => outcome(&format!("{errors:?}")),
        }
    });
}

#[cfg_attr(test, test)]
pub(super) fn configuration() {
    let words = [
        "[node]",
        "[gate]",
        "[control]",
        "[farm]",
        "[farm.queue]",
        "[farm.merge]",
        "[notifier]",
        "[[application]]",
        "[[resource]]",
        "[[reason]]",
        "[[token]]",
        "[[operator]]",
        "[[monitor]]",
        "[[rule]]",
        "[[webhook]]",
        "[mail]",
        "[[alert]]",
        "[gate.tls]",
        "name = ",
        "data = ",
        "listen = ",
        "routes = ",
        "upstream = ",
        "\"\"\"",
        "'''",
        "#",
        "= [",
        "{ a = 1 }",
        "\"unix:/x\"",
        "\"10.0.0.0/8\"",
        "1979-05-27T07:32:00Z",
        "inf",
        "\n",
        "true",
        "\"1s\"",
    ];
    run("configuration", &words, |bytes| match Settings::parse(&text(bytes), Path::new("f.toml")) {
        Ok(_) => outcome("right"),
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty() && told.lines().count() <= 4 * 101 && told.len() < 400_000, "{}", told.len());
            outcome(&told)
        }
    });
}
