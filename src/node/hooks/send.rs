//! Carries one message to its receiver. Blocks, for at most ten seconds.

use std::time::Duration;

use lettre::{
    Message, SmtpTransport, Transport as _, message::header::ContentType, transport::smtp::authentication::Credentials,
};
use ureq::{
    Agent,
    http::{Request, StatusCode},
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    availability::{Moment, Name},
    hook::{
        Event, Hook, Mail, Sink, Web,
        letter::{self, About},
    },
};

/// For the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Why an event could not be told.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    /// The receiver refuses this message: it is not tried for ever.
    pub(super) lasting: bool,
}

/// See the module.
pub(super) struct Carrier {
    sender: Name,
    way: Way,
}

enum Way {
    Web { agent: Agent, web: Box<Web> },
    Mail { transport: Result<SmtpTransport, String>, mail: Box<Mail> },
}

impl Carrier {
    pub(super) fn new(hook: &Hook, sender: &Name) -> Self {
        Self::within(hook, sender, TIMEOUT)
    }

    fn within(hook: &Hook, sender: &Name, timeout: Duration) -> Self {
        let way = match &hook.sink {
            Sink::Web(web) => Way::Web { agent: agent(web, timeout), web: web.clone() },
            Sink::Mail(mail) => Way::Mail { transport: transport(mail), mail: mail.clone() },
        };
        Self { sender: sender.clone(), way }
    }

    /// Tells the receiver this event.
    ///
    /// # Errors
    /// When it did not say that it took it.
    pub(super) fn send(&self, event: &Event, about: &[About], now: Moment) -> Result<(), Failure> {
        match &self.way {
            Way::Web { agent, web } => self.post(agent, web, event, about, now),
            Way::Mail { transport, mail } => {
                let failure = |why: String| Failure { why, lasting: false };
                let transport = transport.as_ref().map_err(|why| failure(why.clone()))?;
                let message = write(mail, event, about).map_err(|why| Failure { why, lasting: true })?;
                transport
                    .send(&message)
                    .map(drop)
                    .map_err(|error| Failure { lasting: error.is_permanent(), ..failure(error.to_string()) })
            }
        }
    }

    fn post(&self, agent: &Agent, web: &Web, event: &Event, about: &[About], now: Moment) -> Result<(), Failure> {
        let letter = letter::letter(event, about, &self.sender, web.format, web.secret.as_ref(), now);
        let mut request = Request::post(web.url.as_str());
        for (name, value) in &letter.fields {
            // Bytes beyond ASCII stand as they are: ntfy reads UTF-8.
            request = request.header(*name, value.as_bytes());
        }
        let failed = |why: String, lasting| Failure { why, lasting };
        let request = request.body(letter.body).map_err(|error| failed(error.to_string(), true))?;
        let mut response = agent.run(request).map_err(|error| failed(reason(&error), false))?;
        let status = response.status();
        // The connection is used again if the rest of the answer is short.
        response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().ok();
        match status.is_success() {
            true => Ok(()),
            false => Err(failed(format!("it answered {status}"), is_refusal(status))),
        }
    }
}

