//! Writes a form into a page. Every byte that came from outside is escaped here.

use super::{Charset, Field, Form, Kind};
use crate::text::Language;

/// What a field takes in a page beside its name and its value, in bytes; more than enough.
const AROUND: usize = 700;
/// What the form takes around its fields.
const WHOLE: usize = 2_000;
/// The most bytes that one byte of a form becomes.
const LARGEST_ESCAPE: usize = 5;

/// The characters of Windows-1252 for 0x80 to 0x9F (Encoding Standard, section 9.1); the other bytes are the
/// code points of the same number.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Form {
    /// More than [`Self::write`] writes, in bytes: a buffer of this size never moves.
    pub fn most(&self) -> usize {
        let text: usize = self.fields.iter().map(|field| field.name.len() * 3 + field.value.len()).sum();
        WHOLE + self.fields.len() * AROUND + text * LARGEST_ESCAPE
    }

    /// Appends the form element. Without an address of its own it is sent to the page's, which is the one that
    /// the refused form was sent to.
    pub fn write(&self, out: &mut Vec<u8>, language: &Language) {
        let file = language.around("file-not-kept", "file");
        out.extend_from_slice(b"<form id=\"again\" method=\"post\" enctype=\"");
        out.extend_from_slice(if self.multipart {
            b"multipart/form-data"
        } else {
            b"application/x-www-form-urlencoded"
        });
        out.extend_from_slice(b"\" accept-charset=\"");
        out.extend_from_slice(match self.charset {
            Charset::Utf8 => b"utf-8",
            Charset::Windows1252 => b"windows-1252",
        });
        out.extend_from_slice(b"\">\n");
        for (at, field) in self.fields.iter().enumerate() {
            self.write_field(out, at, field, &file);
        }
        let mut secrets = self.fields.iter().filter(|field| field.kind == Kind::Secret).peekable();
        if secrets.peek().is_some() {
            let (before, behind) = language.around("not-kept", "fields");
            out.extend_from_slice(b"<p class=\"left\">");
            out.extend_from_slice(before.as_bytes());
            for (at, field) in secrets.enumerate() {
                out.extend_from_slice(if at > 0 { b", <b>" } else { b"<b>" });
                self.escape(out, &self.bytes[field.name.clone()]);
                out.extend_from_slice(b"</b>");
            }
            out.extend_from_slice(behind.as_bytes());
            out.extend_from_slice(b"</p>\n");
        }
        out.extend_from_slice(b"<button>");
        out.extend_from_slice(language.say("send-again").as_bytes());
        out.extend_from_slice(b"</button>\n</form>");
    }

    fn write_field(&self, out: &mut Vec<u8>, at: usize, field: &Field, file: &(String, String)) {
        let (name, value) = (&self.bytes[field.name.clone()], &self.bytes[field.value.clone()]);
        let id = at.to_string();
        let named = |out: &mut Vec<u8>, before: &str| {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(b" name=\"");
            self.escape(out, name);
            out.push(b'"');
        };
        let label = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"<p><label for=\"f");
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(b"\">");
            self.escape(out, name);
            out.extend_from_slice(b"</label>");
        };
        match field.kind {
            Kind::Secret => {}
            Kind::File if value.is_empty() => {
                named(out, "<input type=\"file\" hidden");
                out.extend_from_slice(b">\n");
            }
            Kind::File => {
                label(out);
                named(out, &format!("<input type=\"file\" id=\"f{id}\""));
                out.extend_from_slice(b"> ");
                out.extend_from_slice(file.0.as_bytes());
                out.extend_from_slice(b"<b>");
                self.escape(out, value);
                out.extend_from_slice(b"</b>");
                out.extend_from_slice(file.1.as_bytes());
                out.extend_from_slice(b"</p>\n");
            }
            // A hidden field of this name would be sent as the name of the encoding.
            Kind::Text if value.is_empty() && !name.eq_ignore_ascii_case(b"_charset_") => {
                named(out, "<input type=\"hidden\"");
                out.extend_from_slice(b" value=\"\">\n");
            }
            Kind::Text => {
                label(out);
                let lines = value.iter().filter(|byte| **byte == b'\n').count() + value.len() / 70 + 1;
                named(out, &format!("<textarea dir=\"auto\" readonly id=\"f{id}\" rows=\"{}\"", lines.min(14)));
                // The first line end after the tag is no part of the value.
                out.extend_from_slice(b">\n");
                self.escape(out, value);
                out.extend_from_slice(b"</textarea></p>\n");
            }
        }
    }

    /// Appends text, as UTF-8 and without markup.
    fn escape(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        for &byte in bytes {
            match (byte, self.charset) {
                (b'&', _) => out.extend_from_slice(b"&#38;"),
                (b'<', _) => out.extend_from_slice(b"&#60;"),
                (b'>', _) => out.extend_from_slice(b"&#62;"),
                (b'"', _) => out.extend_from_slice(b"&#34;"),
                (b'\'', _) => out.extend_from_slice(b"&#39;"),
                (0x80..=0x9f, Charset::Windows1252) => {
                    let c = WINDOWS_1252[usize::from(byte - 0x80)];
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                (0xa0.., Charset::Windows1252) => {
                    out.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
                }
                (byte, _) => out.push(byte),
            }
        }
    }
}
