//! What sets a farm apart from all others (docs/contract.md#another-farm).

/// 32 hexadecimal digits that follow from the farm's secret; for anybody to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarmId(pub String);
