//! Who is where: ports, folders, secrets, and the three configuration files.
//!
//! What must stay true: the files parse; the password and the token are new at every start and are
//! shown, while the files have only their hashes and the farm's secret, and are readable by their
//! owner only.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use super::{DemoError, Options, apps::Places};
use crate::config::secrets;
use crate::vocabulary::Secret;

/// Names of the nodes, and of their folders.
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// The operator who may sign in.
const OPERATOR: &str = "alice";

/// One application: its name, title, the resource it uses, and how many nodes run it.
pub(crate) struct Application {
    /// As in the configuration; its route is `/NAME`.
    pub name: &'static str,
    title: &'static str,
    uses: &'static str,
    nodes: usize,
}

/// The application at the root.
const START: &str = "start";

/// The applications, in the order of their ports. Node c has no chat.
pub(crate) const APPLICATIONS: [Application; 4] = [
    Application { name: "mail", title: "Mail", uses: "mail-store", nodes: 3 },
    Application { name: "phone", title: "Phone directory", uses: "directory-db", nodes: 3 },
    Application { name: "chat", title: "Chat", uses: "", nodes: 2 },
    // the first page, at the root
    Application { name: START, title: "Six steps", uses: "", nodes: 3 },
];

impl Application {
    fn route(&self) -> String {
        if self.name == START { "/".to_owned() } else { format!("/{}", self.name) }
    }
}

/// Where a node is.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its name.
    pub name: &'static str,
    /// What users ask.
    pub gate: SocketAddrV4,
    /// What operators and peers ask.
    pub control: SocketAddrV4,
    /// Its configuration, store and log are in it.
    pub dir: PathBuf,
}

impl Node {
    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("forewarn.toml")
    }

    /// What it logs in this run; that of the run before is kept beside it.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("node.log")
    }
}

/// Everything that is settled before anything is started.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The demo's folder, absolute.
    pub data: PathBuf,
    /// a, b, c.
    pub nodes: Vec<Node>,
    applications: Vec<SocketAddrV4>,
    password: Secret,
    password_hash: String,
    token: Secret,
    farm: Secret,
}

/// Ports that are held, so that no other program gets them.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// For the applications, in their order.
    pub applications: Vec<TcpListener>,
    /// Those of the nodes, to be let go just before these start.
    pub nodes: Vec<TcpListener>,
}

impl Plan {
    /// Addresses and fresh secrets; hashing the password takes tens of milliseconds.
    ///
    /// # Errors
    ///
    /// [`DemoError::Io`] when there is no current folder, [`DemoError::Config`].
    pub(crate) fn new(options: &Options) -> Result<Plan, DemoError> {
        let data = std::path::absolute(&options.data);
        let data = data.map_err(DemoError::io("find", &options.data))?;
        // gates, control listeners and applications each begin at a round number
        let at = |offset: u16, index: usize| {
            let port = options.base_port.saturating_add(offset);
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            SocketAddrV4::new(Ipv4Addr::LOCALHOST, port.saturating_add(index))
        };
        let nodes = NAMES.iter().enumerate().map(|(index, name)| Node {
            name,
            gate: at(0, index),
            control: at(10, index),
            dir: data.join(name),
        });
        let nodes = nodes.collect();
        let password = secrets::new_password();
        Ok(Plan {
            nodes,
            data,
            applications: (0..APPLICATIONS.len()).map(|index| at(20, index)).collect(),
            password_hash: secrets::hash_password(&password)?,
            password: Secret::new(password),
            token: Secret::new(secrets::new_token()),
            farm: Secret::new(secrets::new_farm_secret()),
        })
    }

    /// Where users and operators go.
    pub(crate) fn places(&self) -> Places {
        let all =
            |at: fn(&Node) -> SocketAddrV4| self.nodes.iter().map(|node| format!("http://{}", at(node))).collect();
        Places { gates: all(|node| node.gate), consoles: all(|node| node.control) }
    }

    /// Takes every port, the applications' for good.
    ///
    /// # Errors
    ///
    /// [`DemoError::Port`] for the first that is taken.
    pub(crate) fn reserve_ports(&self) -> Result<Reserved, DemoError> {
        let take = |address: SocketAddrV4, what: String| {
            TcpListener::bind(address).map_err(|source| DemoError::Port { port: address.port(), what, source })
        };
        let mut nodes = Vec::new();
        for node in &self.nodes {
            nodes.push(take(node.gate, format!("gate of node {}", node.name))?);
            let what = format!("control listener of node {}", node.name);
            nodes.push(take(node.control, what)?);
        }
        let mut applications = Vec::new();
        for (application, address) in APPLICATIONS.iter().zip(&self.applications) {
            let what = format!("the {} application", application.name);
            applications.push(take(*address, what)?);
        }
        Ok(Reserved { applications, nodes })
    }

