//! The look that the applications share: one page with everything inside, light or dark.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

/// An HTML page. `body` is HTML, `title` is text.
pub(crate) fn page(title: &str, body: &str) -> HttpResponse {
    let title = escape(title);
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
             <meta name=viewport content='width=device-width,initial-scale=1'>\
             <title>{title}</title><link rel=icon href='data:,'><style>{STYLE}</style>\
             <script src=/.forewarn/forewarn.js defer></script>\
             <header><a href=/>Six steps</a><a href=/mail>Mail</a><a href=/phone>Phone directory</a>\
             <a href=/chat>Chat</a></header><main><h1>{title}</h1>{body}</main></html>"
    ))
}

/// Text as HTML, for contents and for attributes in quotation marks.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// The first so many characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    text.trim().chars().take(most).collect()
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2430;--paper:#f6f5f2;--card:#fff;--line:#d9d6cf;--accent:#1f5fa8;--soft:#5c6675}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181e;--card:#1d232b;--line:#36404c;--accent:#7fb4f0;--soft:#a3adba}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.5 system-ui,sans-serif}\
header{display:flex;gap:1.5rem;padding:.8rem 1.2rem;border-bottom:1px solid var(--line);background:var(--card)}\
main{max-width:44rem;margin:0 auto;padding:1.5rem 1.2rem 3rem}h1{font-size:1.7rem;line-height:1.2}\
a{color:var(--accent)}form{display:grid;gap:.9rem;padding:1.1rem;background:var(--card);border:1px solid var(--line);border-radius:.6rem}\
label{display:grid;gap:.25rem;font-weight:600}input,textarea{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);border-radius:.35rem;padding:.45rem .6rem;width:100%}\
button{justify-self:start;font:inherit;font-weight:600;color:var(--card);background:var(--accent);border:0;border-radius:.35rem;padding:.5rem 1.3rem;cursor:pointer}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}ul,ol{list-style:none;padding:0}\
li{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem 1rem;margin:.6rem 0;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;background:var(--card)}th,td{text-align:left;padding:.5rem .7rem;border-bottom:1px solid var(--line)}\
small{color:var(--soft)}pre{white-space:pre-wrap;font:inherit;margin:.3rem 0 0}\
[role=status]{border-left:.35rem solid var(--accent);padding:.6rem 1rem;background:var(--card)}";
