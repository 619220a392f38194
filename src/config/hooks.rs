//! `[[webhook]]` and `[mail]` (docs/contract.md#webhooks).

use std::path::Path;

use url::Url;

use super::{
    lists::{self, Names},
    reader::Reader,
    values,
};
use crate::{
    hook::{Format, Hook, Kind, Mail, Sink, Web},
    tls::certificates,
    vocabulary::Secret,
};

/// The most webhooks of a node.
const MAX_HOOKS: usize = 32;
/// The most receivers of its mail.
const MAX_RECEIVERS: usize = 100;
/// The longest secret, in bytes.
const MAX_SECRET: usize = 1_024;
/// The name of what is told by mail.
const MAIL: &str = "mail";
/// What is told where nothing else is said: a cancelled plan goes with the planned ones.
const DEFAULT: [Kind; 5] = Kind::ALL;

/// All webhooks, then the mail.
pub(super) fn hooks(root: &mut Reader<'_>, file: &Path) -> Vec<Hook> {
    let mut hooks = lists::entries(root, "webhook", |entry, names| webhook(entry, names, file));
    if hooks.len() > MAX_HOOKS {
        root.problem("webhook", format!("must be at most {MAX_HOOKS}"));
    }
    if root.has("mail") {
        if hooks.iter().any(|hook| hook.name.as_str() == MAIL) {
            root.problem("webhook", "\"mail\" is the name of [mail]; choose another one");
        }
        hooks.extend(mail(root.section("mail")));
    } else {
        root.section("mail");
    }
    hooks
}

fn kinds(entry: &mut Reader<'_>) -> Vec<Kind> {
    let all: Vec<(&'static str, Kind)> =
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::Cancelled).map(|kind| (kind.name(), kind)).collect();
    if !entry.has("events") {
        return DEFAULT.to_vec();
    }
    let mut kinds = entry.one_or_more("events", values::one_of(&all));
    if kinds.contains(&Kind::Planned) {
        kinds.push(Kind::Cancelled);
    }
    kinds
}

fn webhook(entry: &mut Reader<'_>, names: &mut Names, file: &Path) -> Option<Hook> {
    let name = names.next(entry);
    let url = entry.required("url", address);
    let formats = [("json", Format::Json), ("slack", Format::Slack), ("teams", Format::Teams), ("ntfy", Format::Ntfy)];
    let format = entry.text("format", values::one_of(&formats)).unwrap_or_default();
    let kinds = kinds(entry);
    let secret = entry.text("secret", secret);
    let authorities = entry.text("tls_ca", |text| certificates(&values::beside(file, text)));
    Some(Hook { name: name?, kinds, sink: Sink::Web(Box::new(Web { url: url?, format, secret, authorities })) })
}

fn address(text: &str) -> Result<Url, String> {
    let wanted = "must be an address such as \"https://hooks.example.com/x\"";
    let url = Url::parse(text).map_err(|error| format!("{wanted}: {error}"))?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err(wanted.to_owned()),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    match text.len() {
        0 => Err("must not be empty".to_owned()),
        1..=MAX_SECRET => Ok(Secret::new(text)),
        _ => Err(format!("must be at most {MAX_SECRET} bytes")),
    }
}

fn mail(mut section: Reader<'_>) -> Option<Hook> {
    let server = section.required("server", server);
    let password = section.text("password", secret);
    let from = section.required("from", mailbox);
    if !section.has("to") {
        section.problem("to", "is required");
    }
    let to = section.one_or_more("to", mailbox);
    if to.len() > MAX_RECEIVERS {
        section.problem("to", format!("must be at most {MAX_RECEIVERS} receivers"));
    }
    if password.is_some() && server.as_ref().is_some_and(|server: &Url| server.username().is_empty()) {
        section.problem("password", "needs a user in server, such as \"smtps://user@mail.example.com\"");
    }
    let kinds = kinds(&mut section);
    section.finish();
    let mail = Mail { server: server?, password, from: from?, to };
    Some(Hook { name: MAIL.parse().ok()?, kinds, sink: Sink::Mail(Box::new(mail)) })
}

fn server(text: &str) -> Result<Url, String> {
    let wanted = "must be an address such as \"smtps://user@mail.example.com\" or \"smtp://127.0.0.1:25\"";
    let url = Url::parse(text).map_err(|error| format!("{wanted}: {error}"))?;
    if !matches!(url.scheme(), "smtp" | "smtps") || !url.has_host() || !url.path().trim_matches('/').is_empty() {
        return Err(wanted.to_owned());
    }
    match url.password() {
        None => Ok(url),
        Some(_) => Err("must not contain the password: it is a key of its own".to_owned()),
    }
}

fn mailbox(text: &str) -> Result<String, String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("must be a mail address such as \"Forewarn <forewarn@example.com>\": {error}")),
    }
}
