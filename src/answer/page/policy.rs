//! The `Content-Security-Policy` of pages: what is on a page is named by its hash, and nothing else is allowed.

use std::sync::LazyLock;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{FORM_SCRIPT, FORM_STYLE, KEPT_SCRIPT, SCRIPT, STYLE, base64};
use crate::text::Site;

/// The `Content-Security-Policy` of every page (CSP Level 3): its own styles and scripts by their
/// hashes, requests to its own origin only. An application's page may stand in a frame, so this one
/// may, too: its only button sends what its user has typed to where they sent it.
///
/// With `forms` there is no `form-action`: browsers apply it to redirects as well, and where an application
/// leads after a form is its own affair. What is on the page is escaped, and no script of others runs.
pub(in crate::answer) fn security_policy(forms: bool, site: &Site, own: bool) -> Bytes {
    if own {
        return own_policy();
    }
    static POLICIES: LazyLock<[Bytes; 2]> = LazyLock::new(|| {
        let policy = |styles: &[&str], scripts: &[&str], end: &str| {
            let all = |texts: &[&str]| texts.iter().map(|text| hash(text)).collect::<Vec<_>>().join(" ");
            let (styles, scripts) = (all(styles), all(scripts));
            format!("default-src 'none'; script-src {scripts}; connect-src 'self'; img-src data:; base-uri 'none'{end}; style-src {styles}").into()
        };
        [
            policy(&[&STYLE], &[&SCRIPT], "; form-action 'none'"),
            policy(&[&STYLE, &FORM_STYLE], &[&SCRIPT, &FORM_SCRIPT, &KEPT_SCRIPT], ""),
        ]
    });
    let policy = &POLICIES[usize::from(forms)];
    match site.look.style.as_str() {
        "" => policy.clone(),
        style => [&policy[..], b" ", hash(style).as_bytes()].concat().into(),
    }
}

/// The policy of a page of the site's own: its styles, its pictures from the same host, the gate's scripts and no
/// others, for what people typed may stand on it.
fn own_policy() -> Bytes {
    static POLICY: LazyLock<Bytes> = LazyLock::new(|| {
        let scripts = [&*SCRIPT, &*FORM_SCRIPT, &*KEPT_SCRIPT].map(|script| hash(script)).join(" ");
        format!(
            "default-src 'none'; style-src 'unsafe-inline' 'self'; script-src {scripts}; connect-src 'self'; \
             img-src data: 'self'; font-src data: 'self'; base-uri 'none'"
        )
        .into()
    });
    POLICY.clone()
}

/// A source of a policy: exactly this text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{answer::page::Page, availability::Moment};

    #[test]
    fn the_policy_names_what_is_on_the_page() {
        let page = |form, since| Page { title: "x", form, since, ..Page::empty(crate::text::english()) }.fit();
        for (page, forms) in
            [(page(false, None), false), (page(true, None), true), (page(false, Some(Moment::ZERO)), true)]
        {
            let policy = String::from_utf8(security_policy(forms, &Site::default(), false).to_vec()).unwrap();
            let count = 1 + usize::from(forms);
            for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
                let inside = page.split(open).skip(1).map(|rest| rest.split(close).next().unwrap());
                let inside: Vec<&str> = inside.collect();
                assert_eq!(inside.len(), count);
                for text in inside {
                    assert!(text.len() > 100 && policy.contains(&base64(&Sha256::digest(text.as_bytes()))));
                }
            }
            assert!(!page.contains(" style=") && !page.contains(" onclick"));
        }
    }
}
