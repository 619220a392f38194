//! An application as answers name it.

use crate::availability::{Name, verdict::Definition};

/// An application as answers need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// What people call it.
    pub title: String,
    /// Its name, what it uses, how many reporters must agree.
    pub definition: Definition,
}

impl App {
    /// What programs call it.
    pub fn name(&self) -> &Name {
        &self.definition.name
    }
}
