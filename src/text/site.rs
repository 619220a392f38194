//! What a site gives the pages of its own: a logo, a colour, a contact, whole pages.
//!
//! Must stay true: nothing of it can make a page that leads nowhere or cannot be read: colours have enough contrast,
//! and a page of the site's own that fails gives way to the built-in one.

use super::OwnPages;

/// The largest logo, in bytes: it stands in every page, which must stay small.
pub const LARGEST_LOGO: usize = 2 * 1024;
/// The least contrast of text (WCAG 2.2, 1.4.3).
const LEAST: f64 = 4.5;
/// What coloured text stands on (static/gate/page.css), light and dark.
const GROUNDS: [u32; 2] = [0xff_ff_ff, 0x1c_22_21];

/// All of it.
#[derive(Debug)]
pub struct Site {
    /// How the built-in page looks.
    pub look: Look,
    /// Pages in place of the built-in one.
    pub pages: OwnPages,
}

impl Default for Site {
    fn default() -> Self {
        Self { look: Look { offers: true, ..Look::default() }, pages: OwnPages::default() }
    }
}

/// `[gate.page]`
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The address of a picture that stands in itself (`data:`).
    pub logo: Option<String>,
    /// A style sheet; empty where the site has no colours.
    pub style: String,
    /// Where to turn to: an address that can be followed.
    pub contact: Option<String>,
    /// Other applications that work are offered.
    pub offers: bool,
}

impl Look {
    /// The style sheet for these colours, in the light and in the dark.
    pub fn colours(colours: [Option<Colour>; 2]) -> String {
        let rule = |colour: Colour| format!("html.calm,html.alert{{--mark:#{:06x};--tint:var(--ground)}}", colour.0);
        let [light, dark] = colours.map(|colour| colour.map(rule).unwrap_or_default());
        match dark.is_empty() {
            true => light,
            false => format!("{light}@media (prefers-color-scheme:dark){{{dark}}}"),
        }
    }

    /// A picture as an address that stands in itself.
    ///
    /// # Errors
    /// A sentence without its subject.
    pub fn picture(name: &str, bytes: &[u8]) -> Result<String, String> {
        let kind = match name.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase()).as_deref() {
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("webp") => "image/webp",
            _ => return Err("must be an .svg, .png or .webp file".to_owned()),
        };
        if bytes.len() > LARGEST_LOGO {
            return Err(format!("must have at most {LARGEST_LOGO} bytes, for it stands in every page"));
        }
        let escaped = percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC);
        Ok(format!("data:{kind},{escaped}"))
    }
}

/// A colour that text can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(u32);

impl Colour {
    /// `#1f5f8f`, for pages that are light (`dark`: dark).
    ///
    /// # Errors
    /// A sentence without its subject.
    pub fn parse(text: &str, dark: bool) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or("must be a colour such as \"#1f5f8f\"")?;
        let contrast = contrast(number, GROUNDS[usize::from(dark)]);
        match contrast < LEAST {
            true => Err(format!("has a contrast of {contrast:.1} to its ground, and text needs {LEAST}")),
            false => Ok(Self(number)),
        }
    }
}

/// WCAG 2.2, contrast ratio.
fn contrast(one: u32, other: u32) -> f64 {
    let light = |colour: u32| {
        let part = |shift: u32| {
            let c = f64::from((colour >> shift) & 0xff) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    };
    let (one, other) = (light(one) + 0.05, light(other) + 0.05);
    one.max(other) / one.min(other)
}

/// Where to turn to: `https:`, `http:`, `mailto:` or `tel:`.
///
/// # Errors
/// A sentence without its subject.
pub fn contact(text: &str) -> Result<String, String> {
    let known = ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .any(|start| text.starts_with(start) && text.len() > start.len());
    match known && text.len() <= 500 && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => Ok(text.to_owned()),
        false => {
            Err("must be an address such as \"https://help.example.com\" or \"mailto:help@example.com\"".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn colours_can_be_read() {
        assert!(Colour::parse("#1f5f8f", false).is_ok() && Colour::parse("#85bde6", true).is_ok());
        assert!(Colour::parse("#ffee00", false).unwrap_err().contains("contrast of 1.2"));
        assert!(Colour::parse("#102030", true).is_err() && Colour::parse("blue", false).is_err());
        let style = Look::colours([Colour::parse("#1f5f8f", false).ok(), Colour::parse("#85bde6", true).ok()]);
        assert!(style.starts_with("html.calm,html.alert{--mark:#1f5f8f;") && style.contains("dark){html.calm"));
        assert_eq!(Look::colours([None, None]), "");
    }

    #[test]
    fn pictures_and_contacts() {
        assert_eq!(Look::picture("a.svg", b"<svg>").unwrap(), "data:image/svg+xml,%3Csvg%3E");
        assert!(Look::picture("a.gif", b"").is_err() && Look::picture("a.svg", &[b'x'; 3_000]).is_err());
        assert!(contact("mailto:help@example.com").is_ok() && contact("javascript:alert(1)").is_err());
        assert!(contact("https://").is_err() && contact("https://a b").is_err());
    }
}
