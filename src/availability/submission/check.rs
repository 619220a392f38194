//! Validates what depends on the farm and on the present: names, reasons, the clock, and the plan that a submission
//! cancels or changes.

use serde_json::Value;

use super::{Author, FieldError, Known, Submission};
use crate::availability::{Criteria, Entry, Moment, Name, Restore, Speaker, reader::whole};

impl Submission {
    /// Validates what depends on the farm: names, reasons, the clock; resolves the reason.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub fn check(mut self, known: &Known<'_>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        for (at, target) in self.targets.iter().enumerate() {
            if !(known.target)(target) {
                errors.push(FieldError::new(
                    format!("targets[{at}]"),
                    format!("{target}: no member of the farm has it in its configuration"),
                ));
            }
        }
        let latest = known.now.after(known.rules.max_clock_skew);
        if let Some(ahead) = self.timestamp.filter(|timestamp| *timestamp > latest) {
            let skew = known.rules.max_clock_skew.as_secs();
            errors.push(FieldError::new(
                "timestamp",
                format!("{ahead} lies more than {skew} s (max_clock_skew) ahead of this node's clock, {}", known.now),
            ));
        }
        let nodes = self.criteria.iter().flat_map(Criteria::all_nodes);
        let strangers: Vec<&str> = nodes.filter(|name| !(known.node)(name)).map(Name::as_str).collect();
        if !strangers.is_empty() {
            let problem = format!("names nodes that this farm does not have: {}", strangers.join(", "));
            errors.push(FieldError::new("criteria.nodes", problem));
        }
        errors.extend(self.check_window(known));
        let made = self.timestamp.unwrap_or(known.stamp);
        if self.degraded && self.goes_down_at.is_some_and(|begins| begins > made) {
            let problem = format!("must not lie after the timestamp, {made}: \"degraded\" begins at once");
            errors.push(FieldError::new("goes_down_at", problem));
        }
        if let Some(reason) = self.reason.take() {
            let chosen = match &reason {
                Value::String(name) => known.reasons.named(name),
                Value::Number(_) => whole(&reason).and_then(|code| known.reasons.coded(code)),
                _ => None,
            };
            match chosen {
                Some(chosen) => self.chosen_reason = chosen.clone(),
                None => {
                    let names: Vec<&str> = known.reasons.iter().map(|reason| reason.name.as_str()).collect();
                    errors.push(FieldError::new(
                        "reason",
                        format!("is none of this node's reasons: {}", names.join(", ")),
                    ));
                }
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// A window that is over has no effect itself, but would replace a word that counts.
    fn check_window(&self, known: &Known<'_>) -> Option<FieldError> {
        let made = self.timestamp.unwrap_or(known.stamp);
        let (beginning, back) = (self.beginning(made), self.back(made)?);
        let field = if self.duration.is_some() { "duration_seconds" } else { "expected_back_at" };
        let problem = if back <= beginning {
            format!("must lie after the beginning, {beginning}")
        } else if back <= made {
            format!("ends at {back}, before the notification was made ({made}): the window is over")
        } else if self.restore == Some(Restore::Automatic) && back <= known.clock {
            format!("ends at {back}, and it is {} now: the window is over", known.clock)
        } else {
            return None;
        };
        Some(FieldError::new(field, problem))
    }

    /// Whether this submission may cancel that entry, at `clock`.
    ///
    /// # Errors
    /// Says why not; the field is `cancels`, `replaces`, `timestamp` or `targets`.
    pub fn check_plan(&self, plan: &Entry, taken_back: bool, author: &Author, clock: Moment) -> Result<(), FieldError> {
        let field = if self.cancels.is_some() { "cancels" } else { "replaces" };
        let n = &plan.notification;
        let same_speaker =
            Speaker::of(n.source, n.reporter.as_deref()) == Speaker::of(author.source, author.reporter.as_deref());
        if !n.is_plan() {
            Err(FieldError::new(field, "is not a plan: only a closing that has not begun can be cancelled"))
        } else if n.since() <= clock {
            Err(FieldError::new(field, format!("has begun at {}: report its targets as available instead", n.since())))
        } else if taken_back {
            Err(FieldError::new(field, "has been cancelled already"))
        } else if !same_speaker {
            Err(FieldError::new(
                field,
                "was made by somebody else: operators can cancel plans of operators, a reporter its own",
            ))
        } else if self.timestamp.is_some_and(|timestamp| timestamp <= n.timestamp) {
            Err(FieldError::new("timestamp", format!("must lie after that of the plan, {}", n.timestamp)))
        } else if self.cancels.is_some() && !self.targets.is_empty() && self.sorted_targets() != n.targets {
            Err(FieldError::new("targets", "are not those of the plan; leave them out"))
        } else {
            Ok(())
        }
    }
}
