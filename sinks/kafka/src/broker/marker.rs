//! The mark of what was delivered, which is committed together with it.
//!
//! It is an offset of a consumer group without members, on partition 0 of the topic, in the same transaction as the
//! records: it is there if and only if they are. The metadata of the offset says which list it is about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the metadata of the offset says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The walk that read the list.
    pub(super) walk: String,
    /// When the walk began, in microseconds since 1970; walks have this order, also when a state was lost.
    pub(super) begun_at: i64,
    /// What was made of each row: another key or value is another delivery.
    pub(super) content: String,
    /// How many rows, from the first one, are in the topic.
    pub(super) rows: u64,
    /// How many transactions that took.
    pub(super) transactions: u32,
    /// Whether these are all.
    pub(super) complete: bool,
}

/// What is known of a list before it is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing of it is in the topic.
    Absent,
    /// So many rows, from the first one.
    Begun { rows: u64, transactions: u32 },
    /// All of it.
    Delivered,
    /// Nobody can tell, and why.
    Doubtful(String),
}

impl Marker {
    /// Returns what `found`, the mark in the group, says about the list that `self` would be the mark of, at `now`
    /// (microseconds since 1970), if marks are kept for `retention`.
    pub(super) fn standing(&self, found: Option<&Self>, now: i64, retention: Duration) -> Standing {
        match found {
            Some(found) if found.walk == self.walk && found.content != self.content => Standing::Doubtful(format!(
                "it was delivered with other options (`{}`, and now `{}`)",
                found.content, self.content
            )),
            Some(found) if found.walk == self.walk && found.complete => Standing::Delivered,
            Some(found) if found.walk == self.walk => {
                Standing::Begun { rows: found.rows, transactions: found.transactions }
            }
            // There is one mark, and a newer list has taken it.
            Some(found) if found.begun_at > self.begun_at => {
                Standing::Doubtful(format!("the newer walk `{}` was delivered since", found.walk))
            }
            None if i128::from(now.saturating_sub(self.begun_at)) > retention.as_micros() as i128 => {
                let hours = retention.as_secs() / 3_600;
                Standing::Doubtful(format!("it is older than {hours} hours, after which its mark may be gone"))
            }
            // The mark of this list would have taken the place of an older one.
            Some(_) | None => Standing::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Duration = Duration::from_secs(168 * 3_600);
    const HOUR: i64 = 3_600_000_000;

    fn marker(walk: &str, begun_at: i64) -> Marker {
        Marker { walk: walk.to_owned(), begun_at, content: "k/v".to_owned(), rows: 7, transactions: 2, complete: true }
    }

    fn is_doubtful(standing: &Standing) -> bool {
        matches!(standing, Standing::Doubtful(_))
    }

    #[test]
    fn the_mark_of_a_list_says_how_much_of_it_is_there() {
        let list = marker("000007", 100 * HOUR);
        let standing = |found: Marker| list.standing(Some(&found), 1_000 * HOUR, RETENTION);
        assert_eq!(standing(list.clone()), Standing::Delivered);
        assert_eq!(standing(Marker { complete: false, ..list.clone() }), Standing::Begun { rows: 7, transactions: 2 });
        assert!(is_doubtful(&standing(Marker { content: "k/w".to_owned(), ..list.clone() })));
    }

    #[test]
    fn an_older_mark_vouches_for_the_absence_of_a_list_and_a_newer_one_does_not() {
        let list = marker("000007", 100 * HOUR);
        let late = 1_000 * HOUR;
        assert_eq!(list.standing(Some(&marker("000006", 99 * HOUR)), late, RETENTION), Standing::Absent);
        // A state that was lost begins its numbers anew.
        assert_eq!(list.standing(Some(&marker("000123", 99 * HOUR)), late, RETENTION), Standing::Absent);
        assert!(is_doubtful(&list.standing(Some(&marker("000001", 101 * HOUR)), 101 * HOUR, RETENTION)));
    }

    #[test]
    fn without_a_mark_a_list_is_absent_for_as_long_as_marks_are_kept() {
        let list = marker("000007", 100 * HOUR);
        for (age, expected) in [(0, false), (-5, false), (168, false), (169, true)] {
            let standing = list.standing(None, (100 + age) * HOUR, RETENTION);
            assert_eq!(is_doubtful(&standing), expected, "after {age} hours: {standing:?}");
        }
    }
}
