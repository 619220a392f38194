//! Rules over a node's own counters and monitors (`docs/contract.md#rules`), in the Common Expression Language.
//!
//! What must stay true: a rule is checked completely when it is read — syntax, names, types, windows — so that
//! what is left to fail at run time is missing data and division by zero. It has no loops and no variables, so
//! that its cost is bounded by its length. An evaluation that fails says *unknown*, never *down*.

use std::sync::Arc;
use std::time::Duration;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::extractors::Arguments;
use cel::{Context, ExecutionError, IdedExpr, Program, Value};

use crate::availability::Glob;

/// Longest rule, in bytes.
const MAX_LENGTH: usize = 1_000;
/// Longest window that figures are kept for.
pub const MAX_WINDOW: Duration = Duration::from_secs(600);

/// Counters that a rule may read; all of them may be read for one application.
pub const COUNTERS: [&str; 4] = ["requests", "denials", "upstream_errors", "upstream_timeouts"];
/// Distributions that a rule may read, in seconds.
pub const HISTOGRAMS: [&str; 1] = ["upstream_seconds"];

/// What a rule is evaluated over. `None`: there is no data yet.
pub trait Figures: Send + Sync {
    /// How much a counter grew within the window, for one application or for all.
    fn increase(&self, counter: &str, application: Option<&str>, window: Duration) -> Option<f64>;
    /// The value, in seconds, that this share of observations within the window does not exceed.
    fn quantile(&self, histogram: &str, application: Option<&str>, window: Duration, share: f64) -> Option<f64>;
    /// How many monitors whose names match are down.
    fn down(&self, names: &Glob) -> usize;
    /// The share of the machine's processors that is busy, 0 to 1.
    fn cpu(&self) -> Option<f64>;
    /// The share of the machine's memory that is in use, 0 to 1.
    fn memory(&self) -> Option<f64>;
    /// Free bytes on the disk of the store.
    fn disk_free(&self) -> Option<f64>;
}

/// Names that a rule may use.
pub struct Names<'a> {
    /// Configured monitors.
    pub monitors: &'a [&'a str],
    /// Configured applications.
    pub applications: &'a [&'a str],
}

/// One figure that a rule reads: what is to be recorded for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// One of [`COUNTERS`] or [`HISTOGRAMS`].
    pub figure: String,
    /// For one application, or for all.
    pub application: Option<String>,
    /// How far back it looks.
    pub window: Duration,
}

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    text: String,
    program: Program,
    series: Vec<Series>,
}

/// The text says it all.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What a rule is checked against, and what is found on the way.
struct Check<'a> {
    names: &'a Names<'a>,
    series: Vec<Series>,
}

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Double,
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Double => "a number with a fraction",
            Self::Text => "a text",
        }
    }
}

