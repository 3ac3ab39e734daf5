//! What proves that a follower list is complete: its rows can be compared with `total`, and its
//! rows, `duplicates` and `empty` add up to what its pages hold.
//!
//! Before it: `deliver` writes it into the snapshot, which the decision fixes. Behind it: a later
//! delivery of the decided list counts no duplicates if there were none; the next run forecasts its
//! calls and orders its units by `pages`.

use fanout_sink::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of a follower list in [`Snapshot::proof`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FollowerProof {
    /// Pages in the journal, overlapping ones included.
    pub(super) pages: u64,
    /// The `total` that WeChat stated last.
    pub(super) total: u64,
    /// Rows dropped because an earlier row had the same `OpenID`.
    pub(super) duplicates: u64,
    /// Empty strings in the place of an `OpenID`, which were dropped.
    pub(super) empty: u64,
}

impl FollowerProof {
    /// Reads the proof of a follower list; `None` if `snapshot` is one of another list.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        serde_json::from_value(Value::Object(snapshot.proof.clone())).ok()
    }

    /// Returns the proof as the fields of a snapshot.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        let Self { pages, total, duplicates, empty } = self;
        [("pages", pages), ("total", total), ("duplicates", duplicates), ("empty", empty)]
            .map(|(field, value)| (field.to_owned(), value.into()))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_back_by_the_names_of_the_type() {
        let proof = FollowerProof { pages: 1, total: 2, duplicates: 3, empty: 4 };
        let fields = proof.into_fields();
        assert_eq!(serde_json::to_value(proof).unwrap(), Value::Object(fields.clone()));
        assert_eq!(serde_json::from_value::<FollowerProof>(Value::Object(fields)).unwrap(), proof);
    }
}
