//! The first page: six steps that show what Forewarn is for.

use actix_web::{HttpResponse, web};

use super::page::{escape, page};

/// Where the demo's nodes are, as addresses of their roots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// What users ask: a, b, c.
    pub gates: Vec<String>,
    /// What operators ask: a, b, c.
    pub consoles: Vec<String>,
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.route("/", web::get().to(show));
}

async fn show(places: web::Data<Places>) -> HttpResponse {
    let at = |list: &[String], index: usize| escape(list.get(index).map_or("", String::as_str));
    let [a, b, c] = [0, 1, 2].map(|index| at(&places.gates, index));
    let console = at(&places.consoles, 0);
    page(
        "Six steps",
        &format!(
            "<p>Three nodes run on this machine, in front of three small applications. All nodes know the same, \
             and each answers by itself.</p><ol class=steps>\
             <li><h2>Begin a letter</h2><p>Open <a href='{a}/mail' target=_blank>Mail at node a</a> and write something \
             that you would not like to lose. Do not send it yet. Open <a href='{b}/chat' target=_blank>the chat</a> \
             (a WebSocket) and <a href='{c}/phone' target=_blank>the phone directory</a> (an EventSource tells who is on \
             the phone) beside it.</p></li>\
             <li><h2>Announce a closing</h2><p><a href='{console}/notify?target=application:mail&amp;status=unavailable' \
             target=_blank>Sign in as an operator</a> (the terminal shows name and password) and plan that Mail goes down \
             in 10 minutes, for 20 minutes. Look at the letter: a quiet bar counts down, and what you type is kept in \
             the tab.</p></li>\
             <li><h2>Close it now</h2><p>On <a href='{console}/' target=_blank>the board</a>, report Mail unavailable now. \
             Send the letter: it is not accepted, and your text comes back, with the reason and the time.</p></li>\
             <li><h2>Ask another node, in another language</h2><p><a href='{b}/mail' target=_blank>Node b</a> says the same \
             at once. Set your browser to German, French, Spanish, Portuguese, Japanese or Arabic, or look at \
             <a href='{console}/pages' target=_blank>the pages in all of them</a>. Close the chat, too: its WebSocket \
             is told why.</p></li>\
             <li><h2>Let a tester in</h2><p>On <a href='{console}/pages' target=_blank>Pages</a>, make a link for Mail, \
             and open it at <a href='{a}/mail' target=_blank>node a</a>'s address: you pass, everybody else waits.</p></li>\
             <li><h2>Open it again</h2><p>Report Mail available. Every page that waited returns by itself, and the \
             letter goes out with one click. End the demo with Ctrl-C and start it again: each node \
             knows what was closed.</p></li></ol>"
        ),
    )
}
