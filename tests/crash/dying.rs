//! Dying on purpose.

use std::{future::Future, os::unix::process::ExitStatusExt as _};

use crate::support::{Node, wait::poll_until};

const VARIABLE: &str = "FOREWARN_CRASH_AT";
const ABORTED: i32 = 6;

/// The moments of a commit with this label: `writer.LABEL.MOMENT`.
pub const MOMENTS: [&str; 3] = ["before", "written", "durable"];

/// The points at which a scenario's node dies, one after the other. `*LABEL` stands for the
/// moments of that commit; `:2` for the second time.
pub fn expand(points: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for point in points {
        match point.strip_prefix('*') {
            Some(label) => {
                let (label, count) =
                    label.split_once(':').map_or((label, String::new()), |(label, count)| (label, format!(":{count}")));
                all.extend(MOMENTS.map(|moment| format!("writer.{label}.{moment}{count}")));
            }
            None => all.push((*point).to_owned()),
        }
    }
    // one point by itself, when something is to be looked into
    if let Ok(only) = std::env::var("CRASH_POINT") {
        all.retain(|point| *point == only);
    }
    all
}

/// A node that is to die at a point.
pub struct Doomed<'a> {
    node: &'a Node,
    point: String,
    log_before: usize,
}

/// Starts a node that is to die at this point; returns when it is ready or has died already.
pub async fn doom<'a>(node: &'a Node, point: &str) -> Doomed<'a> {
    let doomed = Doomed { node, point: point.to_owned(), log_before: node.log().len() };
    node.set_env(VARIABLE, point);
    node.start();
    node.set_env(VARIABLE, "");
    poll_until(&format!("{} is ready or dead ({point})", node.name), async || {
        !node.is_running() || node.phase().await.is_some_and(|(status, _)| status == 200)
    })
    .await;
    doomed
}

impl Doomed<'_> {
    /// Waits until it has died, and by nothing else than its point.
    pub async fn died(self) {
        let status = self.node.wait_exit().await;
        let log = self.node.log()[self.log_before..].to_owned();
        let name = self.point.split(':').next().unwrap();
        assert_eq!(
            status.signal(),
            Some(ABORTED),
            "{} was to die at {}, and ended with {status}\n{log}",
            self.node.name,
            self.point
        );
        assert!(
            log.lines().any(|line| line == format!("crash_point={name}")),
            "{} aborted, but not at {}\n{log}",
            self.node.name,
            self.point
        );
    }

    /// Waits until it has died at its point (true), or until this says that it will not any more, as
    /// things have happened in another order; it is killed then.
    pub async fn died_unless(self, spared: impl AsyncFn() -> bool) -> bool {
        let node = self.node;
        poll_until("it has died, or been spared", async || !node.is_running() || spared().await).await;
        if node.is_running() {
            node.kill9().await;
            return false;
        }
        self.died().await;
        true
    }

    /// The trigger, then death; what the trigger gave.
    pub async fn dies_of<T>(self, trigger: impl Future<Output = T>) -> T {
        let given = trigger.await;
        self.died().await;
        given
    }
}
