//! The forms of the registry's values, which `availability` reads by hand.

use utoipa::ToSchema;

use crate::availability::{Criteria, Target};

/// Maintenance that recurs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "availability/schedule reads it member by member; only its form is read")]
pub(crate) struct ScheduleValue {
    /// For people.
    #[schema(max_length = 200)]
    title: String,
    #[schema(min_items = 1, max_items = 100)]
    targets: Vec<Target>,
    /// Name or code of a reason.
    #[schema(value_type = Option<String>)]
    reason: Option<String>,
    #[schema(max_length = 200)]
    component: Option<String>,
    #[schema(max_length = 2000)]
    message: Option<String>,
    criteria: Option<Criteria>,
    /// An IANA time zone.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// A local date and time in that zone: the first occurrence that the rule allows is at or after it.
    #[schema(example = "2026-12-06T02:00", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$")]
    starts: String,
    /// How long each occurrence is; not longer than the time between two.
    #[schema(minimum = 1, maximum = 31622400)]
    duration_seconds: u32,
    #[schema(minimum = 0, maximum = 86400)]
    last_entry_seconds: Option<u32>,
    /// RFC 5545, at most daily.
    #[schema(example = "FREQ=WEEKLY;BYDAY=SU", max_length = 500)]
    rule: String,
}

/// A notification to start from: as Submission, without id and points in time, with a title.
#[derive(ToSchema)]
#[allow(dead_code, reason = "as above, in availability/template")]
pub(crate) struct TemplateValue {
    /// For people.
    #[schema(max_length = 200)]
    title: String,
    #[schema(min_items = 1, max_items = 100)]
    targets: Vec<Target>,
    status: crate::availability::Status,
    #[schema(value_type = Option<String>)]
    reason: Option<String>,
    #[schema(max_length = 200)]
    component: Option<String>,
    #[schema(max_length = 2000)]
    message: Option<String>,
    criteria: Option<Criteria>,
    #[schema(minimum = 1)]
    duration_seconds: Option<u32>,
    restore: Option<String>,
    priority: Option<String>,
}