/// Why nothing was answered, for people.
fn reason(error: &ureq::Error) -> String {
    match error {
        // The client puts a word of its own before the system's.
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// Whether another attempt will hardly fare better.
fn is_refusal(status: StatusCode) -> bool {
    status.is_redirection() || status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429)
}

fn agent(web: &Web, timeout: Duration) -> Agent {
    let roots = match &web.authorities {
        Some(authorities) => {
            let owned = authorities.iter().map(|der| Certificate::from_der(der).to_owned());
            RootCerts::new_with_certs(&owned.collect::<Vec<_>>())
        }
        None => RootCerts::PlatformVerifier,
    };
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(concat!("forewarn/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn transport(mail: &Mail) -> Result<SmtpTransport, String> {
    let mut server = mail.server.clone();
    let user = server.username().to_owned();
    // The password is not part of the address.
    server.set_username("").ok();
    let builder = SmtpTransport::from_url(server.as_str()).map_err(|error| error.to_string())?;
    let builder = builder.timeout(Some(TIMEOUT));
    Ok(match &mail.password {
        Some(password) => builder.credentials(Credentials::new(user, password.expose_secret().to_owned())),
        None => builder,
    }
    .build())
}

fn write(mail: &Mail, event: &Event, about: &[About]) -> Result<Message, String> {
    let address = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    let mut message = Message::builder().from(address(&mail.from)?).subject(letter::title(event, about));
    for to in &mail.to {
        message = message.to(address(to)?);
    }
    // Mail programs show the same event once, however often it is sent.
    message = message.message_id(Some(format!("<{}@forewarn>", event.id)));
    let mut text = letter::lines(event).join("\n");
    text.push_str("\n\n-- \nForewarn\n");
    message.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    use serde_json::json;

    use super::*;
    use crate::{
        availability::{Entry, NodeId},
        hook::{Kind, event::events},
    };

    const SECOND: Duration = Duration::from_secs(1);

    /// What comes of one event at a receiver that does this with the connection, in at most a second.
    fn told(receive: impl FnOnce(&mut TcpStream) + Send + 'static) -> Result<(), Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let receiver = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 16 << 10]);
            receive(&mut stream);
        });
        let web = Web { url, format: Default::default(), secret: None, authorities: None };
        let hook = Hook { name: "ops".parse().unwrap(), kinds: Kind::ALL.into(), sink: Sink::Web(Box::new(web)) };
        let said = json!({"id": uuid::Uuid::nil(), "timestamp": Moment::ZERO, "targets": ["system"],
            "status": "unavailable", "source": "operator", "node": "a"});
        let event = events(&[Entry::stamped(serde_json::from_value(said).unwrap(), 0, NodeId::NONE)]).remove(0);
        let begun = Instant::now();
        let told = Carrier::within(&hook, &"a".parse().unwrap(), SECOND).send(&event, &[], Moment::ZERO);
        assert!(begun.elapsed() < SECOND * 30, "{:?}", begun.elapsed());
        receiver.join().unwrap();
        told
    }

    /// Until the other side has enough of it.
    fn flood(stream: &mut TcpStream, head: &str) {
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&[b'x'; 64 << 10]);
        }
    }

    #[test]
    fn what_the_system_says_is_told_as_it_is() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(reason(&ureq::Error::Io(refused)), "connection refused");
    }

    #[test]
    fn a_redirection_is_not_followed() {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = elsewhere.local_addr().unwrap();
        let answer = format!("HTTP/1.1 307 Elsewhere\r\nLocation: http://{to}/\r\nContent-Length: 0\r\n\r\n");
        let failure = told(move |stream| stream.write_all(answer.as_bytes()).unwrap()).unwrap_err();
        assert!(failure.lasting && failure.why.contains("307"), "{failure:?}");
        elsewhere.set_nonblocking(true).unwrap();
        assert!(elsewhere.accept().is_err(), "nobody was asked there");
    }

    #[test]
    fn a_receiver_that_hangs_costs_the_time_that_it_may_take() {
        let failure = told(|stream| _ = stream.read(&mut [0; 1]));
        assert!(!failure.unwrap_err().lasting);
        // Nor does one that begins an answer.
        let failure = told(|stream| {
            stream.write_all(b"HTTP/1.1 200").unwrap();
            let _ = stream.read(&mut [0; 1]);
        });
        assert!(!failure.unwrap_err().lasting);
    }

    #[test]
    fn an_answer_without_an_end_is_not_read_to_it() {
        told(|stream| flood(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")).unwrap();
        let failure = told(|stream| flood(stream, "HTTP/1.1 500 No\r\n\r\n")).unwrap_err();
        assert!(!failure.lasting && failure.why.contains("500"), "{failure:?}");
        // A head that has no end is no answer.
        assert!(told(|stream| flood(stream, "HTTP/1.1 200 OK\r\nX: ")).is_err());
    }
}
