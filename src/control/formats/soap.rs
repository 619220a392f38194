//! SOAP 1.1 (W3C Note of 8 May 2000) and SOAP 1.2 (W3C Recommendation, part 1): envelopes in and out, and faults.
//!
//! What must stay true: an envelope is answered in its own version; no header block is understood, so a block
//! that must be understood is a fault; the body has exactly one element. This file does not know notifications.

use super::{tree::Element, xml::leaf_to};

/// A version of SOAP: its namespace, its media type, and what its faults look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// `text/xml`, with a `SOAPAction`.
    V1_1,
    /// `application/soap+xml`.
    V1_2,
}

/// The namespace of SOAP 1.1.
const ENVELOPE_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The namespace of SOAP 1.2.
const ENVELOPE_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

impl Version {
    /// The namespace of its envelope.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::V1_1 => ENVELOPE_1_1,
            Self::V1_2 => ENVELOPE_1_2,
        }
    }

    /// The media type of its messages.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::V1_1 => "text/xml; charset=utf-8",
            Self::V1_2 => "application/soap+xml; charset=utf-8",
        }
    }
}

/// Who caused a fault, in the terms of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultCode {
    /// The envelope is of another version, or none.
    VersionMismatch,
    /// A header block must be understood, and is not.
    MustUnderstand,
    /// What was sent is wrong; sending it again does not help.
    Sender,
    /// The node cannot do it now; sending the same again may help.
    Receiver,
}

/// A fault to be answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Who caused it.
    pub code: FaultCode,
    /// For people.
    pub reason: String,
    /// XML of the fault's detail; only for faults of the body.
    pub detail: Option<String>,
}

impl Fault {
    fn new(code: FaultCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), detail: None }
    }

    /// A fault of the sender, without a detail.
    pub(crate) fn sender(reason: impl Into<String>) -> Self {
        Self::new(FaultCode::Sender, reason)
    }

    /// The HTTP status: 500 in SOAP 1.1 (section 6.2); in SOAP 1.2 (part 2, table 20) 400 for the sender's.
    pub(crate) fn status(&self, version: Version) -> u16 {
        match (version, self.code) {
            (Version::V1_2, FaultCode::Sender) => 400,
            _ => 500,
        }
    }

    /// The envelope with this fault.
    pub(crate) fn envelope(&self, version: Version) -> String {
        let mut fault = String::from("<env:Fault>");
        match version {
            Version::V1_1 => {
                let code = match self.code {
                    FaultCode::VersionMismatch => "env:VersionMismatch",
                    FaultCode::MustUnderstand => "env:MustUnderstand",
                    FaultCode::Sender => "env:Client",
                    FaultCode::Receiver => "env:Server",
                };
                leaf_to(&mut fault, "faultcode", code);
                leaf_to(&mut fault, "faultstring", &self.reason);
                if let Some(detail) = &self.detail {
                    fault.push_str(&format!("<detail>{detail}</detail>"));
                }
            }
            Version::V1_2 => {
                let code = match self.code {
                    FaultCode::VersionMismatch => "env:VersionMismatch",
                    FaultCode::MustUnderstand => "env:MustUnderstand",
                    FaultCode::Sender => "env:Sender",
                    FaultCode::Receiver => "env:Receiver",
                };
                fault.push_str("<env:Code>");
                leaf_to(&mut fault, "env:Value", code);
                let reason = quick_xml::escape::escape(self.reason.as_str());
                fault.push_str(&format!(
                    "</env:Code><env:Reason><env:Text xml:lang=\"en\">{reason}</env:Text></env:Reason>"
                ));
                if let Some(detail) = &self.detail {
                    fault.push_str(&format!("<env:Detail>{detail}</env:Detail>"));
                }
            }
        }
        fault.push_str("</env:Fault>");
        envelope(version, &fault)
    }
}

/// An envelope around a body.
pub(crate) fn envelope(version: Version, body: &str) -> String {
    let namespace = version.namespace();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <env:Envelope xmlns:env=\"{namespace}\"><env:Body>{body}</env:Body></env:Envelope>"
    )
}

