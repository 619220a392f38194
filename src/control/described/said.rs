//! The forms of what the rooms below read and write by hand: names, times, notifications. The tests
//! compare them with what is accepted.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, SchemaFormat,
        schema::{AdditionalProperties, AnyOfBuilder, SchemaType, Type},
    },
};

use crate::{
    availability::{Criteria, Moment, Name, Notification, Priority, Restore, Source, Status, Submission, Target},
    sync::DeliveryState,
};

/// A type whose form stands under its own name.
macro_rules! described {
    ($($type:ty, $name:literal, $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn words(words: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(words.iter().copied()))
}

fn format(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

fn refer<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

described! {
    Name, "Name", text().pattern(Some("^[A-Za-z0-9_.-]{1,64}$"));
    Target, "Target", text()
        .pattern(Some("^(system|(application|resource):[A-Za-z0-9_.-]{1,64})$"))
        .description(Some("system, application:NAME or resource:NAME."));
    Moment, "Moment", format(KnownFormat::DateTime);
    Status, "Status", words(&["available", "unavailable", "degraded"]);
    Restore, "Restore", text().examples(["manual", "automatic"]).description(Some(
        "manual, or automatic: it counts as available again from expected_back_at on. Newer versions may have others."
    ));
    Priority, "Priority", text().examples(["normal", "critical"]).description(Some(
        "normal, or critical: taken out of queues first. Newer versions may have others."
    ));
    Source, "Source", text().examples(["operator", "monitor", "alert", "farm"]).description(Some(
        "The kind of notifier: operator, monitor, alert or farm. Newer versions may have others."
    ));
    DeliveryState, "DeliveryState", words(&["waiting", "queued", "quarantined", "applied", "superseded"]);
    Criteria, "Criteria", criteria();
    Submission, "Submission", submission();
    Notification, "Notification", notification();
}

/// A list of texts that is not empty.
fn list(items: impl Into<RefOr<Schema>>, about: &str) -> ArrayBuilder {
    let items: RefOr<Schema> = items.into();
    ArrayBuilder::new().items(items).min_items(Some(1)).max_items(Some(50)).description(Some(about))
}

/// A map from names to globs that is not empty.
fn globs(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(glob()))))
        .min_properties(Some(1))
        .max_properties(Some(50))
        .description(Some(about))
}

fn glob() -> Schema {
    let about =
        "`*` is any run of characters, `/` included; `?` is one; `[…]` is a class. At most 256 bytes and 8 `*`.";
    text().min_length(Some(1)).max_length(Some(256)).description(Some(about)).into()
}

