//! What sets a farm apart from all others (docs/contract.md#another-farm).

/// 32 hexadecimal digits that follow from the farm's secret; for anybody to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarmId {
    /// What this farm calls itself.
    pub id: String,
    /// What it calls itself on nodes that still have the previous secret.
    pub previous: Option<String>,
}

impl FarmId {
    /// Whether this farm calls itself so, on any of its nodes.
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.previous.as_deref() == Some(id)
    }
}
