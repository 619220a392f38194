//! What a rule may say, what it comes to, and what is refused.
#![allow(clippy::unwrap_used)]
use super::*;

struct Fixed {
    errors: Option<f64>,
    down: usize,
}

impl Figures for Fixed {
    fn increase(&self, _: &str, application: Option<&str>, _: Duration) -> Option<f64> {
        self.errors.map(|errors| if application == Some("phone") { 0.0 } else { errors })
    }
    fn quantile(&self, _: &str, _: Option<&str>, _: Duration, share: f64) -> Option<f64> {
        Some(share)
    }
    fn down(&self, _: &Glob) -> usize {
        self.down
    }
    fn cpu(&self) -> Option<f64> {
        Some(0.5)
    }
    fn memory(&self) -> Option<f64> {
        None
    }
    fn disk_free(&self) -> Option<f64> {
        Some(0.0)
    }
}

fn compile(text: &str) -> Result<Rule, String> {
    Rule::compile(text, &Names { monitors: &["mail-http", "mail-tcp"], applications: &["mail", "phone"] })
}

fn holds(text: &str, errors: Option<f64>, down: usize) -> Result<bool, String> {
    let figures: Arc<dyn Figures> = Arc::new(Fixed { errors, down });
    compile(text).unwrap_or_else(|error| panic!("{text} {error}")).holds(&figures)
}

#[test]
fn counters_monitors_and_the_machine_are_compared() {
    let example = "rate(\"upstream_errors\", \"30s\") > 5.0 || down(\"mail-*\") >= 2";
    assert_eq!(holds(example, Some(151.0), 0), Ok(true));
    assert_eq!(holds(example, Some(150.0), 1), Ok(false));
    assert_eq!(holds(example, Some(0.0), 2), Ok(true));
    assert_eq!(holds("count('requests', '1m') > 10", Some(11.0), 0), Ok(true), "a whole number compares, too");
    let reads = compile("count('requests', '1m') > 1.0 || rate('requests', '1m') > 1.0").unwrap();
    assert_eq!(reads.series().len(), 1);
    assert_eq!(holds("rate('requests', '1s', 'phone') > 0.0", Some(11.0), 0), Ok(false));
    assert_eq!(holds("p99('upstream_seconds', '30s') > 0.98 && cpu() == 0.5 && !(down('*') > 0)", None, 0), Ok(true));
}

#[test]
fn what_cannot_be_told_is_an_error() {
    assert!(holds("rate('requests', '30s') > 1.0", None, 0).unwrap_err().contains("no data"));
    assert!(holds("memory() > 0.9", None, 0).is_err());
    assert!(holds("1 / down('mail-*') > 0", None, 0).is_err(), "division by zero");
    assert_eq!(holds("down('*') > 1 || memory() > 0.9", None, 2), Ok(true), "one side is enough");
}

#[test]
fn every_fault_is_found_when_a_rule_is_read() {
    let long = format!("1 > {}", "1 + ".repeat(300));
    let deep = format!("{}true{}", "(".repeat(400), ")".repeat(400));
    for (text, part) in [
        ("", "not a valid expression"),
        ("1 >", "not a valid expression"),
        (&long, "longer than 1000"),
        (&deep, ""),
        ("1 + 1", "must be true or false"),
        ("rate('nothing', '30s') > 1.0", "unknown; known are requests"),
        ("rate('requests') > 1.0", "must write rate"),
        ("rate('requests', '0s') > 1.0", "1s to 10m"),
        ("rate('requests', '11m') > 1.0", "1s to 10m"),
        ("rate('requests', 'é') > 1.0", "1s to 10m"),
        ("rate('requests', '30s', 'nope') > 1.0", "not configured here"),
        ("down('phone-*') > 1", "matches no monitor"),
        ("down('[') > 1", "down"),
        ("down(1) > 1", "not a text"),
        ("speed() > 1", "unknown function speed"),
        ("size('abc') > 1", "unknown function size"),
        ("mail > 1", "unknown name mail"),
        ("rate('requests', '30s') * 2 > 1.0", "do not go together"),
        ("[1, 2].exists(x, x > 1)", "loops"),
        ("'a'.contains('b')", "method"),
        ("cpu(1) > 0.5", "takes none"),
        ("true && 1", "do not go together"),
    ] {
        let problem = compile(text).err().unwrap_or_else(|| panic!("{text:.40} is taken"));
        assert!(problem.contains(part), "{text:.40}: {problem}");
    }
}
