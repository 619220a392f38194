//! The errors of a form, each beside its field.

use crate::availability::FieldError;

/// One thing to fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The `id` of the input that it is about.
    pub anchor: &'static str,
    /// A whole sentence.
    pub text: String,
}

/// Which input shows a member of the submission, and what it is called there.
fn place(field: &str) -> (&'static str, &str) {
    let whole = field.split('[').next().unwrap_or(field);
    match whole {
        "targets" => ("targets", "What is affected"),
        "status" => ("status", "The new status"),
        "reason" => ("reason", "The reason"),
        "component" => ("component", "The failed part"),
        "message" => ("message", "The message"),
        "goes_down_at" => ("begins", "The beginning"),
        "expected_back_at" => ("back", "“Back at”"),
        "duration_seconds" => ("duration", "The duration"),
        "last_entry_seconds" => ("last_entry", "The last entry"),
        "restore" => ("restore", "The end"),
        "priority" => ("priority", "The priority"),
        "title" => ("title", "The title"),
        "time_zone" => ("zone", "The time zone"),
        "starts" => ("starts", "The first time"),
        "rule" => ("repeat", "The rule"),
        "every" => ("every", "“Every”"),
        "until" => ("until", "The last day"),
        "cancels" | "replaces" => ("problems", "The plan"),
        _ => match whole.strip_prefix("criteria.").map(|rest| rest.split('.').next().unwrap_or(rest)) {
            Some("methods") => ("methods", "The list of methods"),
            Some("paths") => ("paths", "The list of paths"),
            Some("headers") => ("headers", "The header fields"),
            Some("query") => ("query", "The query parameters"),
            Some("cookies") => ("cookies", "The cookies"),
            Some("clients") => ("clients", "The list of clients"),
            Some("nodes") => ("nodes", "The list of nodes"),
            Some("except") => ("kept", "The exceptions"),
            Some(_) => ("kept", whole),
            None => ("problems", whole),
        },
    }
}

/// The inputs from the top of the form to its end.
const ORDER: [&str; 26] = [
    "problems",
    "title",
    "targets",
    "status",
    "reason",
    "component",
    "starts",
    "zone",
    "repeat",
    "every",
    "until",
    "begins",
    "back",
    "duration",
    "restore",
    "last_entry",
    "message",
    "priority",
    "methods",
    "paths",
    "headers",
    "query",
    "cookies",
    "clients",
    "nodes",
    "kept",
];

/// Turns the node's errors about a submission into sentences about the form.
pub(crate) fn of_fields(errors: Vec<FieldError>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for error in errors {
        let (anchor, label) = place(&error.field);
        let which = error.field.split_once('[').and_then(|(_, rest)| rest.split(']').next()?.parse::<usize>().ok());
        let which = which.map_or_else(String::new, |at| format!(" (entry {})", at + 1));
        // The API's words for fields, as this form calls them.
        let said = [
            (
                "is required: 1 to 100 of \"system\", \"application:NAME\", \"resource:NAME\"",
                "is missing: choose at least one",
            ),
            ("is required: \"available\", \"unavailable\" or \"degraded\"", "is missing: choose one"),
            ("goes with goes_down_at only", "is only for planned maintenance: fill in the beginning"),
            ("expected_back_at or duration_seconds", "an expected return or a duration"),
            ("expected_back_at", "“Back at”"),
            ("goes with \"unavailable\" only", "is only for what is unavailable: leave it empty"),
            ("\"automatic\"", "“by itself”"),
        ];
        let problem = said.iter().fold(error.problem, |text, (from, to)| text.replace(from, to));
        let problem = Problem { anchor, text: format!("{label}{which} {problem}.") };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    // In the order of the form, which is the order in which they are looked for.
    problems.sort_by_key(|problem| ORDER.iter().position(|anchor| *anchor == problem.anchor));
    problems
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::Submission;
    use serde_json::json;

    #[test]
    fn every_problem_has_its_place_and_is_a_sentence() {
        let wrong = json!({"message": "x".repeat(2001), "criteria": {"paths": ["["]}, "restore": "automatic"});
        let problems = of_fields(Submission::parse(&wrong).unwrap_err());
        let anchors: Vec<&str> = problems.iter().map(|p| p.anchor).collect();
        assert_eq!(anchors, ["targets", "status", "restore", "message", "paths"], "as they stand in the form");
        assert!(problems[4].text.starts_with("The list of paths (entry 1) "), "{}", problems[4].text);
        assert_eq!(problems[0].text, "What is affected is missing: choose at least one.");
        assert_eq!(problems[1].text, "The new status is missing: choose one.");
        assert_eq!(problems[2].text, "The end “by itself” needs an expected return or a duration.");
    }
}
