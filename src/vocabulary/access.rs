//! `gate.access_log`: where a line for each request goes, and its form (docs/contract.md#access-log).

use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSettings {
    /// A file; standard output if absent.
    pub file: Option<PathBuf>,
    /// The form of a line.
    pub format: AccessFormat,
}

/// The form of a line of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessFormat {
    /// The combined log format of other servers.
    #[default]
    Combined,
    /// An object in JSON.
    Json,
}
