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
    /// One of which no more is known than what it is called.
    pub fn named(name: &Name, title: &str) -> Self {
        let definition = Definition { name: name.clone(), uses: Vec::new(), agree: 1 };
        Self { title: title.to_owned(), definition }
    }

    /// What programs call it.
    pub fn name(&self) -> &Name {
        &self.definition.name
    }
}