/// The one element of an envelope's body.
///
/// # Errors
/// The fault to answer with.
pub(crate) fn open(root: &Element, version: Version) -> Result<&Element, Fault> {
    let namespace = version.namespace();
    if root.name != "Envelope" {
        return Err(Fault::new(FaultCode::Sender, "The root element must be a SOAP Envelope."));
    }
    if root.namespace != namespace {
        let reason = format!("The envelope must be in the namespace {namespace}.");
        return Err(Fault::new(FaultCode::VersionMismatch, reason));
    }
    let (headers, body) = match root.children.as_slice() {
        [header, body] if header.is(namespace, "Header") && body.is(namespace, "Body") => {
            (header.children.as_slice(), body)
        }
        [body] if body.is(namespace, "Body") => (&[][..], body),
        _ => {
            return Err(Fault::new(
                FaultCode::Sender,
                "The envelope must have a Body, and at most one Header before it.",
            ));
        }
    };
    if let Some(block) = headers.iter().find(|block| must_be_understood(block, version)) {
        let reason = format!("The header block {} must be understood, and is not.", block.name);
        return Err(Fault::new(FaultCode::MustUnderstand, reason));
    }
    match body.children.as_slice() {
        [element] => Ok(element),
        [] => Err(Fault::new(FaultCode::Sender, "The Body is empty; it must hold one element.")),
        _ => Err(Fault::new(FaultCode::Sender, "The Body holds more than one element.")),
    }
}

/// Whether a header block is for this node, the last receiver, and must be understood.
fn must_be_understood(block: &Element, version: Version) -> bool {
    let namespace = version.namespace();
    let is_mandatory = block.attribute_in(namespace, "mustUnderstand").is_some_and(|value| {
        let value = value.trim();
        value == "1" || (version == Version::V1_2 && value == "true")
    });
    let receiver = block.attribute_in(namespace, if version == Version::V1_1 { "actor" } else { "role" });
    let is_for_us = receiver.map(str::trim).is_none_or(|receiver| {
        receiver.is_empty() || receiver.ends_with("/next") || receiver.ends_with("/ultimateReceiver")
    });
    is_mandatory && is_for_us
}

/// The service's description (WSDL 1.1) with both bindings, for this address.
pub(crate) fn wsdl(address: &str) -> String {
    include_str!("../../../static/notification.wsdl").replace("ADDRESS", &quick_xml::escape::escape(address))
}

/// The schema of the elements (XML Schema 1.0).
pub(crate) const SCHEMA: &str = include_str!("../../../static/notification.xsd");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::formats::tree::read;

    fn opened(version: Version, inner: &str) -> Result<String, Fault> {
        let text = format!("<e:Envelope xmlns:e=\"{}\">{inner}</e:Envelope>", version.namespace());
        open(&read(text.as_bytes()).unwrap(), version).map(|element| element.name.clone())
    }

    #[test]
    fn the_one_element_of_the_body_comes_out() {
        for version in [Version::V1_1, Version::V1_2] {
            assert_eq!(opened(version, "<e:Body><a/></e:Body>").unwrap(), "a");
            assert_eq!(opened(version, "<e:Header><h/></e:Header><e:Body><a/></e:Body>").unwrap(), "a");
            for inner in ["", "<e:Body/>", "<e:Body><a/><b/></e:Body>", "<e:Body><a/></e:Body><e:Body/>", "<a/>"] {
                assert_eq!(opened(version, inner).unwrap_err().code, FaultCode::Sender, "{inner}");
            }
            let mandatory = "<e:Header><h e:mustUnderstand='1'/></e:Header><e:Body><a/></e:Body>";
            assert_eq!(opened(version, mandatory).unwrap_err().code, FaultCode::MustUnderstand);
        }
        let for_another = "<e:Header><h e:mustUnderstand='1' e:actor='urn:x'/></e:Header><e:Body><a/></e:Body>";
        assert_eq!(opened(Version::V1_1, for_another).unwrap(), "a");
    }

    #[test]
    fn another_version_is_a_mismatch_and_faults_have_each_versions_form() {
        let other = read(format!("<Envelope xmlns=\"{ENVELOPE_1_2}\"/>").as_bytes()).unwrap();
        let fault = open(&other, Version::V1_1).unwrap_err();
        assert_eq!((fault.code, fault.status(Version::V1_1)), (FaultCode::VersionMismatch, 500));
        let fault = Fault { detail: Some("<d/>".to_owned()), ..Fault::new(FaultCode::Sender, "a < b") };
        assert_eq!((fault.status(Version::V1_1), fault.status(Version::V1_2)), (500, 400));
        let old = read(fault.envelope(Version::V1_1).as_bytes()).unwrap();
        let old = &old.children[0].children[0];
        assert_eq!((old.children[0].text.as_str(), old.children[1].text.as_str()), ("env:Client", "a < b"));
        let new = read(fault.envelope(Version::V1_2).as_bytes()).unwrap();
        let new = &new.children[0].children[0];
        assert_eq!(new.children[0].children[0].text, "env:Sender");
        assert_eq!(new.children[1].children[0].text, "a < b");
        assert!(new.children[2].is(ENVELOPE_1_2, "Detail"));
    }
}
