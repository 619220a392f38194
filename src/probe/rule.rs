//! `when = "…"`: whether a rule holds. One that does counts as a check that failed; one that cannot be evaluated
//! says nothing.

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};

use super::Probe;
use crate::monitor::{Finding, Rule, rule::Figures};

/// See the module.
pub(super) struct RuleCheck {
    rule: Arc<Rule>,
    figures: Arc<dyn Figures>,
}

impl RuleCheck {
    pub(super) fn new(rule: Arc<Rule>, figures: Arc<dyn Figures>) -> Self {
        Self { rule, figures }
    }
}

impl Probe for RuleCheck {
    fn check(&self, _: bool) -> LocalBoxFuture<'static, Finding> {
        let finding = match self.rule.holds(&self.figures) {
            Ok(true) => Finding::Bad("The rule holds".to_owned()),
            Ok(false) => Finding::Good { latency: Duration::ZERO },
            Err(problem) => Finding::Unknown(problem),
        };
        ready(finding).boxed_local()
    }
}
