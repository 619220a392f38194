//! Webhooks and mail: who outside the farm is told what, when, and by which node (docs/contract.md#webhooks).
//!
//! Pure. [`event`] derives the events from notifications, so every node derives the same ones with the same ids.
//! [`cursor`] remembers which of them a hook has been told, [`turn`] chooses the node that tells it, [`letter`]
//! writes the message, and [`patience`] says how long to wait after a failure.
//!
//! Must stay true: an event is forgotten only when a hook has been told it or has refused it, or when it is older
//! than [`event::LIFETIME`], or behind the newest 20,000 notifications of the history. The history is the outbox; a cursor that is lost repeats events, and loses none.

pub mod cursor;
pub mod event;
pub mod letter;
pub mod patience;
pub mod turn;

use rustls::pki_types::CertificateDer;
use url::Url;

pub use self::{
    cursor::Cursor,
    event::{Event, Kind},
};
use crate::{availability::Name, vocabulary::Secret};

/// One receiver of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// Its name; cursors go by it.
    pub name: Name,
    /// The events that it is told.
    pub kinds: Vec<Kind>,
    /// Where they go.
    pub sink: Sink,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq)]
pub enum Sink {
    /// An HTTP POST.
    Web(Box<Web>),
    /// A mail.
    Mail(Box<Mail>),
}

/// A POST to an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Web {
    /// `http` or `https`.
    pub url: Url,
    /// The form of the body.
    pub format: Format,
    /// Signs the body: `Forewarn-Signature`.
    pub secret: Option<Secret>,
    /// The certificate authorities that are believed; the system's if absent.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// This project's own.
    #[default]
    Json,
    /// Slack's incoming webhooks.
    Slack,
    /// Microsoft Teams' workflows.
    Teams,
    /// ntfy's topics.
    Ntfy,
}

/// Mail by SMTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// Such as `smtps://user@mail.example.com`, as `lettre` reads it.
    pub server: Url,
    /// The password of the address's user.
    pub password: Option<Secret>,
    /// The sender.
    pub from: String,
    /// The receivers, at least one.
    pub to: Vec<String>,
}

impl Hook {
    /// `webhook` or `mail`.
    pub fn kind(&self) -> &'static str {
        match self.sink {
            Sink::Web(_) => "webhook",
            Sink::Mail(_) => "mail",
        }
    }
}
