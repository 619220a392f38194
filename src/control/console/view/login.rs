//! Signing in.

use askama::Template;

use super::Chrome;

/// The page. Without operators it explains how to add one.
#[derive(Template)]
#[template(path = "console/login.html")]
pub(crate) struct LoginPage {
    /// Around it.
    pub chrome: Chrome,
    /// There are operators who can sign in.
    pub possible: bool,
    /// The name as it was typed.
    pub name: String,
    /// Where to go on; checked.
    pub next: String,
    /// A form that was sent when the session had ended, as it was sent; empty: none.
    pub carried: String,
    /// Why one is here again.
    pub problem: Option<String>,
}

/// Longest address to go on to, in bytes.
const LONGEST: usize = 2_000;

/// An address within these pages, or the board: signing in must not lead to another site.
pub(crate) fn safe_next(next: &str) -> &str {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= LONGEST
        // Browsers read a backslash as a slash and skip control characters.
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !matches!(path, "/login" | "/logout");
    if own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_own_pages_only() {
        for own in ["/", "/history?application=mail&before=1", "/notify/0190e5a0"] {
            assert_eq!(safe_next(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "/login?next=/",
            "javascript:alert(1)",
            "/\u{fc}",
        ] {
            assert_eq!(safe_next(other), "/", "{other:?}");
        }
        assert_eq!(safe_next(&format!("/{}", "a".repeat(LONGEST))), "/");
    }
}
