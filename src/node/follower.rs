//! A program that listens to a node, instead of being one (docs/contract.md#inside-an-application): it keeps the caches
//! of its applications by what the node tells anybody, and follows the node's event stream.
//!
//! Must stay true: it holds no store and is no member of the farm; while the node is away, what it has told counts on,
//! plans and returns included; memory is bounded whatever the node answers; however many events come, it asks once in
//! [`SPACING`].

use std::{
    error::Error,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::web;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    NodeError,
    listeners::public_events,
    made::{farm_id, gate, slots, trust, visitors},
    parts::{definitions, resources},
};
use crate::{
    actors::shared::{Defined, Event, Shared},
    answer::followed,
    availability::{NodeId, Rules},
    config::Settings,
    control::events,
    gate::{
        inside::{self, Door},
        reading::reading,
        service::Present,
    },
    monitor::partner::Events,
    noise::Noise,
    peer::connector::Connector,
    sync::Phase,
    vocabulary::HttpUrl,
};

/// How long a start waits for the node's first word.
const FIRST: Duration = Duration::from_secs(5);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries: from this to the next.
const PAUSE: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(15)];
/// A stream without a sign of life for this long is opened again: nodes send a comment every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// The shortest time between an event and asking what has happened, so that many events are one question.
const SPACING: Duration = Duration::from_millis(50);
/// The largest answer.
const LARGEST: usize = 16 << 20;

static AWAY: Noise = Noise::new("not_followed");

/// Why the node was not heard.
#[derive(Debug, thiserror::Error)]
enum Away {
    #[error("{0}")]
    Address(#[from] http::Error),
    #[error("it cannot be reached: {0}")]
    Call(#[from] legacy::Error),
    #[error("its answer broke off: {0}")]
    Body(Box<dyn Error + Send + Sync>),
    #[error("it answered {0} instead of 200")]
    Status(StatusCode),
    #[error("its answer is not that of a node: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("{0}")]
    Stream(String),
    #[error("it did not answer in time")]
    Silent(#[from] tokio::time::error::Elapsed),
}

/// See the module.
pub(crate) struct Follower {
    door: Door,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts listening to the gate of `node`, on a thread of its own. Blocks until it has answered, for at most 5 s.
    ///
    /// # Errors
    /// The configuration cannot be put together.
    pub(crate) fn start(settings: Settings, node: HttpUrl) -> Result<Self, NodeError> {
        let (stop, stopped) = oneshot::channel::<()>();
        // Not those of tokio: the program may call from within its own runtime.
        let (handed, ready) = sync_channel(1);
        let (heard, first) = sync_channel::<()>(1);
        let thread = thread::Builder::new().name("forewarn".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let listening = match Listening::new(&settings, node, heard) {
                    Ok((listening, door, asks, more)) => {
                        let present = listening.gate.clone();
                        actix_web::rt::spawn(inside::serve(present, asks, more));
                        handed.send(Ok(door)).ok();
                        listening
                    }
                    Err(error) => {
                        handed.send(Err(error)).ok();
                        return;
                    }
                };
                tokio::select! {
                    () = listening.follow() => {}
                    // Dropping it tells the same.
                    _ = stopped => {}
                }
            });
        })?;
        let door = ready.recv().unwrap_or(Err(NodeError::Ended("the listener")))?;
        // Without an answer everything is open until there is one.
        first.recv_timeout(FIRST).ok();
        Ok(Self { door, stop: Some(stop), thread: Some(thread) })
    }

    /// What decides.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("inside_ended");
        }
    }
}

/// What runs on the thread.
struct Listening {
    node: HttpUrl,
    client: Client<Connector, Empty<Bytes>>,
    shared: Arc<Shared>,
    gate: Present,
    /// The start waits for it.
    heard: Option<SyncSender<()>>,
}

type Questions = tokio::sync::mpsc::Receiver<inside::Ask>;

