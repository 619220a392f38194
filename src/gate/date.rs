//! The `Date` of answers, made once a second.

use std::cell::{Cell, RefCell};

use chrono::DateTime;

use crate::availability::Moment;

/// See the module; one for each worker.
#[derive(Default)]
pub(in crate::gate) struct Date {
    second: Cell<i64>,
    text: RefCell<String>,
}

impl Date {
    /// It is now.
    pub(super) fn set(&self, now: Moment) {
        let second = now.millis().div_euclid(1000);
        if self.second.replace(second) != second || self.text.borrow().is_empty() {
            let date = DateTime::from_timestamp(second, 0).unwrap_or_default();
            *self.text.borrow_mut() = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        }
    }

    /// The time that was set last, as a field's value.
    pub(in crate::gate) fn with<T>(&self, use_it: impl FnOnce(&[u8]) -> T) -> T {
        use_it(self.text.borrow().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_http_wants_it() {
        let date = Date::default();
        date.set(Moment::from_millis(784_111_777_500));
        date.with(|text| assert_eq!(text, b"Sun, 06 Nov 1994 08:49:37 GMT"));
    }
}
