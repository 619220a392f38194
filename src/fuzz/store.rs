//! What may stand in the files of a store, whoever wrote it.

use super::{outcome, run};
use crate::store::{Tree, mark, marker::Marker, record, records};

/// The line of a marker, a mark, or a key of 44 bytes and its value.
#[cfg_attr(test, test)]
pub(super) fn store_() {
    let words = [
        "forewarn-store ",
        "begun=",
        "state=open",
        "mark=",
        "ledger=",
        "\x01{",
        "\x02",
        "\"entry\":",
        "member/",
        "null",
    ];
    run("store", &words, |bytes| {
        let mut came = String::new();
        if let Some(read) = Marker::parse(bytes) {
            assert_eq!(Marker::parse(read.line().as_bytes()), Some(read));
            came.push_str("marker");
        }
        match mark::decode(Some(bytes)) {
            Ok((_, Some(mark))) => assert_eq!(mark::decode(Some(&mark.encode())).unwrap().1, Some(mark)),
            Ok(_) => came.push_str("number"),
            Err(error) => came.push_str(&error.to_string()),
        }
        if let Ok((version, body)) = record::unwrap(bytes) {
            assert_eq!(record::wrap(version, body), bytes);
        }
        let (key, value) = bytes.split_at(bytes.len().min(44));
        for tree in Tree::ALL {
            came.push_str(if records::is_altered(tree, key, value) { "altered" } else { "-" });
        }
        outcome(&came)
    });
}
