//! An application with actix-web that is a member of the farm: its own process holds the caches, and a request for
//! what is closed never reaches its handlers.
//!
//! ```text
//! forewarn init forewarn.toml
//! cargo run --example actix_web -- forewarn.toml
//! curl -i http://127.0.0.1:9000/mail
//! forewarn notify application:mail --unavailable --for 10m     # with FOREWARN_TOKEN, as `forewarn init` says
//! ```

use std::{error::Error, io, net::TcpListener};

use actix_web::{App, HttpRequest, HttpServer, dev::Server, web};
use forewarn::embed::{Config, Door, Member, Middleware};

/// What the application does: here, it says so.
async fn perform(request: HttpRequest) -> String {
    let tester = if request.headers().contains_key("forewarn-pass") { " for a tester" } else { "" };
    format!("performed {}{tester}", request.path())
}

/// Serves the application. What is closed is answered by the middleware, and so is everything below `/.forewarn/`.
pub fn serve(listener: TcpListener, door: Door) -> io::Result<Server> {
    let application = move || App::new().wrap(Middleware::new(door.clone())).default_service(web::to(perform));
    Ok(HttpServer::new(application).workers(2).listen(listener)?.run())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: actix_web FILE, as `forewarn init FILE` writes it")?;
    // Ready when the ledger is restored and merged with what the peers know.
    let member = Member::start(Config::load(file)?)?;
    serve(TcpListener::bind("127.0.0.1:9000")?, member.door())?.await?;
    Ok(member.stop()?)
}
