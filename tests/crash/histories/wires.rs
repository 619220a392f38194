//! The network between the nodes, in the test's hands: every node is reached by the others through a wire of its own,
//! which knows by the sender's id in a request's head whose connection it is, and can be cut for each of them.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::{Farm, FarmBuilder, Node, own_address};

/// The longest head that is looked at.
const HEAD: usize = 16 * 1024;

struct State {
    to: Mutex<Vec<SocketAddr>>,
    ids: Mutex<Vec<String>>,
    /// From whom to whom nothing passes.
    cut: watch::Sender<BTreeSet<(usize, usize)>>,
    /// Connections that a cut has ended or refused.
    parted: AtomicU64,
}

/// One for each node; they are pulled out when this is dropped.
pub struct Wires {
    state: Arc<State>,
    pub addresses: Vec<SocketAddr>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Wires {
    /// So many, which lead nowhere yet.
    pub async fn new(count: usize) -> Self {
        let (cut, _) = watch::channel(BTreeSet::new());
        let state = Arc::new(State { to: Mutex::default(), ids: Mutex::default(), cut, parted: AtomicU64::new(0) });
        let (address, mut addresses, mut tasks) = (own_address(), Vec::new(), Vec::new());
        for node in 0..count {
            let listener = TcpListener::bind((address, 0)).await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let state = Arc::clone(&state);
            tasks.push(tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(carry(Arc::clone(&state), node, stream));
                }
            }));
        }
        Self { state, addresses, tasks }
    }

    /// A farm whose nodes reach each other through them, when all have met; something may be done before they start.
    pub async fn farm(&self, mut builder: FarmBuilder, before: impl FnOnce(&Farm)) -> Farm {
        for (node, address) in self.addresses.iter().enumerate() {
            builder = builder.advertised_of(node, *address);
        }
        let farm = builder.build().await;
        before(&farm);
        *self.state.to.lock().unwrap() = farm.nodes.iter().map(|node| node.control).collect();
        farm.nodes.iter().for_each(Node::start);
        farm.wait_ready().await;
        farm.wait_met().await;
        self.learn(&farm).await;
        farm
    }

    /// Whose id is whose; before that nothing can be cut.
    async fn learn(&self, farm: &Farm) {
        let mut ids = Vec::new();
        let nodes = farm[0].get("/api/v1/nodes").await.json();
        for node in &farm.nodes {
            let known = nodes["nodes"].as_array().unwrap().iter().find(|known| known["name"] == node.name);
            ids.push(known.unwrap()["id"].as_str().unwrap().to_owned());
        }
        *self.state.ids.lock().unwrap() = ids;
    }

    /// Nothing passes from one to the other.
    pub fn cut(&self, pairs: impl IntoIterator<Item = (usize, usize)>) {
        self.state.cut.send_modify(|cut| cut.extend(pairs));
    }

    /// Connections that cuts have ended or refused.
    pub fn parted(&self) -> u64 {
        self.state.parted.load(Ordering::Relaxed)
    }

    /// Everything passes.
    pub fn heal(&self) {
        self.state.cut.send_modify(BTreeSet::clear);
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn carry(state: Arc<State>, to: usize, mut from: TcpStream) {
    let (mut head, mut buffer) = (Vec::new(), [0; 2_048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD {
        match from.read(&mut buffer).await {
            Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let sender = text.lines().find_map(|line| line.strip_prefix("forewarn-node:")).map(|id| id.trim().to_owned());
    let mut cut = state.cut.subscribe();
    let is_cut = |cut: &BTreeSet<(usize, usize)>| {
        let ids = state.ids.lock().unwrap();
        let sender = ids.iter().position(|id| Some(id) == sender.as_ref());
        sender.is_some_and(|sender| cut.contains(&(sender, to)))
    };
    let target = state.to.lock().unwrap().get(to).copied();
    let Some(target) = target else { return };
    if is_cut(&cut.borrow_and_update()) {
        state.parted.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let Ok(mut onward) = TcpStream::connect(target).await else { return };
    if onward.write_all(&head).await.is_err() {
        return;
    }
    let parted = cut.wait_for(|cut| is_cut(cut));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut from, &mut onward) => {}
        _ = parted => {
            state.parted.fetch_add(1, Ordering::Relaxed);
        }
    }
}
