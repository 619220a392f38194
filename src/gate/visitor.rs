//! What visitors carry: cookies that say who is inside (docs/contract.md#last-entry) and who may pass
//! (docs/contract.md#testers-pass).
//!
//! What must stay true: only what this farm has signed counts; what is read of a request is bounded.

use bytes::Bytes;

use super::fields::Fields;
use crate::{
    answer::LastEntry,
    availability::Moment,
    vocabulary::{Carried, Visitors},
};

/// Who is inside: tokens of one application each, with slashes between.
const INSIDE: &str = "forewarn-inside";
/// Who may pass: one token.
const PASS: &str = "forewarn-pass";
/// Cookies of one name that are looked at, and tokens of one cookie.
const MOST: usize = 8;

/// Whether the sender was served by this application before the last entry ended.
pub(super) fn is_inside(visitors: &Visitors, fields: &impl Fields, application: &str, entry: LastEntry) -> bool {
    let (from, until) = (entry.from.millis() / 1000, entry.until.millis());
    let mut known = inside(visitors, fields).filter(|(_, carried)| carried.names().eq([application]));
    known.any(|(_, carried)| carried.seconds >= from && carried.seconds * 1000 < until)
}

/// `Set-Cookie` for those whom these applications serve now; other applications' tokens stay.
pub(super) fn admitted(
    visitors: &Visitors,
    fields: &impl Fields,
    applications: &[String],
    secure: bool,
    now: Moment,
) -> Bytes {
    let new = applications.iter().map(|name| visitors.inside.sign([name.as_str()], now.millis() / 1000));
    let is_other = |carried: &Carried<'_>| !carried.names().any(|name| applications.iter().any(|new| new == name));
    let kept = inside(visitors, fields).filter(|(_, carried)| is_other(carried)).map(|(token, _)| token.to_owned());
    let tokens: Vec<String> = new.chain(kept).take(MOST).collect();
    format!("{INSIDE}={}; Path=/; HttpOnly; SameSite=Lax{}", tokens.join("/"), mark(secure)).into()
}

fn inside<'a>(visitors: &'a Visitors, fields: &'a impl Fields) -> impl Iterator<Item = (&'a str, Carried<'a>)> {
    let tokens = cookies(fields, INSIDE).flat_map(|value| value.split('/').take(MOST));
    tokens.filter_map(|token| Some((token, visitors.inside.read(token)?)))
}

/// Whether the sender has a pass for this application.
pub(super) fn may_pass(visitors: &Visitors, fields: &impl Fields, application: &str, now: Moment) -> bool {
    let Some(key) = &visitors.pass else { return false };
    let passes = cookies(fields, PASS).filter_map(|token| key.read(token));
    passes.filter(|pass| pass.seconds * 1000 > now.millis()).any(|pass| pass.names().any(|name| name == application))
}

/// What a link's token gives: its first application, and `Set-Cookie`. `None`: it is not valid, or not any more.
pub(super) fn pass<'t>(visitors: &Visitors, token: &'t str, secure: bool, now: Moment) -> Option<(&'t str, String)> {
    let carried = visitors.pass.as_ref()?.read(token)?;
    let left = carried.seconds - now.millis() / 1000;
    let cookie = format!("{PASS}={token}; Path=/; Max-Age={left}; HttpOnly; SameSite=Lax{}", mark(secure));
    Some((carried.names().next()?, cookie)).filter(|_| left > 0)
}

/// Cookies that were given under TLS come back under TLS only.
fn mark(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}

/// The values of all cookies of this name.
fn cookies<'a>(fields: &'a impl Fields, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = fields.lines("cookie").filter_map(|line| std::str::from_utf8(line).ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value).take(MOST)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

    use super::*;
    use crate::vocabulary::Secret;

    fn keys() -> Visitors {
        Visitors::new(Some(&Secret::new("a secret of some length")), None, [0; 32])
    }

    fn with(cookie: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        map
    }

    #[test]
    fn inside_is_who_was_served_in_time() {
        let at = |seconds: i64| Moment::from_millis(seconds * 1000);
        let entry = LastEntry { from: at(1_000), until: at(2_000) };
        let served = |seconds| {
            let cookie = admitted(&keys(), &HeaderMap::new(), &["mail".to_owned()], false, at(seconds));
            with(std::str::from_utf8(&cookie).unwrap().split(';').next().unwrap())
        };
        for (seconds, inside) in [(999, false), (1_000, true), (1_999, true), (2_000, false)] {
            assert_eq!(is_inside(&keys(), &served(seconds), "mail", entry), inside, "{seconds}");
        }
        assert!(!is_inside(&keys(), &served(1_500), "chat", entry));
        assert!(!is_inside(&keys(), &with("forewarn-inside=mail~1500~00"), "mail", entry));
        // A second application joins the first.
        let both = admitted(&keys(), &served(1_500), &["chat".to_owned()], true, at(1_600));
        let both = with(std::str::from_utf8(&both).unwrap().split(';').next().unwrap());
        assert!(is_inside(&keys(), &both, "chat", entry) && is_inside(&keys(), &both, "mail", entry));
    }

    #[test]
    fn a_pass_opens_its_applications_until_it_ends() {
        let keys = keys();
        let token = keys.pass.as_ref().unwrap().sign(["mail", "chat"], 100);
        let (first, cookie) = pass(&keys, &token, false, Moment::from_millis(40_000)).unwrap();
        assert_eq!(first, "mail");
        assert!(cookie.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"), "{cookie}");
        let (_, secure) = pass(&keys, &token, true, Moment::from_millis(40_000)).unwrap();
        assert!(secure.ends_with("; SameSite=Lax; Secure"), "{secure}");
        let carried = with(&format!("x=1; {}; y", cookie.split(';').next().unwrap()));
        let passes = |application, millis| may_pass(&keys, &carried, application, Moment::from_millis(millis));
        assert!(passes("mail", 99_999) && passes("chat", 0));
        assert!(!passes("mail", 100_000) && !passes("phone", 0));
        assert!(
            pass(&keys, &token, false, Moment::from_millis(100_000)).is_none()
                && pass(&keys, "mail~100~00", false, Moment::ZERO).is_none()
        );
        let other = Visitors::new(Some(&Secret::new("another secret, as long")), None, [0; 32]);
        assert!(!may_pass(&other, &carried, "mail", Moment::ZERO));
    }
}
