//! Normalizes path globs with the same function as request paths, so that `/mail/café` or `/mail//x` means what
//! its author sees in the address bar.
//!
//! [`crate::availability::path::normalize`] normalizes the literal parts; wildcards stay unchanged.
//! Normalization is idempotent. A glob that then matches no path of any request is refused.

use super::{
    Glob, GlobError,
    element::{self, Element},
    language,
};
use crate::availability::path::{Builder, PathError};

/// Why a text is not the glob of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathGlobError {
    /// No glob at all, or out of bounds; also once it is in its form.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A literal part that cannot be part of a path.
    #[error("cannot match: {0}")]
    Literal(#[from] PathError),
    /// It begins with a letter, say.
    #[error("does not begin with '/' or a wildcard")]
    Form,
    /// `?name=value`.
    #[error("looks like a query; paths are compared without one, so use criteria.query ('?' is a wildcard here)")]
    Query,
    /// Nothing can match it.
    #[error("matches no path that a request can have")]
    Nothing,
}

/// Reads the glob of a path as it is submitted, and brings it into its form.
///
/// # Errors
/// See [`PathGlobError`].
pub fn submitted(text: &str) -> Result<Glob, PathGlobError> {
    Glob::submitted(text)?;
    let elements = element::parse(text)?;
    let (mut builder, elements) = match elements.split_first() {
        Some(((Element::One('/'), _), rest)) => (Builder::at_root(), rest),
        Some(((Element::One(_), _), _)) => return Err(PathGlobError::Form),
        _ => (Builder::anywhere(), elements.as_slice()),
    };
    // Runs of literal characters, and the wildcards between them.
    for run in elements.chunk_by(|(one, _), (other, _)| is_literal(one) && is_literal(other)) {
        let written: String = run.iter().map(|(_, written)| *written).collect();
        match &run[0].0 {
            Element::One(_) => builder.literal(written.as_bytes())?,
            _ => builder.wildcard(&written),
        }
    }
    if elements.windows(2).enumerate().any(|(at, pair)| pair[0].0 == Element::Any && names_value(&elements[at + 1..])) {
        return Err(PathGlobError::Query);
    }
    let glob = Glob::submitted(&builder.finish()?)?;
    if glob.can_match(&language::PATHS, false) { Ok(glob) } else { Err(PathGlobError::Nothing) }
}

fn is_literal(element: &Element) -> bool {
    matches!(element, Element::One(_))
}

/// Whether these begin with `name=`, as a query does.
fn names_value(elements: &[(Element, &str)]) -> bool {
    let end =
        elements.iter().position(|(element, _)| matches!(element, Element::One('=' | '/')) || !is_literal(element));
    end.is_some_and(|end| end > 0 && elements[end].0 == Element::One('='))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::path;
    use proptest::prelude::*;

    #[test]
    fn the_literal_parts_are_normalized_as_paths_are() {
        for (typed, kept) in [
            ("/mail/café", "/mail/caf%C3%A9"),
            ("/mail/%7Euser", "/mail/~user"),
            ("/mail//x", "/mail/x"),
            ("//*//x/", "/*/x/"),
            ("/a/./b/../*", "/a/*"),
            ("/a/*/b/../c", "/a/*/c"),
            ("/shop%2fcart", "/shop%2Fcart"),
            ("/x\\y", "/x%5Cy"),
            ("*.pdf", "*.pdf"),
            ("*/é?[a-z]/", "*/%C3%A9?[a-z]/"),
            ("?mail/.", "?mail/"),
            ("/.well-known/*", "/.well-known/*"),
            ("/file?.txt", "/file?.txt"),
            ("/..", "/"),
        ] {
            let glob = submitted(typed).unwrap();
            assert_eq!(glob.as_str(), kept, "{typed}");
            assert_eq!(submitted(kept).unwrap(), glob, "{kept}: twice is once");
        }
    }

    #[test]
    fn what_can_never_match_is_refused_with_its_reason() {
        for (typed, error) in [
            ("mail/x", PathGlobError::Form),
            ("/mail?q=1", PathGlobError::Query),
            ("/mail*?folder=*", PathGlobError::Query),
            ("/a b", PathGlobError::Literal(PathError::Character)),
            ("/a#b", PathGlobError::Literal(PathError::Character)),
            ("/a%2", PathGlobError::Literal(PathError::Escape)),
            ("/a%2?", PathGlobError::Literal(PathError::Escape)),
            ("/a%00", PathGlobError::Literal(PathError::Nul)),
            ("/a*/../b", PathGlobError::Literal(PathError::Ambiguous)),
            ("*/..", PathGlobError::Literal(PathError::Ambiguous)),
            ("/[é]", PathGlobError::Nothing),
            ("[a-z]*", PathGlobError::Nothing),
            ("/x/[/]", PathGlobError::Nothing),
            ("/[.]/x", PathGlobError::Nothing),
            ("", PathGlobError::Glob(GlobError::Empty)),
            ("/[a", PathGlobError::Glob(GlobError::Unclosed)),
        ] {
            assert_eq!(submitted(typed), Err(error), "{typed}");
        }
        assert_eq!(submitted(&format!("/{}", "é".repeat(43))), Err(PathGlobError::Glob(GlobError::TooManyBytes)));
    }

    proptest! {
        /// A glob without wildcards matches a path exactly where the two are the same path.
        #[test]
        fn a_literal_glob_is_a_path(typed in "/([a-cé./;%]|%2[eEfF]|%6d){0,8}", asked in "/([a-cé./;%]|%2[eEfF]|%6d){0,8}") {
            match (submitted(&typed), path::normalize(&typed)) {
                (Ok(glob), Ok(path)) => {
                    prop_assert_eq!(glob.as_str(), &*path);
                    if let Ok(asked) = path::normalize(&asked) {
                        prop_assert_eq!(glob.matches(&*asked, false), asked == path);
                    }
                }
                (glob, path) => prop_assert!(glob.is_err() && path.is_err(), "{:?} {:?}", glob, path),
            }
        }

        #[test]
        fn normalizing_twice_is_normalizing_once(typed in "[/*?]([a-cé./;%*?\\[\\]!]|%2[eEfF]|%6d){0,10}") {
            if let Ok(glob) = submitted(&typed) {
                prop_assert_eq!(submitted(glob.as_str()).map(|again| again.as_str().to_owned()), Ok(glob.as_str().to_owned()));
            }
        }
    }
}
