//! What Fluent files say, as far as it can be checked without reading them as a person: which messages they have,
//! and which variables stand in each.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser,
};

/// Messages of a site's own: `application-mail`, `reason-licence-expired`, `cause-licence-expired`.
const OWN: [&str; 3] = ["application-", "reason-", "cause-"];
/// Longest file of a language, in bytes.
const LARGEST: usize = 256 * 1024;

/// What is wrong with a file of a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextProblem {
    /// The language's tag.
    pub language: String,
    /// A sentence without its subject.
    pub problem: String,
}

impl TextProblem {
    pub(super) fn new(language: &str, problem: impl Into<String>) -> Self {
        Self { language: language.to_owned(), problem: problem.into() }
    }
}

/// For each message (and `message.text`) the variables in it.
pub(super) type Outline = BTreeMap<String, BTreeSet<String>>;

/// Reads a file.
///
/// # Errors
/// Where it is no Fluent.
pub(super) fn outline(text: &str) -> Result<Outline, String> {
    if text.len() > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    let resource = match parser::parse(text) {
        Ok(resource) => resource,
        Err((_, errors)) => {
            let lines = errors.iter().map(|error| {
                let line =
                    text.as_bytes()[..error.pos.start.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1;
                format!("line {line}: {}", error.kind)
            });
            return Err(format!("cannot be read: {}", lines.collect::<Vec<_>>().join("; ")));
        }
    };
    let mut outline = Outline::new();
    for entry in &resource.body {
        let Entry::Message(message) = entry else { continue };
        let mut add = |id: String, pattern: &Pattern<&str>| {
            let mut variables = BTreeSet::new();
            of_pattern(pattern, &mut variables);
            outline.insert(id, variables);
        };
        message.value.iter().for_each(|pattern| add(message.id.name.to_owned(), pattern));
        for attribute in &message.attributes {
            add(format!("{}.{}", message.id.name, attribute.id.name), &attribute.value);
        }
    }
    Ok(outline)
}

fn of_pattern(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of_expression(expression, found);
        }
    }
}

fn of_expression(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => of_inline(inline, found),
        Expression::Select { selector, variants } => {
            of_inline(selector, found);
            variants.iter().for_each(|variant| of_pattern(&variant.value, found));
        }
    }
}

fn of_inline(inline: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => _ = found.insert(id.name.to_owned()),
        InlineExpression::Placeable { expression } => of_expression(expression, found),
        InlineExpression::FunctionReference { arguments, .. } => {
            arguments.positional.iter().for_each(|inline| of_inline(inline, found));
        }
        _ => {}
    }
}

/// What is wrong with a site's files. `built_in`: languages that are whole without them.
pub(super) fn problems(english: &str, built_in: &[&str], files: &[(String, String)]) -> Vec<TextProblem> {
    // The program's own file is read by the tests.
    let english = outline(english).unwrap_or_default();
    let mut problems = Vec::new();
    for (tag, text) in files {
        let found = match outline(text) {
            Ok(found) => found,
            Err(problem) => {
                problems.push(TextProblem::new(tag, problem));
                continue;
            }
        };
        let whole = !built_in.iter().any(|known| known.eq_ignore_ascii_case(tag));
        problems.extend(differences(&english, &found, whole).into_iter().map(|problem| TextProblem::new(tag, problem)));
    }
    problems
}

/// What a language has other than English. `whole`: it must have every message.
pub(super) fn differences(english: &Outline, found: &Outline, whole: bool) -> Vec<String> {
    let mut differences = Vec::new();
    let list = |names: &BTreeSet<String>| match names.is_empty() {
        true => "no variables".to_owned(),
        false => names.iter().map(|name| format!("${name}")).collect::<Vec<_>>().join(", "),
    };
    for (id, variables) in found {
        match english.get(id) {
            Some(known) if known == variables => {}
            Some(known) => {
                differences.push(format!("message {id} has {}, and must have {}", list(variables), list(known)));
            }
            None if OWN.iter().any(|own| id.starts_with(own)) && variables.is_empty() => {}
            None => differences.push(format!("message {id} is not known")),
        }
    }
    if whole {
        let missing = english.keys().filter(|id| !found.contains_key(*id));
        differences.extend(missing.map(|id| format!("message {id} is missing")));
    }
    differences
}
