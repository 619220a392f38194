//! Criteria limit a notification to some requests (docs/contract.md#criteria).
//!
//! Criteria are kept in one canonical form (methods in upper case, header names in lower case, paths
//! normalized, lists sorted and without duplicates, networks without host bits and as IPv4 where possible). So
//! equal criteria are equal as values; the dropping rule and the bounds compare them.
//!
//! Versions may mix: parts of a peer's criteria that this version does not know (another kind, or an unreadable
//! value of a known kind) are kept as written, compared, and passed on. Every given kind must match, and an
//! unknown kind does not, so such criteria match no request here.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net};

use super::{Glob, Name};

mod form;
mod request;

pub use self::{
    form::CriteriaError,
    request::{HeaderSource, NoHeaders, Request, RequestFacts},
};

/// The largest number of globs in one notification.
pub const MAX_GLOBS: usize = 64;

/// Canonical, not empty. Every kind that is given must match; one match is enough within a list;
/// in `headers`, `query` and `cookies` all that are named must match; what `except` matches is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Criteria {
    methods: Vec<String>,
    paths: Vec<Glob>,
    headers: BTreeMap<String, Glob>,
    query: BTreeMap<String, Glob>,
    cookies: BTreeMap<String, Glob>,
    clients: Vec<IpNet>,
    nodes: Vec<Name>,
    /// Requests that match one of these are excluded. These have no exceptions of their own.
    except: Vec<Criteria>,
    /// By kind, as JSON with members in order: text, because that has an order and a hash.
    unread: BTreeMap<String, String>,
}

impl Criteria {
    /// Whether these criteria match this request.
    pub fn match_request(&self, facts: &RequestFacts<'_>) -> bool {
        self.matches(&Request::new(*facts))
    }

    /// The same for a request that is compared with other criteria as well.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.match_path(request.facts.path) && self.match_rest(request) && !self.excepts(request, request.facts.path)
    }

    /// Whether they have path globs.
    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty() || self.except.iter().any(Self::has_paths)
    }

    /// Whether a request is excluded, under this reading of its path.
    pub(super) fn excepts(&self, request: &Request<'_>, path: &str) -> bool {
        self.except.iter().any(|one| one.match_path(path) && one.match_rest(request))
    }

    /// The text that every path begins with that they match; empty if they have no path globs.
    pub(super) fn path_start(&self) -> String {
        let mut starts = self.paths.iter().map(Glob::start);
        let mut common = starts.next().unwrap_or_default();
        for start in starts {
            let same = common.chars().zip(start.chars()).take_while(|(one, other)| one == other);
            let len = same.map(|(c, _)| c.len_utf8()).sum();
            common.truncate(len);
        }
        common
    }

    pub(super) fn match_path(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|glob| glob.matches(path, false))
    }

    /// Everything except the path and the exceptions.
    pub(super) fn match_rest(&self, request: &Request<'_>) -> bool {
        let facts = &request.facts;
        !self.has_unread()
            && (self.methods.is_empty() || self.methods.iter().any(|m| m.eq_ignore_ascii_case(facts.method)))
            && (self.nodes.is_empty() || self.nodes.iter().any(|n| n.as_str() == facts.node))
            && (self.clients.is_empty()
                || facts
                    .client
                    .is_some_and(|client| self.clients.iter().any(|net| net.contains(&client.to_canonical()))))
            && self.query.iter().all(|(name, glob)| request.query_has(name, glob))
            && self.headers.iter().all(|(name, glob)| request.header_has(name, glob))
            && self.cookies.iter().all(|(name, glob)| request.cookie_has(name, glob))
    }

    /// The greatest cost of comparing a request with them, in points of about 0.1 µs (`benches/criteria.rs`):
    /// comparing the ends of a text, and searching it for text between two stars. A path is read in up to three
    /// ways; a target has up to 8 KiB, a head up to 32 KiB.
    pub fn cost(&self) -> usize {
        // Exceptions are evaluated for each reading of the path.
        let except: usize = self.except.iter().map(|one| one.cost_of_paths() + 3 * one.cost_of_rest()).sum();
        self.cost_of_paths() + self.cost_of_rest() + except
    }

    fn cost_of_paths(&self) -> usize {
        self.paths.iter().map(|glob| 3 * (cost_of_ends(glob) + cost_of_search(glob, false))).sum()
    }

    fn cost_of_rest(&self) -> usize {
        /// Finding a header field among a hundred.
        const FIELD: usize = 3;
        let query: usize = self.query.values().map(|glob| cost_of_ends(glob) + cost_of_search(glob, false)).sum();
        let header = |glob, fold| cost_of_ends(glob) + 4 * cost_of_search(glob, fold);
        let headers: usize = self.headers.values().map(|glob| FIELD + header(glob, true)).sum();
        let cookies: usize = self.cookies.values().map(|glob| header(glob, false)).sum();
        // Five short comparisons are a point.
        let lists = (self.methods.len() + self.nodes.len() + self.clients.len()).div_ceil(5);
        query + headers + cookies + lists
    }

    fn globs(&self) -> usize {
        let own = self.paths.len() + self.headers.len() + self.query.len() + self.cookies.len();
        own + self.except.iter().map(Self::globs).sum::<usize>()
    }

    /// Prepares matching, so that no request waits for it.
    pub(super) fn prepare(&self) {
        let exact = self.paths.iter().chain(self.query.values()).chain(self.cookies.values());
        exact.for_each(|glob| glob.prepare(false));
        self.headers.values().for_each(|glob| glob.prepare(true));
        self.except.iter().for_each(Self::prepare);
    }

    /// Whether they have parts that this version does not know.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The kinds that this version does not know, in order.
    pub fn unread(&self) -> impl Iterator<Item = &str> {
        self.unread.keys().map(String::as_str)
    }

    /// The nodes that it is limited to; empty: all.
    pub fn nodes(&self) -> &[Name] {
        &self.nodes
    }

    /// Every node that is named, including those in exceptions.
    pub fn all_nodes(&self) -> impl Iterator<Item = &Name> {
        self.nodes.iter().chain(self.except.iter().flat_map(|one| &one.nodes))
    }

    /// Whether they depend only on the node that decides.
    pub fn only_nodes(&self) -> bool {
        *self == Self { nodes: self.nodes.clone(), ..Self::default() }
    }
}

/// Comparing the ends of a text with a glob.
fn cost_of_ends(glob: &Glob) -> usize {
    1 + glob.as_str().len() / 10
}

/// Searching a text for what stands between two stars of a glob.
fn cost_of_search(glob: &Glob, fold: bool) -> usize {
    60 * glob.words(fold)
}

/// A network in the form in which addresses are compared with it: IPv4 where it holds nothing but
/// IPv4-mapped addresses (`::ffff:10.0.0.0/104` is `10.0.0.0/8`), and without host bits.
pub fn canonical_network(network: IpNet) -> IpNet {
    let network = network.trunc();
    let mapped = match network {
        IpNet::V6(v6) => v6.prefix_len().checked_sub(96).zip(v6.addr().to_ipv4_mapped()),
        IpNet::V4(_) => None,
    };
    let v4 = mapped.and_then(|(length, address)| Ipv4Net::new(address, length).ok());
    v4.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests;
