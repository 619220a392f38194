//! Five hosts on two bridges, made of network namespaces (iproute2). They exist inside this machine
//! only, and go when they are dropped.

use std::process::Command;

use super::run;

/// Namespaces `fwP-0` …, and `fwP-hub` with two bridges; P is the process's number and a word, so that two
/// runs and two tests do not meet.
pub struct Net {
    size: usize,
    prefix: String,
}

impl Net {
    pub fn new(size: usize, word: &str) -> Result<Self, String> {
        let net = Self { size, prefix: format!("fw{}{word}", std::process::id()) };
        net.make()?;
        Ok(net)
    }

    fn make(&self) -> Result<(), String> {
        let hub = self.hub();
        run("ip", &["netns", "add", &hub])?;
        for bridge in ["left", "right"] {
            run("ip", &["-n", &hub, "link", "add", bridge, "type", "bridge"])?;
            run("ip", &["-n", &hub, "link", "set", bridge, "up"])?;
        }
        for node in 0..self.size {
            let (host, port) = (self.host(node), format!("port{node}"));
            run("ip", &["netns", "add", &host])?;
            run("ip", &["-n", &host, "link", "set", "lo", "up"])?;
            run("ip", &["-n", &host, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &hub])?;
            run("ip", &["-n", &host, "addr", "add", &format!("{}/24", Self::address(node)), "dev", "eth0"])?;
            run("ip", &["-n", &host, "link", "set", "eth0", "up"])?;
            run("ip", &["-n", &hub, "link", "set", &port, "master", "left", "up"])?;
        }
        Ok(())
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    fn host(&self, node: usize) -> String {
        format!("{}-{node}", self.prefix)
    }

    /// The address of a node, the same in every run.
    pub fn address(node: usize) -> String {
        format!("10.231.77.{}", node + 1)
    }

    /// A command in a node's namespace.
    pub fn command(&self, node: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.host(node), program]);
        command
    }

    /// These nodes reach each other only.
    pub fn cut(&self, nodes: &[usize]) {
        nodes.iter().for_each(|node| self.plug(*node, "right"));
    }

    /// Everybody reaches everybody.
    pub fn heal(&self) {
        (0..self.size).for_each(|node| self.plug(node, "left"));
    }

    fn plug(&self, node: usize, bridge: &str) {
        run("ip", &["-n", &self.hub(), "link", "set", &format!("port{node}"), "master", bridge]).unwrap();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for node in 0..self.size {
            run("ip", &["netns", "del", &self.host(node)]).ok();
        }
        run("ip", &["netns", "del", &self.hub()]).ok();
    }
}