fn criteria() -> ObjectBuilder {
    ObjectBuilder::new()
        .description(Some(
            "Limits a notification to some requests. Every kind that is given must match; within a list one match is \
             enough. At most 64 globs.",
        ))
        .property("methods", list(text().pattern(Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$")), "HTTP methods."))
        .property("paths", list(glob(), "Globs over the normalized path without its query."))
        .property("headers", globs("Name of a header field to glob; values match without case. All must match."))
        .property("query", globs("Query member to glob. All must match."))
        .property("cookies", globs("Cookie to glob. All must match."))
        .property(
            "except",
            list(ObjectBuilder::new(), "Criteria without an except of their own; matching requests are excluded.")
                .max_items(Some(8)),
        )
        .property("clients", list(text(), "IP addresses, or networks such as 192.0.2.0/24."))
        .property("nodes", list(refer::<Name>(), "Only requests that these nodes decide."))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// A text that may be `null`, which counts as absent.
fn maybe(of: ObjectBuilder, about: &str) -> ObjectBuilder {
    of.schema_type(SchemaType::from_iter([Type::String, Type::Null])).description(Some(about))
}

fn maybe_words(words: [&str; 2], about: &str) -> ObjectBuilder {
    maybe(ObjectBuilder::new(), about).enum_values(Some(words.map(Some).into_iter().chain([None])))
}

fn maybe_number(from: u64, to: Option<u64>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::Null])).minimum(Some(from)).maximum(to)
}

fn targets(required: bool) -> ArrayBuilder {
    let types = if required { vec![Type::Array] } else { vec![Type::Array, Type::Null] };
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .items(refer::<Target>())
        .min_items(Some(1))
        .max_items(Some(100))
        .description(Some("What it is about."))
}

/// What a statement and a cancel have in common.
fn common(required_targets: bool) -> ObjectBuilder {
    let uuid = || format(KnownFormat::Uuid);
    let reason = AnyOfBuilder::new()
        .item(refer::<Name>())
        .item(maybe_number(0, None))
        .description(Some(
            "Name or code of a reason that this node has: 0 unknown, 1 planned-maintenance, 2 unplanned-outage, \
             3 testing; codes from 100 up come from its configuration.",
        ))
        .default(Some("unknown".into()));
    ObjectBuilder::new()
        .property(
            "id",
            maybe(
                uuid(),
                "The same id is the same notification: submitted again, it is answered with the first one's data. \
                 Absent: the node makes one (version 7).",
            ),
        )
        .property(
            "timestamp",
            maybe(
                format(KnownFormat::DateTime),
                "When it was made; it decides precedence. At most max_clock_skew ahead of the node's clock. Absent: \
                 stamped by the node.",
            ),
        )
        .property("targets", targets(required_targets))
        .property("reason", reason)
        .property("component", maybe(text().max_length(Some(200)), "The failed part, where it is known."))
        .property("message", maybe(text().max_length(Some(2_000)), "Plain text for users."))
        .property(
            "priority",
            maybe_words(["normal", "critical"], "Critical notifications are applied first.")
                .default(Some("normal".into())),
        )
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn submission() -> OneOfBuilder {
    let time = || format(KnownFormat::DateTime);
    let statement = common(true)
        .title(Some("Statement"))
        .property("status", refer::<Status>())
        .property(
            "replaces",
            maybe(format(KnownFormat::Uuid), "Cancels this plan and replaces it with this notification."),
        )
        .property("goes_down_at", maybe(time(), "When it begins. Absent: now."))
        .property(
            "last_entry_seconds",
            maybe_number(0, Some(86_400)).description(Some(
                "For this long before the beginning new users are turned away; only with goes_down_at.",
            )),
        )
        .property("expected_back_at", maybe(time(), "When it should be back: after the beginning and the timestamp."))
        .property(
            "duration_seconds",
            maybe_number(1, Some(315_360_000))
                .description(Some("The length from the beginning on, instead of expected_back_at.")),
        )
        .property(
            "restore",
            maybe_words(["manual", "automatic"], "automatic: it counts as available again from expected_back_at on.")
                .default(Some("manual".into())),
        )
        .property(
            "criteria",
            OneOfBuilder::new().item(refer::<Criteria>()).item(ObjectBuilder::new().schema_type(Type::Null)),
        )
        .required("targets")
        .required("status");
    let cancel = common(false)
        .title(Some("Cancel"))
        .property(
            "cancels",
            format(KnownFormat::Uuid).description(Some("Cancels this plan: a closing that has not begun.")),
        )
        .required("cancels");
    OneOfBuilder::new().item(statement).item(cancel).description(Some(
        "A statement that something is (un)available, or a cancel. Members that are null count as absent; unknown ones \
         are refused.",
    ))
}

fn notification() -> ObjectBuilder {
    let uuid = |about| format(KnownFormat::Uuid).description(Some(about));
    let record = ObjectBuilder::new()
        .description(Some("A notification's record. It may have members of newer versions."))
        .property("id", format(KnownFormat::Uuid))
        .property("timestamp", refer::<Moment>())
        .property("targets", ArrayBuilder::new().items(refer::<Target>()))
        .property("status", refer::<Status>())
        .property("cancels", uuid("The plan that it cancels; without status."))
        .property("replaces", uuid("The plan that it replaces."))
        .property("reason", refer::<Name>())
        .property("reason_code", ObjectBuilder::new().schema_type(Type::Integer))
        .property("reason_title", text().description(Some("Of a reason from the configuration.")))
        .property("component", text())
        .property("message", text())
        .property("goes_down_at", refer::<Moment>())
        .property("last_entry_seconds", ObjectBuilder::new().schema_type(Type::Integer))
        .property("expected_back_at", refer::<Moment>())
        .property("restore", refer::<Restore>())
        .property(
            "criteria",
            ObjectBuilder::new().description(Some("Like Criteria; may have kinds of newer versions.")),
        )
        .property("priority", refer::<Priority>())
        .property("operator", text().description(Some("Who said so.")))
        .property("source", refer::<Source>())
        .property("reporter", text().description(Some("Which monitor, token, alert or farm speaks.")))
        .property("node", refer::<Name>());
    ["id", "timestamp", "targets", "reason", "reason_code", "restore", "priority", "source", "node"]
        .into_iter()
        .fold(record, ObjectBuilder::required)
}

/// How long a submission waits for the other nodes: neither parameter, or `wait=all` with a time or without.
#[derive(ToSchema)]
#[allow(dead_code, reason = "notifications.rs reads it parameter by parameter; only its form is read")]
pub(crate) struct Waiting {
    /// `all`: wait until every known node has confirmed.
    #[schema(value_type = WaitFor, inline)]
    wait: (),
    /// How long at most: such as `500ms`, `5s` or `1m`, up to 60 s.
    #[schema(
        nullable = false,
        default = "5s",
        pattern = "^0*([0-9]{1,4}|[1-5][0-9]{4}|60000)ms$|^0*([1-5]?[0-9]|60)s$|^0*[01]m$"
    )]
    timeout: Option<String>,
}

/// For whom.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "as above")]
enum WaitFor {
    All,
}

/// Where a list goes on.
pub(crate) struct Before;

described! {
    Before, "Before", OneOfBuilder::new()
        .item(text().pattern(Some("^[0-9a-fA-F]{88}$")).description(Some("What next said.")))
        .item(refer::<Moment>());
}
