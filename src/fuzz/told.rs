//! What other nodes and other farms say.

use serde::{Serialize, de::DeserializeOwned};

use super::{outcome, run};
use crate::{
    availability::Reasons,
    monitor::partner,
    peer::wire,
    sync::{Announce, Deliver, Delivered, Merge, Merged},
};

/// What is read is written as something that is read as the same.
fn message<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> String {
    match wire::read::<T>(bytes) {
        Ok((message, left_out)) => {
            let written = serde_json::to_vec(&message).unwrap();
            let (again, nothing) = wire::read::<T>(&written).unwrap();
            assert_eq!(again, message);
            assert!(nothing.is_empty(), "{nothing:?}");
            format!("read, without {left_out:?}")
        }
        Err(error) => error,
    }
}

#[cfg_attr(test, test)]
pub(super) fn wire_() {
    let words = [
        "\"items\":",
        "\"entries\":",
        "\"records\":",
        "\"receipts\":",
        "\"entry\":",
        "\"share\":",
        "\"stamp\":",
        "null",
        "\"limit\":",
        "[]",
        "{}",
        "\"status\":\"degraded\"",
        "\"criteria\":{\"moon\":[1]}",
        "1e308",
        "\\u0000",
    ];
    run("wire", &words, |bytes| {
        let all = [
            message::<Announce>(bytes),
            message::<Deliver>(bytes),
            message::<Delivered>(bytes),
            message::<Merge>(bytes),
            message::<Merged>(bytes),
        ];
        outcome(&all.concat())
    });
}

#[cfg_attr(test, test)]
pub(super) fn partners() {
    let words =
        ["\"available\":", "\"causes\":", "\"origins\":", "\"farm\":", "\"advisories\":", "\n\n", "data:", "event:"];
    run("partners", &words, |bytes| {
        // in one piece, and byte by byte
        let whole = partner::Events::default().feed(bytes);
        let mut pieces = partner::Events::default();
        let pieces: Result<Vec<bool>, String> = bytes.iter().map(|byte| pieces.feed(&[*byte])).collect();
        assert_eq!(whole, pieces.map(|events| events.contains(&true)));
        match partner::read(bytes, |farm| farm == "0123", &Reasons::with([])) {
            Ok(statement) => outcome(&format!("{:?}", statement.claim)),
            Err(error) => {
                assert!(!error.is_empty());
                outcome(&error)
            }
        }
    });
}
