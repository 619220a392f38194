//! The public status page, as it is configured.

/// `[status_page]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSettings {
    /// The page's heading.
    pub title: String,
    /// Where the company's own page is; without a `/` at the end.
    pub url: String,
}