    /// Writes the configuration of each node, and puts its last log aside.
    ///
    /// # Errors
    ///
    /// [`DemoError::Io`].
    pub(crate) fn write(&self) -> Result<(), DemoError> {
        for (index, node) in self.nodes.iter().enumerate() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&node.dir);
            made.map_err(DemoError::io("make the folder", &node.dir))?;
            let file = node.config();
            let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file);
            let written = options.and_then(|mut file| file.write_all(self.text(index, node).as_bytes()));
            written.map_err(DemoError::io("write", &file))?;
            let (log, before) = (node.log(), node.dir.join("node.previous.log"));
            match fs::rename(&log, before) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(DemoError::io("put aside", &log)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The configuration of one node.
    fn text(&self, index: usize, node: &Node) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let peers = self.nodes.iter().filter(|peer| peer.name != node.name);
        let peers: Vec<String> = peers.map(|peer| format!("\"http://{}\"", peer.control)).collect();
        let mut text = format!(
            "# Written by `forewarn demo` at each start.\n\
             [node]\nname = \"{}\"\ndata = {}\n\
             [gate]\nlisten = \"{}\"\n\
             [control]\nlisten = \"{}\"\n\
             [farm]\nsecret = \"{}\"\npeers = [{}]\n",
            node.name,
            quoted(&node.dir.join("store").to_string_lossy()),
            node.gate,
            node.control,
            self.farm.expose_secret(),
            peers.join(", "),
        );
        // writing to a String cannot fail
        for (application, upstream) in APPLICATIONS.iter().zip(&self.applications) {
            let Application { name, title, uses, .. } = application;
            let route = application.route();
            if index >= application.nodes {
                continue;
            }
            let _ = write!(
                text,
                "[[application]]\nname = \"{name}\"\ntitle = \"{title}\"\nroutes = [\"{route}\"]\n\
                 upstream = [\"http://{upstream}\"]\n"
            );
            if !uses.is_empty() {
                let _ = write!(text, "uses = [\"{uses}\"]\n[[resource]]\nname = \"{uses}\"\n");
            }
        }
        let _ = write!(
            text,
            "[[operator]]\nname = \"{OPERATOR}\"\npassword = \"{}\"\n\
             [[token]]\nname = \"demo\"\nrole = \"operator\"\nsha256 = \"{}\"\n",
            self.password_hash,
            hex::encode(secrets::token_sha256(self.token.expose_secret())),
        );
        text
    }

    /// What is said when all is ready, which took so long.
    pub(crate) fn greeting(&self, took: Duration) -> String {
        let mut text = format!("Ready after {:.1} s.\n\n", took.as_secs_f64());
        for node in &self.nodes {
            let applications = APPLICATIONS.iter().filter(|application| {
                let index = NAMES.iter().position(|name| *name == node.name);
                index.is_some_and(|index| index < application.nodes)
            });
            let routes: Vec<String> = applications.filter(|a| a.name != START).map(Application::route).collect();
            // writing to a String cannot fail
            let _ = writeln!(
                text,
                "  node {}   users http://{}  ({})   operators http://{}/",
                node.name,
                node.gate,
                routes.join(" "),
                node.control,
            );
        }
        let (password, token) = (self.password.expose_secret(), self.token.expose_secret());
        let [a, b] = [&self.nodes[0], &self.nodes[1]];
        let first = a.gate;
        let _ = write!(
            text,
            "\n  operator  {OPERATOR}\n  password  {password}\n  token     {token}\n\n\
             Try it: open http://{first}/ in a browser and follow its six steps, or type:\n\n\
             1. Mail works, on every node:\n\n  \
             curl -i http://{b}/mail\n\n\
             2. Tell node a that mail will be unavailable for 10 minutes:\n\n  \
             curl http://{control}/api/v1/notifications -H 'Content-Type: application/json' \\\n    \
             -H 'Authorization: Bearer {token}' \\\n    \
             -d '{{\"targets\":[\"application:mail\"],\"status\":\"unavailable\",\
             \"reason\":\"planned-maintenance\",\"message\":\"Disk upgrade\",\
             \"duration_seconds\":600,\"restore\":\"automatic\"}}'\n\n\
             3. Node b answers so at once, with the reason and the time (or open it in a browser):\n\n  \
             curl -i http://{b}/mail\n\n\
             For `forewarn status`, `notify` and `why`, from another terminal:\n\n  \
             export FOREWARN_URL=http://{control} FOREWARN_TOKEN={token}\n\n\
             Configurations, stores and logs: {data}/{{a,b,c}}\n\
             Ctrl-C ends everything; what was said stays for the next time.\n",
            b = b.gate,
            control = a.control,
            data = self.data.display(),
        );
        text
    }
}

#[cfg(test)]
mod tests;
