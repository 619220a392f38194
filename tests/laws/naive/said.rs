//! What was said, as docs/contract.md#terms has it, and which requests it is about.

use std::sync::Arc;

use forewarn::availability::{Entry, NoHeaders, RequestFacts, Restore, Source, Stamp, Status, Target};
use serde_json::Value;

pub(super) type StampKey = (i64, u32, [u8; 16], [u8; 16]);

/// An entry with what docs/contract.md#terms says of it. Names are written as numbers, see [`Names`].
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) entry: Arc<Entry>,
    pub(super) stamp: StampKey,
    pub(super) at: (i64, StampKey),
    pub(super) since: i64,
    pub(super) back: Option<i64>,
    pub(super) automatic: bool,
    pub(super) opening: bool,
    pub(super) closing: bool,
    pub(super) plan: bool,
    /// A bit for each target.
    pub(super) on: u64,
    /// 0: the operators.
    pub(super) speaker: usize,
    /// 0: none.
    pub(super) criteria: usize,
}

pub(super) fn key(stamp: &Stamp) -> StampKey {
    (stamp.time.millis(), stamp.counter, *stamp.node.0.as_bytes(), stamp.hash)
}

/// Targets, reporters and criteria by number, in the order in which they were first heard of: numbers are compared
/// sooner than texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    targets: Vec<Target>,
    reporters: Vec<String>,
    criteria: Vec<Criteria>,
}

/// Criteria as they are written: the text, and for each kind its members, unless it has something else than members.
#[derive(Debug, Clone)]
struct Criteria {
    text: String,
    kinds: Vec<(String, Option<Vec<String>>)>,
}

/// The place of what is looked for, which is put last if it is new.
fn place<T>(all: &mut Vec<T>, is_it: impl FnMut(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    all.iter().position(is_it).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    })
}

impl Criteria {
    fn of(value: &Value) -> Self {
        let members = |value: &Value| {
            let members = value.as_array()?.iter();
            Some(members.map(|member| member.as_str().unwrap().to_owned()).collect())
        };
        let kinds = value.as_object().unwrap().iter().map(|(kind, value)| (kind.clone(), members(value))).collect();
        Self { text: value.to_string(), kinds }
    }
}

impl Names {
    fn targets(&mut self, targets: &[Target]) -> u64 {
        let mut on = 0;
        for target in targets {
            let number = place(&mut self.targets, |known| known == target, || target.clone());
            assert!(number < 64, "more targets than bits");
            on |= 1 << number;
        }
        on
    }

    /// The bit of a target; none, if nothing was said of it.
    pub(super) fn bit(&self, target: &Target) -> u64 {
        self.targets.iter().position(|known| known == target).map_or(0, |number| 1 << number)
    }

    fn reporter(&mut self, reporter: &str) -> usize {
        1 + place(&mut self.reporters, |known| known == reporter, || reporter.to_owned())
    }

    pub(super) fn name(&self, speaker: usize) -> Option<&String> {
        self.reporters.get(speaker.checked_sub(1)?)
    }

    fn criteria(&mut self, value: &Value) -> usize {
        let criteria = Criteria::of(value);
        1 + place(&mut self.criteria, |known| known.text == criteria.text, || criteria.clone())
    }

    /// Which criteria match a request, by number.
    pub(super) fn fits(&self, ask: &Ask) -> Vec<bool> {
        [true].into_iter().chain(self.criteria.iter().map(|criteria| ask.matches(criteria))).collect()
    }
}