impl Rule {
    /// Reads and checks a rule.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence that begins with the key `when`.
    pub fn compile(text: &str, names: &Names<'_>) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("is longer than {MAX_LENGTH} bytes"));
        }
        let program = Program::compile(text).map_err(|errors| {
            let first = errors.errors.first().map(ToString::to_string).unwrap_or_default();
            format!("is not a valid expression: {}", first.lines().next().unwrap_or_default())
        })?;
        let mut check = Check { names, series: Vec::new() };
        match check.kind(program.expression())? {
            Kind::Bool => Ok(Self { text: text.to_owned(), series: check.series, program }),
            other => Err(format!("must be true or false, but is {}", other.name())),
        }
    }

    /// What it reads.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// Why that cannot be told: data is missing, or it divides by zero.
    pub fn holds(&self, figures: &Arc<dyn Figures>) -> Result<bool, String> {
        let mut context = Context::default();
        declare(&mut context, figures).map_err(|error| error.to_string())?;
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("gives {other:?}, which is neither true nor false")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What a rule may call.
const FUNCTIONS: [&str; 9] = ["rate", "count", "p50", "p90", "p99", "down", "cpu", "memory", "disk_free"];

impl Check<'_> {
    /// The type of an expression, all names in it checked.
    fn kind(&mut self, node: &IdedExpr) -> Result<Kind, String> {
        match &node.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Ok(Kind::Bool),
            Expr::Literal(LiteralValue::Int(_)) => Ok(Kind::Int),
            Expr::Literal(LiteralValue::Double(_)) => Ok(Kind::Double),
            Expr::Literal(LiteralValue::String(_)) => Ok(Kind::Text),
            Expr::Literal(_) => Err("may hold numbers, texts, true and false only".to_owned()),
            Expr::Call(call) if call.target.is_some() => {
                Err(format!("uses {}() as a method; it has functions only", call.func_name))
            }
            Expr::Call(call) => self.call_kind(call),
            Expr::Ident(name) => Err(format!("uses the unknown name {name}; it has no variables")),
            Expr::Comprehension(_) => {
                Err("uses a macro that loops (all, exists, map, filter); loops are not allowed".to_owned())
            }
            _ => Err("may hold numbers, texts, comparisons, arithmetic and functions only".to_owned()),
        }
    }

    fn call_kind(&mut self, call: &CallExpr) -> Result<Kind, String> {
        let name = call.func_name.as_str();
        if let Some(kind) = self.function_kind(name, &call.args)? {
            return Ok(kind);
        }
        let kinds = call.args.iter().map(|argument| self.kind(argument)).collect::<Result<Vec<_>, _>>()?;
        let shown = name.trim_matches('_');
        match (name, kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [Kind::Bool, Kind::Bool])
            | (operators::LOGICAL_NOT, [Kind::Bool]) => Ok(Kind::Bool),
            (operators::CONDITIONAL, [Kind::Bool, yes, no]) if yes == no => Ok(*yes),
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) if left == right => Ok(Kind::Bool),
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [Kind::Int | Kind::Double, Kind::Int | Kind::Double],
            ) => Ok(Kind::Bool),
            (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE, [left, right])
                if left == right && matches!(left, Kind::Int | Kind::Double) =>
            {
                Ok(*left)
            }
            (operators::MODULO, [Kind::Int, Kind::Int]) => Ok(Kind::Int),
            (operators::NEGATE, [number @ (Kind::Int | Kind::Double)]) => Ok(*number),
            (_, kinds) if name.contains('_') || name.starts_with('!') || name.starts_with('-') => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                Err(format!("uses {shown} with {}, which do not go together", kinds.join(" and ")))
            }
            _ => Err(format!("uses the unknown function {name}; known are {}", FUNCTIONS.join(", "))),
        }
    }

    /// The type of one of our functions; `None`: it is none of them.
    fn function_kind(&mut self, name: &str, arguments: &[IdedExpr]) -> Result<Option<Kind>, String> {
        let known: &[&str] = match name {
            "rate" | "count" => &COUNTERS,
            "p50" | "p90" | "p99" => &HISTOGRAMS,
            "cpu" | "memory" | "disk_free" if arguments.is_empty() => return Ok(Some(Kind::Double)),
            "cpu" | "memory" | "disk_free" => return Err(format!("gives {name}() arguments; it takes none")),
            "down" => {
                let [names_glob] = arguments else {
                    return Err("gives down() not exactly one argument: the names of monitors".to_owned());
                };
                let text = literal(names_glob).ok_or("gives down() something that is not a text in quotes")?;
                let glob = Glob::new(text).map_err(|error| format!("has down(\"{text}\"), which {error}"))?;
                if !self.names.monitors.iter().any(|monitor| glob.matches(*monitor, false)) {
                    return Err(format!("has down(\"{text}\"), which matches no monitor of this node"));
                }
                return Ok(Some(Kind::Int));
            }
            _ => return Ok(None),
        };
        let texts: Option<Vec<&str>> = arguments.iter().map(literal).collect();
        let (figure, length, application) = match texts.as_deref() {
            Some([figure, length]) => (*figure, *length, None),
            Some([figure, length, application]) => (*figure, *length, Some(*application)),
            _ => {
                return Err(format!(
                    "must write {name}(\"NAME\", \"30s\") or {name}(\"NAME\", \"30s\", \"APPLICATION\")"
                ));
            }
        };
        if !known.contains(&figure) {
            return Err(format!("has {name}(\"{figure}\", …), which is unknown; known are {}", known.join(", ")));
        }
        let window = window(length).map_err(|problem| format!("has the window \"{length}\", which {problem}"))?;
        if let Some(application) = application.filter(|application| !self.names.applications.contains(application)) {
            return Err(format!("has the application \"{application}\", which is not configured here"));
        }
        let series = Series { figure: figure.to_owned(), application: application.map(str::to_owned), window };
        if !self.series.contains(&series) {
            self.series.push(series);
        }
        Ok(Some(Kind::Double))
    }
}

