//! The connection to the broker: made again for ever, with the stream and this node's consumer, and what comes from it.
//!
//! Must stay true: a message is acknowledged to JetStream after the node has made it durable; what cannot be believed
//! is put aside, not fetched again; every new session asks for a merge, for the stream may have lost something.

use std::{collections::HashSet, error::Error, rc::Rc, sync::Arc, time::Duration};

use actix_web::rt;
use async_nats::{
    ConnectOptions, Event, ServerAddr,
    jetstream::{
        self, AckKind, Context, Message,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        stream::{Config, DiscardPolicy, Stream},
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, interval, sleep, timeout},
};

use super::{
    carry::Line,
    seal::{LONGEST, opened},
};
use crate::{
    actors::{
        desk::Desk,
        messages::{Begin, Request},
    },
    availability::NodeId,
    noise::Noise,
    sync::Reply,
    vocabulary::Broker,
};

/// Between two attempts: from this to the next.
const PAUSE: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];
/// How often the node looks who listens: a list of all consumers. In a large farm it takes longer from one list to the
/// next, so that a node reads no more in a minute than in a small one.
const LOOK: Duration = Duration::from_secs(3);
/// From one list to the next at least this long for each node in it.
const LOOK_EACH: Duration = Duration::from_millis(60);
/// How many messages are taken at a time.
const AT_ONCE: usize = 64;
/// How long the node may take for one.
const PATIENCE: Duration = Duration::from_secs(10);
/// A message that it has not taken comes again after this time.
const AGAIN: Duration = Duration::from_secs(2);
/// What is not acknowledged comes again after this time.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// The stream keeps this much; a node that was away for longer has merged at its start.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// The server removes a consumer that was not used for this long.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many servers keep the stream, in a cluster.
const REPLICAS: usize = 3;

static NOT_BELIEVED: Noise = Noise::new("broker_message_not_believed");
static UNREACHABLE: Noise = Noise::new("broker_unreachable");

type Problem = Box<dyn Error + Send + Sync>;

/// Follows the broker until the node ends.
pub(crate) async fn follow(line: Rc<Line>, desk: Desk) {
    let (tell, mut events) = mpsc::unbounded_channel();
    let client = loop {
        match connect(&line.broker, tell.clone()).await {
            Ok(client) => break client,
            // A file that cannot be read may be there later.
            Err(problem) => unreachable(&*problem),
        }
        sleep(PAUSE[1]).await;
    };
    let context = jetstream::new(client);
    let mut pause = PAUSE[0];
    loop {
        let is_over = session(&line, &context, &desk, &mut events, &mut pause).await;
        line.is_down();
        match is_over {
            Ok(()) => log::warn!(stream = line.broker.stream; "broker_disconnected"),
            Err(problem) => unreachable(&*problem),
        }
        // The connection may come back before the pause is over.
        timeout(pause, connected(&mut events)).await.ok();
        pause = (pause * 2).min(PAUSE[1]);
    }
}

fn unreachable(problem: &dyn std::fmt::Display) {
    if UNREACHABLE.admits() {
        log::warn!(problem:%, note = "notifications go to each peer over HTTP meanwhile"; "broker_unreachable");
    }
}

/// The client keeps the cause of a failed connection to itself.
fn explained(problem: &async_nats::ClientError) -> String {
    let text = problem.to_string();
    match text.as_str() {
        "nats: IO error" => "no connection: the broker does not answer, or its certificate is not trusted".to_owned(),
        _ => text,
    }
}

async fn connect(broker: &Broker, tell: mpsc::UnboundedSender<Event>) -> Result<async_nats::Client, Problem> {
    let mut options = ConnectOptions::new();
    if let Some(file) = &broker.credentials {
        options = options.credentials_file(file).await.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(file) = &broker.tls_ca {
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    let delay = |attempts: usize| PAUSE[0].saturating_mul(1 << attempts.min(8)).min(PAUSE[1]);
    let options = options.name("forewarn").retry_on_initial_connect().reconnect_delay_callback(delay).event_callback(
        move |event| {
            let tell = tell.clone();
            async move {
                match &event {
                    Event::ClientError(problem) => unreachable(&explained(problem)),
                    Event::ServerError(problem) => unreachable(problem),
                    _ => {}
                }
                // The receiver ends with the node.
                tell.send(event).ok();
            }
        },
    );
    let urls = broker.urls.iter().map(|url| url.parse()).collect::<Result<Vec<ServerAddr>, _>>()?;
    Ok(options.connect(urls).await?)
}

async fn connected(events: &mut mpsc::UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Connected) {
            return;
        }
    }
    std::future::pending().await
}

async fn disconnected(events: &mut mpsc::UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Disconnected | Event::Closed) {
            return;
        }
    }
}

/// One session: from a stream that is there until something is wrong with it; `Ok` when the connection broke.
async fn session(
    line: &Rc<Line>,
    context: &Context,
    desk: &Desk,
    events: &mut mpsc::UnboundedReceiver<Event>,
    pause: &mut Duration,
) -> Result<(), Problem> {
    let stream = stream(context, &line.broker).await?;
    let consumer = consumer(&stream, line).await?;
    let mut messages = consumer.stream().max_messages_per_batch(AT_ONCE).messages().await?;
    look(&stream, line).await?;
    let mut looked = Instant::now();
    *line.stream.borrow_mut() = Some(context.clone());
    *pause = PAUSE[0];
    log::info!(stream = line.broker.stream, listening = line.listening.borrow().len(); "broker_connected");
    merge(desk).await;
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut ticks = interval(LOOK);
    loop {
        tokio::select! {
            () = disconnected(events) => return Ok(()),
            message = messages.next() => {
                let message = message.ok_or("the consumer has ended")??;
                let permit = Arc::clone(&room).acquire_owned().await?;
                let (line, desk) = (Rc::clone(line), desk.clone());
                rt::spawn(async move {
                    take(&line, &desk, &message).await;
                    drop(permit);
                });
            }
            // Without a connection there is no answer for a long time, and what is published meanwhile comes late.
            _ = ticks.tick() => {
                let is_due = looked.elapsed() >= until_next_look(line.listening.borrow().len());
                let found = async { if is_due { look(&stream, line).await } else { is_there(&stream, line).await } };
                tokio::select! {
                    () = disconnected(events) => return Ok(()),
                    found = found => found?,
                }
                if is_due {
                    looked = Instant::now();
                }
            }
        }
    }
}

