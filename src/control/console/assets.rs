//! The style sheet, the script and the picture, served from the binary.
//!
//! Their addresses contain the hash of their content, so that browsers may cache them for ever and still get a
//! new version at once.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    web,
};
use rust_embed::Embed;

use super::{form, page};

#[derive(Embed)]
#[folder = "static/console/assets/"]
struct Assets;

/// The address of a file, with the hash of its content.
pub(crate) fn href(file: &str) -> String {
    match Assets::get(file) {
        Some(found) => format!("/static/console/{file}?v={}", version(&found)),
        None => format!("/static/console/{file}"),
    }
}

fn version(file: &rust_embed::EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..8])
}

/// `GET /static/console/{file}`: open to everybody, for the login page needs it.
pub(crate) async fn serve(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    let Some(found) = Assets::get(&file) else {
        return page::guarded(HttpResponse::NotFound(), false)
            .content_type("text/plain; charset=utf-8")
            .body("no such file\n");
    };
    let kind = match file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let version = version(&found);
    let tag = format!("\"{version}\"");
    let named = form::first(&form::read_pairs(request.query_string()), "v") == version;
    let keep = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known =
        request.headers().get_all(IF_NONE_MATCH).any(|value| value.to_str().is_ok_and(|value| value.contains(&tag)));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CACHE_CONTROL, keep))
        .insert_header((ETAG, tag))
        .insert_header(("X-Content-Type-Options", "nosniff"));
    if known {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, kind)).body(found.data.into_owned())
}
