//! What `/metrics` shows of a node: gauges of its present state, the counters of its parts, and histograms of
//! durations.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{Desk, HookView, MonitorState, MonitorView};
use crate::{
    actors::messages::Question,
    availability::Moment,
    clock,
    monitor::{Traffic, figures::Reading},
    sync::{Node, Now, PeerView},
};

/// A figure of each monitor: its name, its help, its value.
type OfMonitor = (&'static str, &'static str, fn(&MonitorView) -> u64);

/// A figure of each hook: its name, its help, its value.
type OfHook = (&'static str, &'static str, fn(&HookView) -> u64);

/// How long the upstreams of each application took, from the counters of its requests.
#[derive(Debug)]
struct Latencies(Vec<(String, Arc<Traffic>)>);

impl EncodeMetric for Latencies {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (application, traffic) in &self.0 {
            let (sum, buckets) = traffic.histogram();
            let count = buckets.iter().map(|(_, count)| count).sum();
            encoder
                .encode_family(&[("application", application.as_str())])?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Gauges by one label.
type ByLabel = Family<[(&'static str, String); 1], Gauge>;

/// Adds figures to a registry.
struct Into<'a>(&'a mut Registry);

impl Into<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn by(&mut self, label: &'static str, name: &str, help: &str, values: impl Iterator<Item = (String, i64)>) {
        let family = ByLabel::default();
        for (of, value) in values {
            family.get_or_create(&[(label, of)]).set(value);
        }
        self.0.register(name, help, family);
    }

    fn counter(&mut self, name: &str, help: &str, value: &AtomicU64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(value.load(Ordering::Relaxed));
        self.0.register(name, help, counter);
    }

    fn counted(&mut self, label: &'static str, name: &str, help: &str, values: impl Iterator<Item = (String, u64)>) {
        let family = Family::<[(&'static str, String); 1], Counter>::default();
        for (of, value) in values {
            family.get_or_create(&[(label, of)]).inc_by(value);
        }
        self.0.register(name, help, family);
    }

    fn counters<const N: usize>(
        &mut self,
        label: &'static str,
        name: &str,
        help: &str,
        values: [(&'static str, &AtomicU64); N],
    ) {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        for (of, value) in values {
            family.get_or_create(&[(label, of)]).inc_by(value.load(Ordering::Relaxed));
        }
        self.0.register(name, help, family);
    }
}

fn flag(is: bool) -> i64 {
    i64::from(is)
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// The number of rows of each kind.
struct CountRows;

impl Question for CountRows {
    /// Names, helps and values; L; the peers.
    type Answer = ([(&'static str, &'static str, i64); 4], Moment, Vec<PeerView>);

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        let replica = node.replica();
        let ledger = replica.ledger();
        let (pending, quarantined) = replica.waiting();
        let gauges = [
            ("forewarn_ledger_entries", "Notifications in the ledger", count(ledger.len())),
            ("forewarn_pending", "Notifications that wait to be applied", count(pending)),
            ("forewarn_quarantined", "Notifications too far ahead of this node's clock", count(quarantined)),
            (
                "forewarn_unconfirmed",
                "Own notifications that some node has not confirmed",
                count(replica.unconfirmed()),
            ),
        ];
        (gauges, ledger.limit(), replica.peers())
    }
}

impl Desk {
    /// Adds what `/metrics` shows of the node.
    pub(crate) async fn figures(&self, registry: &mut Registry) {
        let mut into = Into(registry);
        self.figures_of_the_replica(&mut into).await;
        let counters = &self.shared.counters;
        for (name, help, value) in [
            ("forewarn_submissions", "Submissions that were taken", &counters.submissions),
            ("forewarn_submissions_refused", "Submissions that were refused", &counters.refusals),
            ("forewarn_items_sent", "Notifications sent to peers", &counters.items_sent),
            ("forewarn_items_received", "Notifications received from peers", &counters.items_received),
            ("forewarn_merges", "Merges that came to their end", &counters.merges),
            ("forewarn_peer_failures", "Calls to peers that failed", &counters.peer_failures),
            ("forewarn_denials", "Requests that the gate denied", &counters.denials),
            ("forewarn_proxied", "Requests that the gate passed to an upstream", &counters.proxied),
            ("forewarn_upstream_failures", "Requests that no upstream could answer", &counters.upstream_failures),
            (
                "forewarn_access_lines_dropped",
                "Lines of the access log that were dropped",
                &counters.access_lines_dropped,
            ),
        ] {
            into.counter(name, help, value);
        }
        let alerts = &counters.alerts;
        let results = [
            ("closed", &alerts.closed),
            ("opened", &alerts.opened),
            ("repeated", &alerts.repeated),
            ("unmatched", &alerts.unmatched),
        ];
        into.counters("result", "forewarn_alerts", "Alerts of Alertmanager, by what became of them", results);
        into.gauge(
            "forewarn_store_writable",
            "0 while the store cannot write",
            flag(!self.shared.store_stopped.load(Ordering::Relaxed)),
        );
        into.0.register(
            "forewarn_submission_seconds",
            "From a submission's arrival until it is answered, in seconds",
            self.shared.submission_seconds.clone(),
        );
        let timings = self.store.timings();
        into.0.register(
            "forewarn_store_commit_seconds",
            "From handing a step to the store until it is durable, in seconds",
            timings.commit_seconds.clone(),
        );
        into.0.register("forewarn_store_commit_steps", "Steps that share a sync", timings.commit_steps.clone());
        self.figures_of_monitors(&mut into);
        self.figures_of_hooks(&mut into);
        self.figures_of_traffic(&mut into);
        self.figures_of_latency(&mut into);
        let now = self.shared.clock();
        let slots = self.shared.slots();
        let states = slots.iter().map(|slot| {
            let snapshot = slot.snapshot.load();
            let open = crate::answer::general(&snapshot.weighed_at(now), &self.shared.node).is_open();
            (slot.app.name().to_string(), flag(open))
        });
        let help = "1 while the application is available for a request that no criteria single out";
        into.by("application", "forewarn_application_available", help, states);
    }

    fn figures_of_monitors(&self, into: &mut Into<'_>) {
        let monitors = self.monitors();
        let known = monitors.iter().filter(|monitor| monitor.state != MonitorState::Unknown);
        let up = known.map(|monitor| (monitor.name.to_string(), flag(monitor.state == MonitorState::Up)));
        into.by(
            "monitor",
            "forewarn_monitor_up",
            "0 while a monitor finds its target bad; none if that is unknown",
            up,
        );
        let outs = Family::<[(&'static str, String); 2], Gauge>::default();
        for slot in self.shared.slots().iter() {
            for (upstream, is_out) in slot.upstreams.watched() {
                let labels = [("application", slot.app.name().to_string()), ("upstream", upstream)];
                outs.get_or_create(&labels).set(flag(is_out));
            }
        }
        into.0.register(
            "forewarn_upstream_out",
            "1 while a monitor finds an upstream down, so that it gets no requests",
            outs,
        );
        let damped = monitors.iter().map(|monitor| (monitor.name.to_string(), flag(monitor.damped)));
        let help = "1 while a monitor keeps its closing because it changed too often";
        into.by("monitor", "forewarn_monitor_damped", help, damped);
        let counters: [OfMonitor; 2] = [
            ("forewarn_monitor_checks", "Checks of a monitor", |monitor| monitor.counted.0),
            ("forewarn_monitor_failures", "Checks of a monitor that were bad", |monitor| monitor.counted.1),
        ];
        for (name, help, value) in counters {
            let values = monitors.iter().map(|monitor| (monitor.name.to_string(), value(monitor)));
            into.counted("monitor", name, help, values);
        }
        let seconds = Family::<[(&'static str, String); 1], Gauge<f64, AtomicU64>>::default();
        for monitor in &monitors {
            if let Some(latency) = monitor.latency_ms {
                seconds.get_or_create(&[("monitor", monitor.name.to_string())]).set(latency / 1e3);
            }
        }
        into.0.register("forewarn_monitor_latency_seconds", "How long a monitor's last good check took", seconds);
    }

    fn figures_of_hooks(&self, into: &mut Into<'_>) {
        let hooks = self.hooks();
        let counters: [OfHook; 3] = [
            ("forewarn_webhook_told", "Events that a webhook was told by this node", |hook| hook.told),
            ("forewarn_webhook_failures", "Attempts to tell a webhook that failed", |hook| hook.failures),
            ("forewarn_webhook_given_up", "Events that a webhook refused and was not told", |hook| hook.given_up),
        ];
        for (name, help, value) in counters {
            into.counted("webhook", name, help, hooks.iter().map(|hook| (hook.name.to_string(), value(hook))));
        }
        let waiting = hooks.iter().map(|hook| (hook.name.to_string(), count(hook.waiting)));
        into.by("webhook", "forewarn_webhook_waiting", "Events that a webhook is to be told by this node", waiting);
        let now = self.shared.clock();
        let age = |hook: &HookView| {
            let seconds = hook.waiting_since.map_or(0, |since| now.since(since).as_secs());
            (hook.name.to_string(), i64::try_from(seconds).unwrap_or(i64::MAX))
        };
        let help = "Age of the oldest event that a webhook is to be told by this node";
        into.by("webhook", "forewarn_webhook_oldest_seconds", help, hooks.iter().map(age));
    }

    fn figures_of_traffic(&self, into: &mut Into<'_>) {
        for (name, help, figure) in [
            ("forewarn_application_requests", "Requests that were denied or passed on", "requests"),
            ("forewarn_application_denials", "Requests that were denied", "denials"),
            ("forewarn_application_limited", "Requests of clients that ask too often", "limited"),
            (
                "forewarn_application_upstream_errors",
                "Requests without a valid answer of an upstream, or with a status from 500 on",
                "upstream_errors",
            ),
            (
                "forewarn_application_upstream_timeouts",
                "Requests to which no upstream answered in time",
                "upstream_timeouts",
            ),
        ] {
            let slots = self.shared.slots();
            let values = slots.iter().filter_map(|slot| match slot.traffic.read(figure) {
                Some(Reading::Counter(value)) => Some((slot.app.name().to_string(), value)),
                _ => None,
            });
            into.counted("application", name, help, values);
        }
    }

    fn figures_of_latency(&self, into: &mut Into<'_>) {
        let slots = self.shared.slots();
        let slots = slots.iter().map(|slot| (slot.app.name().to_string(), Arc::clone(&slot.traffic)));
        into.0.register(
            "forewarn_application_upstream_seconds",
            "From passing a request on until the upstream's answer begins, in seconds",
            Latencies(slots.collect()),
        );
    }

    async fn figures_of_the_replica(&self, into: &mut Into<'_>) {
        let looked = self.look(CountRows).await;
        // Without an answer the node is on its way down.
        let Some((gauges, limit, peers)) = looked else { return };
        for (name, help, value) in gauges {
            into.gauge(name, help, value);
        }
        let seconds = Gauge::<f64, AtomicU64>::default();
        seconds.set(limit.millis() as f64 / 1_000.0);
        let help = "The greatest stamp time ever admitted, in seconds since 1970";
        into.0.register("forewarn_ledger_limit_seconds", help, seconds);
        let now = clock::now();
        let each = |value: &dyn Fn(&PeerView) -> i64| -> Vec<(String, i64)> {
            let name =
                |peer: &PeerView| peer.member.as_ref().map_or(peer.address.clone(), |member| member.name.to_string());
            peers.iter().map(|peer| (name(peer), value(peer))).collect()
        };
        for (name, help, values) in [
            ("forewarn_outbox_rows", "Notifications that wait for a peer", each(&|peer| count(peer.outbox))),
            (
                "forewarn_outbox_oldest_seconds",
                "Age of the oldest notification that waits for a peer; 0 without one",
                each(&|peer| peer.oldest.map_or(0, |made| count(now.since(made).as_secs() as usize))),
            ),
            (
                "forewarn_merge_on_return",
                "1 while a peer's outbox has collapsed into a merge",
                each(&|peer| flag(peer.merge_on_return)),
            ),
            ("forewarn_peer_up", "0 while a peer cannot be reached", each(&|peer| flag(!peer.down))),
        ] {
            into.by("peer", name, help, values.into_iter());
        }
    }
}