impl Listening {
    fn new(
        settings: &Settings,
        node: HttpUrl,
        heard: SyncSender<()>,
    ) -> Result<(Self, Door, Questions, impl Fn(&mut web::ServiceConfig) + Clone + 'static), NodeError> {
        let rules = Rules { max_clock_skew: settings.farm.max_clock_skew, lapse: settings.farm.lapse };
        let name = settings.node.name.clone();
        let slots = slots(settings, &name, rules, &definitions(settings), &[]);
        let shared = Shared::new(name, rules, Vec::new())
            .with_visitors(visitors(settings))
            .with_texts(settings.gate.texts.clone());
        shared.define(Defined { slots: Arc::clone(&slots), resources: resources(settings), monitors: Vec::new() });
        let shared = Arc::new(shared);
        let gate = gate(settings, &shared, slots, None).map_err(NodeError::Settings)?;
        let gate: Present = web::Data::new(ArcSwap::from_pointee(gate));
        let (door, asks) = Door::new(gate.clone());
        let (farm, changes) = (web::Data::new(farm_id(settings, NodeId::NONE)), web::Data::new(shared.events.clone()));
        let streams = web::Data::new(events::Streams::default());
        let more = move |more: &mut web::ServiceConfig| {
            more.app_data(farm.clone()).app_data(streams.clone()).app_data(changes.clone());
            more.service(reading("/events", public_events));
        };
        let client = Client::builder(TokioExecutor::new()).build(Connector::new(trust(settings)));
        Ok((Self { node, client, shared, gate, heard: Some(heard) }, door, asks, more))
    }

    /// Follows the node for ever.
    async fn follow(mut self) {
        let mut pause = PAUSE[0];
        loop {
            if let Err(away) = self.listen(&mut pause).await
                && AWAY.admits()
            {
                let note = "what it has told counts on";
                log::warn!(node:% = self.node, error:% = away, note; "not_followed");
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE[1]);
        }
    }

    /// Opens the stream, asks, and asks again after each event.
    async fn listen(&mut self, pause: &mut Duration) -> Result<(), Away> {
        let mut stream = timeout(PATIENCE, self.ask("/.forewarn/events", "text/event-stream")).await??;
        // What has changed before the stream was open is asked for now.
        self.look().await?;
        *pause = PAUSE[0];
        let mut events = Events::default();
        loop {
            let Some(frame) = timeout(SILENCE, stream.frame()).await? else {
                return Err(Away::Stream("its event stream has ended".to_owned()));
            };
            let frame = frame.map_err(|error| Away::Body(error.into()))?;
            let Some(bytes) = frame.data_ref() else { continue };
            if events.feed(bytes).map_err(Away::Stream)? {
                sleep(SPACING).await;
                self.look().await?;
            }
        }
    }

    async fn ask(&self, path: &str, accept: &'static str) -> Result<Incoming, Away> {
        let request = Request::get(format!("{}{path}", self.node)).header(header::ACCEPT, accept);
        let answer = self.client.request(request.body(Empty::new())?).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status => Err(Away::Status(status)),
        }
    }

    /// Asks what is available, and loads the caches.
    async fn look(&mut self) -> Result<(), Away> {
        let answer = async {
            let body = self.ask("/.forewarn/availability", "application/json").await?;
            Limited::new(body, LARGEST).collect().await.map_err(Away::Body)
        };
        let answer: Value = serde_json::from_slice(&timeout(PATIENCE, answer).await??.to_bytes())?;
        let all = answer["applications"].as_array().map(Vec::as_slice).unwrap_or_default();
        let now = self.shared.clock();
        for slot in &*self.shared.slots() {
            // An application that the node does not know is open.
            let Some(said) = all.iter().find(|one| one["application"] == slot.app.name().as_str()) else { continue };
            let view = followed(said, &slot.app, &self.shared.node)?;
            let next = slot.snapshot.load().next(view, now);
            slot.snapshot.store(Arc::new(next));
            self.shared.tell(Event::Availability { application: slot.app.name().clone() });
        }
        if self.shared.phase() != Phase::Ready {
            self.shared.set_phase(Phase::Ready);
        }
        self.heard.take().into_iter().for_each(|heard| _ = heard.send(()));
        Ok(())
    }
}