/// The farm's stream, made if it is not there.
async fn stream(context: &Context, broker: &Broker) -> Result<Stream, Problem> {
    let config = |num_replicas| Config {
        name: broker.stream.clone(),
        subjects: vec![broker.subject()],
        max_age: KEEP,
        max_bytes: i64::try_from(broker.max_bytes).unwrap_or(i64::MAX),
        discard: DiscardPolicy::Old,
        max_message_size: i32::try_from(LONGEST).unwrap_or(i32::MAX),
        num_replicas,
        description: Some("Notifications of a Forewarn farm".to_owned()),
        ..Config::default()
    };
    let stream = match context.get_stream(&broker.stream).await {
        Ok(stream) => stream,
        Err(_absent) => match context.get_or_create_stream(config(REPLICAS)).await {
            Ok(stream) => stream,
            // A single server, or one with too few others.
            Err(_alone) => context.get_or_create_stream(config(1)).await?,
        },
    };
    match stream.cached_info().config.subjects.contains(&broker.subject()) {
        true => Ok(stream),
        false => {
            Err(format!("the stream {} is not a farm's: it has no subject {}", broker.stream, broker.subject()).into())
        }
    }
}

/// This node's consumer, made if it is not there: what came before is the merge's business.
async fn consumer(stream: &Stream, line: &Line) -> Result<PullConsumer, Problem> {
    let name = name_of(line.me);
    let config = pull::Config {
        durable_name: Some(name.clone()),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        filter_subject: line.broker.subject(),
        inactive_threshold: UNUSED,
        ..pull::Config::default()
    };
    Ok(stream.get_or_create_consumer(&name, config).await?)
}

fn name_of(node: NodeId) -> String {
    format!("node-{node}")
}

/// How long after a list of so many nodes the next one comes.
fn until_next_look(nodes: usize) -> Duration {
    LOOK.max(LOOK_EACH * u32::try_from(nodes).unwrap_or(u32::MAX)).mul_f64(0.9)
}

/// The stream and this node's consumer are still there.
async fn is_there(stream: &Stream, line: &Line) -> Result<(), Problem> {
    timeout(PATIENCE, stream.consumer_info(name_of(line.me))).await??;
    Ok(())
}

/// Finds out which nodes listen, and that the stream and this node's consumer are still there.
async fn look(stream: &Stream, line: &Line) -> Result<(), Problem> {
    let own = name_of(line.me);
    let (mut listening, mut is_there) = (HashSet::new(), false);
    let mut consumers = stream.consumers();
    while let Some(info) = timeout(PATIENCE, consumers.try_next()).await?? {
        is_there |= info.name == own;
        let node = info.name.strip_prefix("node-").and_then(|id| uuid::Uuid::try_parse(id).ok()).map(NodeId);
        listening.extend(node.filter(|_| info.num_waiting > 0));
    }
    if !is_there {
        return Err("this node's consumer is gone".into());
    }
    *line.listening.borrow_mut() = listening;
    Ok(())
}

async fn merge(desk: &Desk) {
    let (begin, answer) = Begin::new(Request::MergeSoon);
    if desk.repeater().send(begin).await.is_ok() {
        // Without an answer the node is on its way down.
        answer.await.ok();
    }
}

/// One message into the node, and what became of it to JetStream.
async fn take(line: &Line, desk: &Desk, message: &Message) {
    let header = |name: &'static str| message.headers.as_ref()?.get(name).map(|value| value.as_str().as_bytes());
    let answer = match opened(&line.key, header, &message.payload) {
        Err(problem) => {
            if NOT_BELIEVED.admits() {
                log::warn!(stream = line.broker.stream, problem; "broker_message_not_believed");
            }
            AckKind::Term
        }
        Ok(deliver) => {
            let (begin, answer) = Begin::new(Request::Broadcast(deliver));
            let reply = match desk.repeater().try_send(begin) {
                Ok(()) => timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
                Err(_full) => None,
            };
            match reply {
                Some(Reply::Delivered(_)) => AckKind::Ack,
                Some(Reply::Malformed(_)) => AckKind::Term,
                _ => AckKind::Nak(Some(AGAIN)),
            }
        }
    };
    if let Err(error) = message.ack_with(answer).await {
        log::debug!(error:%; "broker_not_acknowledged");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_a_large_farm_reads_no_more_consumers_in_a_minute_than_one_of_a_small_farm() {
        let read = |nodes: usize| nodes as f64 * 60.0 / until_next_look(nodes).as_secs_f64();
        assert!(until_next_look(3) < LOOK, "every tick, in a small farm");
        for nodes in [50, 200, 1_000, 2_000] {
            assert!(read(nodes) <= read(50) * 1.001, "{nodes}: {}", read(nodes));
        }
    }
}