impl Said {
    pub(super) fn of(entry: &Arc<Entry>, names: &mut Names) -> Self {
        let n = &entry.notification;
        let stamp = key(&entry.stamp);
        let begins = n.goes_down_at.map(|moment| moment.millis());
        let closing = n.cancels.is_none() && n.status == Some(Status::Unavailable);
        let plan = closing && begins.is_some_and(|begins| begins > stamp.0);
        let later = if plan || n.cancels.is_some() { begins.unwrap_or(0).max(stamp.0) } else { stamp.0 };
        let reporter = match n.source {
            Source::Operator => None,
            // Of a newer version: who names himself is a reporter, who does not speaks for the operators.
            Source::Unread(_) => n.reporter.as_deref(),
            _ => Some(n.reporter.as_deref().unwrap_or_default()),
        };
        let criteria = n.criteria.as_ref().map(|criteria| serde_json::to_value(criteria).unwrap());
        Self {
            entry: Arc::clone(entry),
            stamp,
            at: (later, stamp),
            since: begins.unwrap_or(stamp.0),
            back: n.expected_back_at.map(|moment| moment.millis()),
            automatic: n.restore == Restore::Automatic,
            opening: n.status == Some(Status::Available),
            closing,
            plan,
            on: names.targets(&n.targets),
            speaker: reporter.map_or(0, |reporter| names.reporter(reporter)),
            criteria: criteria.map_or(0, |criteria| names.criteria(&criteria)),
        }
    }

    pub(super) fn immediate(&self) -> bool {
        (self.opening || self.closing) && !self.plan
    }

    /// `self ⊑ y`.
    pub(super) fn within(&self, y: &Self) -> bool {
        y.criteria == 0 || self.criteria == y.criteria
    }

    pub(super) fn cancels(&self, x: &Self) -> bool {
        x.plan && self.entry.notification.cancels == Some(x.entry.notification.id)
    }

    /// Not a word of this target any more.
    pub(super) fn forget(&mut self, target: &Target, bit: u64) {
        self.on &= !bit;
        Arc::make_mut(&mut self.entry).notification.targets.retain(|one| one != target);
    }
}

/// A request, as far as the criteria of the generator look at it.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub method: &'static str,
    pub path: &'static str,
    pub node: &'static str,
}

impl Ask {
    /// What the crate looks at in this request.
    pub fn facts(&self) -> RequestFacts<'static> {
        RequestFacts {
            method: self.method,
            path: self.path,
            also: [None; 2],
            query: "",
            headers: &NoHeaders,
            client: None,
            node: self.node,
            inside: false,
        }
    }

    /// Whether the criteria of this entry match it.
    pub fn fits(&self, entry: &Arc<Entry>) -> bool {
        let mut names = Names::default();
        let said = Said::of(entry, &mut names);
        names.fits(self)[said.criteria]
    }

    fn matches(&self, criteria: &Criteria) -> bool {
        criteria.kinds.iter().all(|(kind, members)| {
            // What a newer version says instead of a list cannot be judged.
            let Some(members) = members else { return false };
            let mut members = members.iter();
            match kind.as_str() {
                "methods" => members.any(|method| method == self.method),
                "paths" => members.any(|glob| glob_matches(glob, self.path)),
                "nodes" => members.any(|node| node == self.node),
                "headers" | "query" | "clients" => panic!("the generator makes no {kind}"),
                _ => false,
            }
        })
    }
}

/// `*`, `?` and `[…]` by the book: tries everything.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    run(&glob, &text)
}

fn run(glob: &[char], text: &[char]) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skip| run(rest, &text[skip..])),
        ['?', rest @ ..] => !text.is_empty() && run(rest, &text[1..]),
        ['[', rest @ ..] => {
            let negated = matches!(rest, ['!' | '^', ..]);
            let rest = if negated { &rest[1..] } else { rest };
            // The first member may be a `]`.
            let close = 1 + rest[1..].iter().position(|c| *c == ']').unwrap();
            let mut members = Vec::new();
            let mut at = 0;
            while at < close {
                if at + 2 < close && rest[at + 1] == '-' {
                    members.extend(rest[at]..=rest[at + 2]);
                    at += 3;
                } else {
                    members.push(rest[at]);
                    at += 1;
                }
            }
            !text.is_empty() && members.contains(&text[0]) != negated && run(&rest[close + 1..], &text[1..])
        }
        [c, rest @ ..] => text.first() == Some(c) && run(rest, &text[1..]),
    }
}