fn literal(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// A window such as `30s` or `5m`: 1 s to 10 min.
fn window(text: &str) -> Result<Duration, &'static str> {
    let problem = "is not a time from 1s to 10m";
    let (number, factor) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(seconds), _) => (seconds, 1),
        (None, Some(minutes)) => (minutes, 60),
        (None, None) => return Err(problem),
    };
    let number: u64 = number.parse().map_err(|_not_a_number: std::num::ParseIntError| problem)?;
    let seconds = number.saturating_mul(factor);
    let window = Duration::from_secs(seconds);
    if (Duration::from_secs(1)..=MAX_WINDOW).contains(&window) { Ok(window) } else { Err(problem) }
}

fn declare(context: &mut Context<'_, '_>, figures: &Arc<dyn Figures>) -> Result<(), cel::DeclarationError> {
    let missing = |name: &'static str| move || ExecutionError::function_error(name, "there is no data yet");
    // Arguments have been checked by `function_kind`; what is not as it says is an error, not a panic.
    fn read(arguments: &Arguments) -> Option<(String, Duration, Option<String>)> {
        let text = |at: usize| match arguments.0.get(at) {
            Some(Value::String(text)) => Some(text.as_str().to_owned()),
            _ => None,
        };
        Some((text(0)?, window(&text(1)?).ok()?, text(2)))
    }
    for (name, per_second) in [("rate", true), ("count", false)] {
        let figures = Arc::clone(figures);
        context.add_function(name, move |arguments: Arguments| -> Result<Value, ExecutionError> {
            let (counter, window, application) = read(&arguments).ok_or_else(missing(name))?;
            let grown = figures.increase(&counter, application.as_deref(), window).ok_or_else(missing(name))?;
            Ok(Value::Float(if per_second { grown / window.as_secs_f64() } else { grown }))
        })?;
    }
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let figures = Arc::clone(figures);
        context.add_function(name, move |arguments: Arguments| -> Result<Value, ExecutionError> {
            let (histogram, window, application) = read(&arguments).ok_or_else(missing(name))?;
            let value = figures.quantile(&histogram, application.as_deref(), window, share);
            value.map(Value::Float).ok_or_else(missing(name))
        })?;
    }
    let down = Arc::clone(figures);
    context.add_function("down", move |names: Arc<String>| -> Result<Value, ExecutionError> {
        let glob = Glob::new(&names).map_err(|error| ExecutionError::function_error("down", error))?;
        Ok(Value::Int(i64::try_from(down.down(&glob)).unwrap_or(i64::MAX)))
    })?;
    type Read = fn(&dyn Figures) -> Option<f64>;
    let machine: [(&'static str, Read); 3] =
        [("cpu", |f| f.cpu()), ("memory", |f| f.memory()), ("disk_free", |f| f.disk_free())];
    for (name, value) in machine {
        let figures = Arc::clone(figures);
        context.add_function(name, move || -> Result<Value, ExecutionError> {
            value(&*figures).map(Value::Float).ok_or_else(missing(name))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
