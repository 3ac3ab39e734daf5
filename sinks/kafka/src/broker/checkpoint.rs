//! The checkpoint: how much of which list the topic has.
//!
//! It is committed in the same transaction as the records, so it is there if and only if they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much of a list is in the topic, as the metadata of the offset says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The walk that read the list.
    pub(super) walk: String,
    /// When the walk began, in microseconds since 1970. Walks are ordered by this, because their
    /// numbers start again when the state is lost.
    pub(super) begun_at: i64,
    /// The form of the records, key and value: a list in another form is another delivery.
    pub(super) content: String,
    /// The rows in the topic, counted from the first row of the list.
    pub(super) rows: u64,
    /// The transactions that delivered them.
    pub(super) transactions: u32,
    /// Whether these are all rows of the list.
    pub(super) complete: bool,
}

/// What the topic has of a list before it is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// No row of it.
    Absent,
    /// Its first `rows` rows.
    Partial { rows: u64, transactions: u32 },
    /// All of its rows.
    Complete,
    /// The checkpoint does not say; the text says why.
    Unknown(String),
}

impl Checkpoint {
    /// Returns what the topic has of the list that `self` is about, according to `found`, the
    /// checkpoint in the group.
    ///
    /// `now` is in microseconds since 1970; the brokers keep a checkpoint for `retention`.
    pub(super) fn state_of_list(&self, found: Option<&Self>, now: i64, retention: Duration) -> DeliveryState {
        match found {
            Some(found) if found.walk == self.walk && found.content != self.content => DeliveryState::Unknown(format!(
                "it was delivered with other options (`{}`, and now `{}`)",
                found.content, self.content
            )),
            Some(found) if found.walk == self.walk && found.complete => DeliveryState::Complete,
            Some(found) if found.walk == self.walk => {
                DeliveryState::Partial { rows: found.rows, transactions: found.transactions }
            }
            // The group has one checkpoint, and a newer list has overwritten it.
            Some(found) if found.begun_at > self.begun_at => {
                DeliveryState::Unknown(format!("the newer walk `{}` was delivered since", found.walk))
            }
            None if i128::from(now.saturating_sub(self.begun_at)) > retention.as_micros() as i128 => {
                let hours = retention.as_secs() / 3_600;
                DeliveryState::Unknown(format!(
                    "it is older than {hours} hours, after which its checkpoint may be gone"
                ))
            }
            // This list's checkpoint would have overwritten that of an older list.
            Some(_) | None => DeliveryState::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Duration = Duration::from_secs(168 * 3_600);
    const HOUR: i64 = 3_600_000_000;

    fn checkpoint(walk: &str, begun_at: i64) -> Checkpoint {
        Checkpoint {
            walk: walk.to_owned(),
            begun_at,
            content: "k/v".to_owned(),
            rows: 7,
            transactions: 2,
            complete: true,
        }
    }

    fn is_unknown(state: &DeliveryState) -> bool {
        matches!(state, DeliveryState::Unknown(_))
    }

    #[test]
    fn the_checkpoint_of_a_list_says_how_much_of_it_is_there() {
        let list = checkpoint("000007", 100 * HOUR);
        let state = |found: Checkpoint| list.state_of_list(Some(&found), 1_000 * HOUR, RETENTION);
        assert_eq!(state(list.clone()), DeliveryState::Complete);
        assert_eq!(
            state(Checkpoint { complete: false, ..list.clone() }),
            DeliveryState::Partial { rows: 7, transactions: 2 }
        );
        assert!(is_unknown(&state(Checkpoint { content: "k/w".to_owned(), ..list.clone() })));
    }

    #[test]
    fn an_older_checkpoint_vouches_for_the_absence_of_a_list_and_a_newer_one_does_not() {
        let list = checkpoint("000007", 100 * HOUR);
        let late = 1_000 * HOUR;
        assert_eq!(list.state_of_list(Some(&checkpoint("000006", 99 * HOUR)), late, RETENTION), DeliveryState::Absent);
        // A state that was lost begins its numbers anew.
        assert_eq!(list.state_of_list(Some(&checkpoint("000123", 99 * HOUR)), late, RETENTION), DeliveryState::Absent);
        assert!(is_unknown(&list.state_of_list(Some(&checkpoint("000001", 101 * HOUR)), 101 * HOUR, RETENTION)));
    }

    #[test]
    fn without_a_checkpoint_a_list_is_absent_for_as_long_as_checkpoints_are_kept() {
        let list = checkpoint("000007", 100 * HOUR);
        for (age, expected) in [(0, false), (-5, false), (168, false), (169, true)] {
            let state = list.state_of_list(None, (100 + age) * HOUR, RETENTION);
            assert_eq!(is_unknown(&state), expected, "after {age} hours: {state:?}");
        }
    }
}
