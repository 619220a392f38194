//! A bounded XML reader: it turns bytes into a small tree of elements, or an error that states where and why.
//!
//! What must stay true: nothing is fetched, no entity beyond the five of XML is known, a document type
//! declaration is refused, and depth, elements and attributes are bounded while they are read, so that the tree
//! of a body of 64 KiB stays small. This file knows neither notifications nor envelopes.

use std::fmt;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// Most levels of elements.
const MAX_DEPTH: usize = 16;
/// Most elements of one document.
const MAX_ELEMENTS: usize = 2_000;
/// Most attributes of one element, namespace declarations among them.
const MAX_ATTRIBUTES: usize = 32;

/// An element with what is in it. Comments and processing instructions are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Element {
    /// The namespace's name; empty where there is none.
    pub namespace: String,
    /// The name without its prefix.
    pub name: String,
    /// Attributes that are no namespace declarations.
    pub attributes: Vec<Attribute>,
    /// Child elements in their order.
    pub children: Vec<Element>,
    /// All text directly inside, with references resolved.
    pub text: String,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// The namespace's name; empty for a name without a prefix.
    pub namespace: String,
    /// The name without its prefix.
    pub name: String,
    /// Its value, normalized.
    pub value: String,
}

impl Element {
    /// An attribute without a namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_in("", name)
    }

    /// An attribute of a namespace.
    pub(crate) fn attribute_in(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|one| one.namespace == namespace && one.name == name);
        found.map(|one| one.value.as_str())
    }

    /// Whether it has this name in this namespace.
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }
}

/// Why a document cannot be read: for people, without its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct XmlError {
    /// Bytes from the beginning.
    pub at: u64,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.problem, self.at)
    }
}

/// Reads a whole document. Costs time and memory in proportion to its size.
///
/// # Errors
/// Where it is not well-formed, not UTF-8, has a document type declaration, or is beyond the bounds.
pub(crate) fn read(bytes: &[u8]) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| XmlError { at: error.valid_up_to() as u64, problem: "the body is not UTF-8".to_owned() })?;
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let config = reader.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let fail = |problem: String| XmlError { at, problem };
        let event = reader.read_event().map_err(|error| fail(format!("the body is not well-formed XML: {error}")))?;
        match event {
            Event::Start(start) => {
                elements += 1;
                if root.is_some() {
                    return Err(fail("there is more than one root element".to_owned()));
                }
                if open.len() == MAX_DEPTH {
                    return Err(fail(format!("elements are nested deeper than {MAX_DEPTH} levels")));
                }
                if elements > MAX_ELEMENTS {
                    return Err(fail(format!("there are more than {MAX_ELEMENTS} elements")));
                }
                open.push(element(&reader, &start).map_err(fail)?);
            }
            Event::End(_) => {
                let Some(done) = open.pop() else {
                    return Err(fail("an element ends that has not begun".to_owned()));
                };
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => root = Some(done),
                }
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()).map_err(fail)?,
            Event::CData(text) => append(&mut open, &text.xml10_content()).map_err(fail)?,
            Event::GeneralRef(reference) => {
                let character = resolve(&reference).map_err(fail)?;
                append(&mut open, character.encode_utf8(&mut [0; 4])).map_err(fail)?;
            }
            Event::DocType(_) => return Err(fail("a document type declaration (DTD) is not allowed".to_owned())),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose();
                let encoding = encoding.map_err(|error| fail(format!("the XML declaration is broken: {error}")))?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(fail("the encoding must be UTF-8".to_owned()));
                }
            }
            Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    let at = reader.buffer_position();
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(XmlError { at, problem: "the document ends before its root element does".to_owned() }),
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Element, String> {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    let mut made = Element { namespace: bound(namespace)?, name: name.as_ref().to_owned(), ..Element::default() };
    // The reader's own check for duplicates compares each attribute with all before it; the bound comes first.
    for (index, attribute) in start.attributes().with_checks(false).enumerate() {
        if index == MAX_ATTRIBUTES {
            return Err(format!("an element has more than {MAX_ATTRIBUTES} attributes"));
        }
        let attribute = attribute.map_err(|error| format!("an attribute is broken: {error}"))?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
        let (namespace, name) = (bound(namespace)?, name.as_ref().to_owned());
        if made.attribute_in(&namespace, &name).is_some() {
            return Err("an attribute stands twice".to_owned());
        }
        let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0);
        let value = value.map_err(|error| format!("an attribute's value is broken: {error}"))?.into_owned();
        check_characters(&value)?;
        made.attributes.push(Attribute { namespace, name, value });
    }
    Ok(made)
}

fn bound(namespace: ResolveResult<'_>) -> Result<String, String> {
    match namespace {
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Bound(namespace) => Ok(namespace.as_ref().to_owned()),
        ResolveResult::Unknown(_) => Err("a prefix is not bound to a namespace".to_owned()),
    }
}

fn append(open: &mut [Element], text: &str) -> Result<(), String> {
    check_characters(text)?;
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("there is text outside the root element".to_owned()),
    }
    Ok(())
}

/// XML 1.0, production 2: no control characters but tab, line feed and carriage return.
fn check_characters(text: &str) -> Result<(), String> {
    let forbidden = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Err("a character is not allowed in XML".to_owned()) } else { Ok(()) }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err("only character references and the entities amp, lt, gt, quot and apos are known".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn elements_attributes_and_text_are_read_with_their_namespaces() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a xmlns=\"urn:x\" xmlns:p=\"urn:p\" p:k=\"1&lt;\" k='2'>\
                    t&amp;&#x41;<![CDATA[<&]]><p:b/><!-- c --></a>\n";
        let root = read(text.as_bytes()).unwrap();
        assert!(root.is("urn:x", "a"));
        assert_eq!(root.text, "t&A<&");
        assert_eq!((root.attribute("k"), root.attribute_in("urn:p", "k")), (Some("2"), Some("1<")));
        assert!(root.children.len() == 1 && root.children[0].is("urn:p", "b"));
    }

    #[test]
    fn what_is_dangerous_or_broken_is_refused() {
        let deep = "<a>".repeat(17);
        let many = format!("<a>{}</a>", "<b/>".repeat(2_000));
        let attributes: String = (0..33).map(|n| format!(" a{n}='x'")).collect();
        for (text, problem) in [
            ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "DTD"),
            ("<a>&x;</a>", "only character references"),
            ("<a>&#0;</a>", "only character references"),
            ("<a>&#1;</a>", "character is not allowed"),
            ("<a></b>", "well-formed"),
            ("<a>", "ends before"),
            ("", "ends before"),
            ("<a/><b/>", "more than one root"),
            ("<a/>text", "outside the root"),
            ("<p:a/>", "prefix"),
            ("<a k='1' k='2'/>", "stands twice"),
            ("<?xml version='1.0' encoding='utf-16'?><a/>", "UTF-8"),
            (deep.as_str(), "deeper than 16"),
            (many.as_str(), "more than 2000 elements"),
            (&format!("<a{attributes}/>"), "more than 32 attributes"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(problem), "{text:.60} → {error}");
        }
        assert!(read(b"<a>\xff</a>").unwrap_err().to_string().contains("UTF-8"));
    }
}
