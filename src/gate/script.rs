//! `/.forewarn/forewarn.js` (docs/contract.md#the-script): the script that an application's pages include.
//!
//! Must stay true: at most 4 KB with its words, in every language; nothing of it depends on who asks.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde_json::json;

use super::{reading::reading, service::Seen};
use crate::{answer::lean_script, text::Language};

const SOURCE: &str = include_str!("../../static/gate/forewarn.js");
/// The address.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(reading("/forewarn.js", script));
}

async fn script(gate: Seen, req: HttpRequest) -> HttpResponse {
    let language = gate.language(req.headers());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/javascript; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=600"))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header((header::CONTENT_LANGUAGE, language.tag()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(source(&language, gate.not_kept.words()))
}

/// The script in a language; fields with one of these words in their names are not kept.
fn source(language: &Language, secret: &[String]) -> String {
    let words = json!({
        "lang": language.tag(), "dir": language.dir(), "secret": secret, "close": language.say("bar-close"),
        "kept": language.say("bar-kept"), "restored": language.say("bar-restored"),
    });
    lean_script(SOURCE).replacen("WORDS", &words.to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answer::form::NotKept, text::Texts};

    #[test]
    fn it_is_small_in_every_language() {
        for language in Texts::default().all() {
            let source = source(language, NotKept::default().words());
            assert!(source.len() <= 4_096, "{} {}", language.tag(), source.len());
            assert!(source.contains("\"secret\":[\"pass\",") && !source.contains("WORDS") && !source.contains("// "));
        }
    }
}
