//! Errors of a configuration, and how they are reported.
//!
//! One problem is one line `FILE:LINE: key: problem`, a form that editors and people can follow. No message
//! repeats a secret.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One thing that is wrong, at one place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1. For a missing key: the line of the section that lacks it.
    pub line: usize,
    /// Path of the key, as in `farm.merge.timeout`; entries of lists go without their index.
    pub key: String,
    /// What is wrong and, where there is one, the limit.
    pub problem: String,
}

/// Why a configuration, or a secret that belongs to it, could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be opened or read.
    #[error("{}: cannot be read: {source}{}", file.display(), next(source))]
    Unreadable {
        /// The configuration file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file was read and has these problems, at least one, in the order of their lines.
    #[error("{}", Listing { file, problems })]
    Wrong {
        /// The configuration file.
        file: PathBuf,
        /// All problems.
        problems: Vec<Problem>,
    },
    /// `forewarn init` found a file (or anything else) under that name and did not change it.
    #[error("{}: exists already and was not changed", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// `forewarn init` could not write its file.
    #[error("{}: cannot be written: {source}", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A password could not be hashed (too long, or no randomness for the salt).
    #[error("the password cannot be hashed: {0}")]
    Hash(#[source] argon2::password_hash::Error),
}

impl ConfigError {
    /// A refusal of the file with one problem only.
    pub(super) fn single(file: &Path, line: usize, key: &str, problem: &str) -> ConfigError {
        ConfigError::Wrong {
            file: file.to_path_buf(),
            problems: vec![Problem { line, key: key.to_owned(), problem: problem.to_owned() }],
        }
    }

    /// The problems found in the file; empty for the other errors.
    pub fn problems(&self) -> &[Problem] {
        match self {
            ConfigError::Wrong { problems, .. } => problems,
            _ => &[],
        }
    }
}

/// The problems of one file, each on its own line.
struct Listing<'a> {
    file: &'a Path,
    problems: &'a [Problem],
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let Problem { line, key, problem } = problem;
            write!(f, "{}:{line}: {key}: {problem}", self.file.display())?;
        }
        Ok(())
    }
}

/// What to do about a file that cannot be read.
fn next(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => "; `forewarn init FILE` writes a first configuration",
        _ => "",
    }
}
