//! A notification as XML (`docs/contract.md#the-api`): `<notification xmlns="urn:forewarn:v1">`, one element per
//! field.
//!
//! The element becomes the JSON of the same submission and is read as JSON: one set of rules, and the same
//! error messages. Answers and problems are written here too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::tree::{Element, XmlError};
use crate::{actors::desk::Submitted, availability::FieldError};

/// The namespace of everything that Forewarn reads and writes.
pub(crate) const NAMESPACE: &str = "urn:forewarn:v1";

/// Fields that are numbers in JSON.
const NUMBERS: [&str; 2] = ["duration_seconds", "last_entry_seconds"];
/// Criteria that are lists: the element and the member.
const LISTS: [(&str, &str); 4] = [("method", "methods"), ("path", "paths"), ("client", "clients"), ("node", "nodes")];
/// Criteria that are maps from an attribute `name` to a glob: the element and the member.
const MAPS: [(&str, &str); 3] = [("header", "headers"), ("query", "query"), ("cookie", "cookies")];

/// Why an element is no submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotASubmission {
    /// It cannot be read.
    Malformed(String),
    /// It has something that the format does not have.
    Wrong(Vec<FieldError>),
}

impl From<XmlError> for NotASubmission {
    fn from(error: XmlError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The JSON of a `<notification>`.
///
/// # Errors
/// Another element or namespace, fields that stand twice, text or attributes where none belong. Fields that are
/// not known stay in the JSON, for its reader names them.
pub(crate) fn submission(root: &Element) -> Result<Value, NotASubmission> {
    if !root.is(NAMESPACE, "notification") {
        return Err(NotASubmission::Malformed(format!(
            "the root element must be <notification xmlns=\"{NAMESPACE}\">"
        )));
    }
    check_plain(root, &[])?;
    let mut fields = Map::new();
    let mut targets = Vec::new();
    for child in &root.children {
        check_namespace(child)?;
        let name = child.name.as_str();
        match name {
            "target" => targets.push(Value::from(leaf(child)?.trim())),
            "criteria" => insert(&mut fields, name, criteria(child, "criteria", true)?)?,
            "message" | "component" => insert(&mut fields, name, Value::from(leaf(child)?))?,
            _ => insert(&mut fields, name, scalar(name, leaf(child)?.trim()))?,
        }
    }
    if !targets.is_empty() {
        insert(&mut fields, "targets", Value::from(targets))?;
    }
    Ok(Value::Object(fields))
}

fn scalar(name: &str, text: &str) -> Value {
    let is_number = NUMBERS.contains(&name) || name == "reason";
    match text.parse::<u64>() {
        Ok(number) if is_number => Value::from(number),
        _ => Value::from(text),
    }
}

fn criteria(element: &Element, field: &str, may_except: bool) -> Result<Value, NotASubmission> {
    check_plain(element, &[])?;
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut maps: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    let mut exceptions = Vec::new();
    for child in &element.children {
        check_namespace(child)?;
        let kind = child.name.as_str();
        let member_of = |kinds: &[(&str, &'static str)]| kinds.iter().find(|(name, _)| *name == kind).map(|one| one.1);
        if let Some(member) = member_of(&LISTS) {
            lists.entry(member).or_default().push(leaf(child)?.trim());
        } else if let Some(member) = member_of(&MAPS) {
            check_plain_leaf(child, &["name"])?;
            let Some(name) = child.attribute("name") else {
                return Err(wrong(&format!("{field}.{kind}"), "needs the attribute name"));
            };
            if maps.entry(member).or_default().insert(name, &child.text).is_some() {
                return Err(twice(&format!("{field}.{kind} {name}")));
            }
        } else if kind == "except" && may_except {
            exceptions.push(criteria(child, "criteria.except", false)?);
        } else {
            return Err(wrong(&format!("{field}.{kind}"), "is unknown"));
        }
    }
    let mut made = Map::new();
    made.extend(lists.into_iter().map(|(member, list)| (member.to_owned(), json!(list))));
    made.extend(maps.into_iter().map(|(member, map)| (member.to_owned(), json!(map))));
    if !exceptions.is_empty() {
        made.insert("except".to_owned(), Value::from(exceptions));
    }
    Ok(Value::Object(made))
}

fn insert(fields: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), NotASubmission> {
    match fields.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(twice(name)),
    }
}

fn twice(what: &str) -> NotASubmission {
    NotASubmission::Malformed(format!("the element {what} stands twice"))
}

fn wrong(field: &str, problem: &str) -> NotASubmission {
    NotASubmission::Wrong(vec![FieldError::new(field, problem)])
}

/// The text of an element that has nothing else in it.
fn leaf(element: &Element) -> Result<&str, NotASubmission> {
    check_plain_leaf(element, &[])?;
    Ok(&element.text)
}

fn check_plain_leaf(element: &Element, attributes: &[&str]) -> Result<(), NotASubmission> {
    if let Some(child) = element.children.first() {
        return Err(wrong(&element.name, &format!("holds text, not the element {}", child.name)));
    }
    check_attributes(element, attributes)
}

fn check_plain(element: &Element, attributes: &[&str]) -> Result<(), NotASubmission> {
    if !element.text.trim().is_empty() {
        return Err(wrong(&element.name, "holds elements, not text"));
    }
    check_attributes(element, attributes)
}

/// Attributes of other namespaces (`xsi:type`, `soap:encodingStyle`) say nothing here and are passed over.
fn check_attributes(element: &Element, known: &[&str]) -> Result<(), NotASubmission> {
    let unknown = element.attributes.iter().find(|one| one.namespace.is_empty() && !known.contains(&one.name.as_str()));
    match unknown {
        Some(attribute) => Err(wrong(&element.name, &format!("has the unknown attribute {}", attribute.name))),
        None => Ok(()),
    }
}

fn check_namespace(element: &Element) -> Result<(), NotASubmission> {
    match element.namespace == NAMESPACE {
        true => Ok(()),
        false => Err(wrong(&element.name, &format!("is not in the namespace {NAMESPACE}"))),
    }
}

/// Writes what a submission was answered with, as the element `<submitted>`.
pub(crate) fn submitted(submitted: &Submitted) -> String {
    let mut xml = format!("<submitted xmlns=\"{NAMESPACE}\">");
    leaf_to(&mut xml, "id", &submitted.id.to_string());
    leaf_to(&mut xml, "timestamp", &submitted.timestamp.to_string());
    leaf_to(&mut xml, "node", submitted.node.as_str());
    for row in &submitted.delivery.delivery {
        xml.push_str("<delivery>");
        leaf_to(&mut xml, "node", &row.node);
        leaf_to(&mut xml, "state", state_name(row.state).as_str());
        if let Some(at) = row.at {
            leaf_to(&mut xml, "at", &at.to_string());
        }
        xml.push_str("</delivery>");
    }
    leaf_to(&mut xml, "complete", if submitted.delivery.complete { "true" } else { "false" });
    xml.push_str("</submitted>");
    xml
}

/// The word that JSON has for the same state.
fn state_name(state: crate::actors::desk::DeliveryState) -> String {
    serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Writes a problem as XML (RFC 9457, appendix B).
pub(crate) fn problem(problem: &Value) -> String {
    let mut xml = "<problem xmlns=\"urn:ietf:rfc:7807\">".to_owned();
    for (name, value) in problem.as_object().into_iter().flatten() {
        match value {
            Value::Array(errors) => {
                xml.push_str(&format!("<{name}>"));
                for error in errors {
                    xml.push_str("<i>");
                    for member in ["field", "problem"] {
                        leaf_to(&mut xml, member, error[member].as_str().unwrap_or_default());
                    }
                    xml.push_str("</i>");
                }
                xml.push_str(&format!("</{name}>"));
            }
            Value::String(text) => leaf_to(&mut xml, name, text),
            other => leaf_to(&mut xml, name, &other.to_string()),
        }
    }
    xml.push_str("</problem>");
    xml
}

/// Appends `<name>text</name>`; characters that XML 1.0 does not have become U+FFFD.
pub(crate) fn leaf_to(xml: &mut String, name: &str, text: &str) {
    let allowed = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r');
    let clean: String = text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
    xml.push_str(&format!("<{name}>{}</{name}>", quick_xml::escape::escape(clean)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::formats::tree::read;

    fn json_of(inner: &str) -> Result<Value, NotASubmission> {
        submission(&read(format!("<notification xmlns=\"{NAMESPACE}\">{inner}</notification>").as_bytes()).unwrap())
    }

    #[test]
    fn a_notification_reads_as_its_json_would() {
        let made = json_of(
            "<target>application:mail</target><target> resource:db </target><status>unavailable</status>\
             <reason>1</reason><message>A &lt; B\n </message><duration_seconds>60</duration_seconds>\
             <criteria><method>POST</method><path>/mail/*</path><header name=\"X-A\">a*</header>\
             <query name=\"q\">1</query><client>10.0.0.0/8</client><except><path>/mail/x</path></except></criteria>",
        );
        assert_eq!(
            made.unwrap(),
            json!({"targets": ["application:mail", "resource:db"], "status": "unavailable", "reason": 1,
                "message": "A < B\n ", "duration_seconds": 60,
                "criteria": {"methods": ["POST"], "paths": ["/mail/*"], "headers": {"X-A": "a*"},
                    "query": {"q": "1"}, "clients": ["10.0.0.0/8"], "except": [{"paths": ["/mail/x"]}]}})
        );
        // The reader of JSON names it.
        assert_eq!(json_of("<colour>red</colour>").unwrap(), json!({"colour": "red"}));
    }

    #[test]
    fn what_does_not_belong_is_named() {
        for (inner, named) in [
            ("<status>a</status><status>b</status>", "status"),
            ("<status x='1'>a</status>", "attribute x"),
            ("<status><b/></status>", "element b"),
            ("text", "not text"),
            ("<status xmlns='urn:y'>a</status>", "namespace"),
            ("<criteria><colour>x</colour></criteria>", "criteria.colour"),
            ("<criteria><header>x</header></criteria>", "attribute name"),
            ("<criteria><header name='a'>x</header><header name='a'>y</header></criteria>", "twice"),
            ("<criteria><except><except/></except></criteria>", "criteria.except.except"),
        ] {
            let error = format!("{:?}", json_of(inner).unwrap_err());
            assert!(error.contains(named), "{inner} → {error}");
        }
        assert!(submission(&read(b"<notification/>").unwrap()).is_err());
    }

    #[test]
    fn problems_are_written_as_rfc_9457_has_it() {
        let written =
            problem(&json!({"title": "A & B", "status": 422, "errors": [{"field": "x", "problem": "is <y>"}]}));
        assert_eq!(
            written,
            "<problem xmlns=\"urn:ietf:rfc:7807\"><errors><i><field>x</field><problem>is &lt;y&gt;</problem></i></errors>\
             <status>422</status><title>A &amp; B</title></problem>"
        );
    }
}
