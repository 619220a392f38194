//! The record that a submission becomes.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Author, Submission};
use crate::availability::{Moment, Name, Notification, notification::ORIGINS};

impl Submission {
    /// The record of a statement (not of a cancel), with this id and time.
    pub fn statement(&self, id: Uuid, timestamp: Moment, author: &Author, node: &Name) -> Notification {
        Notification {
            id,
            timestamp,
            targets: self.sorted_targets(),
            status: self.status,
            degraded: self.degraded,
            cancels: None,
            replaces: self.replaces,
            reason: self.chosen_reason.clone(),
            component: self.component.clone(),
            message: self.message.clone(),
            goes_down_at: self.goes_down_at,
            last_entry_seconds: self.last_entry_seconds,
            expected_back_at: self.back(timestamp),
            restore: self.restore.unwrap_or_default(),
            criteria: self.criteria.clone(),
            schedule: None,
            priority: self.priority,
            operator: author.operator.clone(),
            source: author.source,
            reporter: author.reporter.clone(),
            node: node.clone(),
            extra: self.extra(),
        }
    }

    fn extra(&self) -> Map<String, Value> {
        let origins = (!self.origins.is_empty()).then(|| (ORIGINS.to_owned(), json!(self.origins)));
        origins.into_iter().collect()
    }

    /// The record that cancels a plan: with the plan's targets, criteria and times.
    pub fn cancel(
        &self,
        id: Uuid,
        timestamp: Moment,
        plan: &Notification,
        author: &Author,
        node: &Name,
    ) -> Notification {
        Notification {
            targets: plan.targets.clone(),
            status: None,
            cancels: Some(plan.id),
            replaces: None,
            goes_down_at: plan.goes_down_at,
            last_entry_seconds: plan.last_entry_seconds,
            expected_back_at: plan.expected_back_at,
            restore: plan.restore,
            criteria: plan.criteria.clone(),
            ..self.statement(id, timestamp, author, node)
        }
    }
}
