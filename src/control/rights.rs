//! What an operator or a token may do: its role, and the targets that it may make statements about
//! (docs/contract.md#who-may-do-what).
//!
//! Must stay true: a monitor never makes statements about the whole system unless that is listed by name; a
//! cancel or a change is also a statement about the targets of the plan.

use std::sync::Arc;

pub(crate) use crate::vocabulary::Role;
use crate::{
    actors::desk::Desk,
    availability::{Glob, Submission, Target},
};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// What they may do.
    pub role: Role,
    /// What they may make statements about; `None`: everything, but for monitors the system.
    targets: Option<Arc<[Glob]>>,
}

impl Rights {
    /// Of this role, about targets that one of these globs matches; `None`: see [`Rights::targets`].
    pub(crate) fn new(role: Role, targets: Option<Vec<Glob>>) -> Self {
        Self { role, targets: targets.map(Into::into) }
    }

    /// May submit, change and cancel.
    pub(crate) fn acts(&self) -> bool {
        self.role != Role::Viewer
    }

    /// May make statements about this.
    pub(crate) fn covers(&self, target: &Target) -> bool {
        let text = target.to_string();
        let is_system_by_monitor = *target == Target::System && self.role == Role::Monitor;
        match &self.targets {
            None => !is_system_by_monitor,
            Some(globs) if is_system_by_monitor => globs.iter().any(|glob| glob.as_str() == text),
            Some(globs) => globs.iter().any(|glob| glob.matches(text.as_str(), false)),
        }
    }

    /// Why this submission is beyond these rights: the rest of a sentence that begins with who
    /// submits it. `None`: it is not.
    pub(crate) async fn refusal(&self, desk: &Desk, submission: &Submission) -> Option<String> {
        if !self.acts() {
            return Some(format!("has the role {} and may only read", self.role));
        }
        let mut about = submission.targets().to_vec();
        if let Some(plan) = submission.cancels.or(submission.replaces)
            && let Some(plan) = desk.entry(plan).await
        {
            about.extend(plan.notification.targets.iter().cloned());
        }
        self.beyond(about)
    }

    /// Which of these are beyond these rights, in the same words. `None`: none.
    pub(crate) fn beyond(&self, mut about: Vec<Target>) -> Option<String> {
        about.retain(|target| !self.covers(target));
        about.sort();
        about.dedup();
        let beyond: Vec<String> = about.iter().map(ToString::to_string).collect();
        let listed = "see its `targets` in the configuration";
        (!beyond.is_empty()).then(|| format!("may not make statements about {} ({listed})", beyond.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn covered(role: Role, globs: Option<&[&str]>) -> Vec<String> {
        let globs = globs.map(|globs| globs.iter().map(|glob| Glob::new(glob).unwrap()).collect());
        let rights = Rights::new(role, globs);
        let all = ["system", "application:mail", "application:mail-archive", "resource:mail"];
        let all = all.into_iter().filter(|target| rights.covers(&target.parse().unwrap()));
        all.map(str::to_owned).collect()
    }

    #[test]
    fn everything_unless_there_is_a_list_and_the_system_only_for_operators() {
        assert_eq!(covered(Role::Operator, None).len(), 4);
        assert_eq!(covered(Role::Monitor, None), ["application:mail", "application:mail-archive", "resource:mail"]);
        assert_eq!(covered(Role::Operator, Some(&["*"])).len(), 4);
        assert_eq!(covered(Role::Monitor, Some(&["*"])).len(), 3, "a glob does not list the system");
        assert_eq!(covered(Role::Monitor, Some(&["system"])), ["system"]);
        assert_eq!(covered(Role::Operator, Some(&["application:mail*", "resource:*"])).len(), 3);
        assert!(covered(Role::Operator, Some(&[])).is_empty());
    }
}
