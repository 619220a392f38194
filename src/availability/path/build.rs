//! Builds the literal reading of a path, segment by segment.

use super::{
    PathError,
    escape::{escaped, is_pchar, is_unreserved, push_escaped},
};

/// Builds a literal reading from its parts. In globs some parts are wildcards, which are kept as written: they can
/// match anything, slashes included, so no `..` may remove one of them.
pub(in crate::availability) struct Builder {
    out: String,
    /// Where the current segment begins in `out`.
    segment: usize,
    /// The end of the last wildcard in `out`.
    kept: usize,
}

impl Builder {
    /// Behind the slash that every path begins with.
    pub(in crate::availability) fn at_root() -> Self {
        Self { out: "/".to_owned(), segment: 1, kept: 0 }
    }

    /// A wildcard comes first.
    pub(in crate::availability) fn anywhere() -> Self {
        Self { out: String::new(), segment: 0, kept: 0 }
    }

    /// Adds this part of a path.
    pub(in crate::availability) fn literal(&mut self, raw: &[u8]) -> Result<(), PathError> {
        let mut i = 0;
        while let Some(&byte) = raw.get(i) {
            match byte {
                b'/' => {
                    self.end_segment(true)?;
                    self.segment = self.out.len();
                }
                b'%' => {
                    match escaped(raw, i).ok_or(PathError::Escape)? {
                        0 => return Err(PathError::Nul),
                        b if is_unreserved(b) => self.out.push(char::from(b)),
                        b => push_escaped(&mut self.out, b),
                    }
                    i += 2;
                }
                0 => return Err(PathError::Nul),
                b if is_pchar(b) => self.out.push(char::from(b)),
                b'?' | b'#' | 0x7f | 0..=b' ' => return Err(PathError::Character),
                b => push_escaped(&mut self.out, b),
            }
            i += 1;
        }
        Ok(())
    }

    /// Adds a wildcard as it is written.
    pub(in crate::availability) fn wildcard(&mut self, text: &str) {
        self.out.push_str(text);
        self.kept = self.out.len();
    }

    /// The whole.
    pub(in crate::availability) fn finish(mut self) -> Result<String, PathError> {
        self.end_segment(false)?;
        Ok(self.out)
    }

    /// Ends the current segment: drops it if it is empty or `.`, and with its parent if it is `..`.
    /// Above the root is the root.
    fn end_segment(&mut self, slash: bool) -> Result<(), PathError> {
        match &self.out[self.segment..] {
            "" => {}
            "." => self.out.truncate(self.segment),
            ".." => {
                let parent = self.out[..self.segment.saturating_sub(1)].rfind('/').map_or(0, |slash| slash + 1);
                if parent < self.kept {
                    return Err(PathError::Ambiguous);
                }
                self.out.truncate(parent.max(1));
            }
            _ if slash => self.out.push('/'),
            _ => {}
        }
        Ok(())
    }
}
