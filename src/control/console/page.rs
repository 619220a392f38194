//! The responses of pages: with every security header, and never cached.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
};
use askama::Template;

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers that every answer of the pages has.
pub(crate) fn guarded(mut answer: HttpResponseBuilder, tls: bool) -> HttpResponseBuilder {
    answer
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("X-Frame-Options", "DENY"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"));
    if tls {
        answer.insert_header(("Strict-Transport-Security", "max-age=31536000"));
    }
    answer
}

/// A page. A template that cannot be rendered is a fault of this program: logged, and a plain 500.
pub(crate) fn html(status: StatusCode, tls: bool, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(text) => guarded(HttpResponse::build(status), tls).content_type("text/html; charset=utf-8").body(text),
        Err(error) => {
            log::error!(error:%; "page_not_rendered");
            guarded(HttpResponse::InternalServerError(), tls)
                .content_type("text/plain; charset=utf-8")
                .body("This page could not be shown.\n")
        }
    }
}

/// "See other": after a form was taken, so that a reload does not send it again.
pub(crate) fn see_other(to: &str, tls: bool) -> HttpResponse {
    guarded(HttpResponse::SeeOther(), tls).insert_header((LOCATION, to)).finish()
}
