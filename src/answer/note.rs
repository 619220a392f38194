//! A note: one sentence that explains an address, in the four shapes of every other answer, with 200. The pages
//! of problem types (RFC 9457, section 3.1.1) and the root of the reserved prefix are notes.

use bytes::Bytes;
use serde::Serialize;

use super::{
    Shape,
    page::{Page, security_policy},
    words::visible,
};
use crate::{availability::Name, text::english};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// The node that answers.
    pub node: &'a Name,
    /// A few words.
    pub title: &'a str,
    /// A sentence or two.
    pub text: &'a str,
}

impl Note<'_> {
    /// Every header field but `Content-Length`: names in small letters, values literal.
    pub fn headers(&self, shape: Shape) -> impl Iterator<Item = (&'static str, Bytes)> {
        let policy = (shape == Shape::Html)
            .then(|| ("content-security-policy", security_policy(false, english().site(), false)));
        let fixed = [
            ("content-type", shape.content_type()),
            ("cache-control", "no-store"),
            ("vary", "Accept, Accept-Language"),
            ("x-content-type-options", "nosniff"),
            ("content-language", "en"),
        ];
        fixed.into_iter().map(|(name, value)| (name, Bytes::from_static(value.as_bytes()))).chain(policy)
    }

    /// The body in one shape. `address` is the path that was asked for: the `type` of what is told.
    pub fn body(&self, shape: Shape, address: &str) -> Bytes {
        match shape {
            Shape::Html => Page {
                title: &visible(self.title, false),
                lead: &visible(self.text, false),
                support: &english().tell(
                    "support",
                    &[("reference", &english().tell("reference-node", &[("node", self.node.as_str())]))],
                ),
                ..Page::empty(english())
            }
            .fit()
            .into(),
            Shape::ProblemJson | Shape::Json => {
                #[derive(Serialize)]
                struct Members<'a> {
                    #[serde(rename = "type")]
                    kind: &'a str,
                    title: &'a str,
                    detail: &'a str,
                }
                let members = Members { kind: address, title: self.title, detail: self.text };
                // Text always serializes.
                serde_json::to_vec(&members).unwrap_or_default().into()
            }
            Shape::Text => format!("{}\n\n{}\n", visible(self.title, false), visible(self.text, false)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_shape_has_the_sentence() {
        let node: Name = "a".parse().unwrap();
        let note = Note { node: &node, title: "Gone < fishing", text: "Back \"soon\"." };
        for shape in Shape::ALL {
            let headers: Vec<_> = note.headers(shape).collect();
            assert!(headers.contains(&("content-type", Bytes::from_static(shape.content_type().as_bytes()))));
            assert_eq!(headers.iter().any(|(name, _)| *name == "content-security-policy"), shape == Shape::Html);
            let body = String::from_utf8(note.body(shape, "/x").to_vec()).unwrap();
            match shape {
                Shape::Html => assert!(body.contains("Gone &#60; fishing") && body.contains("soon"), "{body}"),
                Shape::Text => assert_eq!(body, "Gone < fishing\n\nBack \"soon\".\n"),
                _ => assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&body).unwrap(),
                    serde_json::json!({"type": "/x", "title": "Gone < fishing", "detail": "Back \"soon\"."})
                ),
            }
        }
    }
}
