//! The checkpoint: how much of which list the topic has.
//!
//! It is committed in the same transaction as the records, so it is there if and only if they are.
//! All pipelines and sinks share one for each topic, account and list: it says what the topic has,
//! whichever of them has delivered it.

use fanout_sink::chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fanout_sink::{Found, SinkContext, WalkId};
use serde::{Deserialize, Serialize};

/// The format of [`Checkpoint`]. A checkpoint of another format is refused.
pub(super) const FORMAT_VERSION: u32 = 3;

/// How much of a list is in the topic, as the metadata of the offset says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// [`FORMAT_VERSION`].
    pub(super) format: u32,
    /// The owner of the list.
    #[serde(flatten)]
    pub(super) owner: Owner,
    /// The walk that read the list.
    pub(super) walk: WalkId,
    /// The logical date of the list.
    pub(super) date: NaiveDate,
    /// When the walk began. Walks are ordered by this, because their numbers start again when the
    /// state is lost.
    pub(super) begun_at: DateTime<Utc>,
    /// The form of the records, key and value: a list in another form is another delivery.
    pub(super) form: String,
    /// The rows in the topic, counted from the first row of the list.
    pub(super) rows: u64,
    /// The transactions that delivered them.
    pub(super) transactions: u32,
    /// Whether these are all rows of the list.
    pub(super) complete: bool,
    /// The digest of a list whose rows are all there.
    pub(super) digest: Option<String>,
}

/// The owner of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pipeline: String,
    sink: String,
    app_id: String,
    list: String,
}

impl Owner {
    pub(super) fn of(context: &SinkContext) -> Self {
        let SinkContext { pipeline, sink, app_id, list, .. } = context.clone();
        Self { pipeline, sink, app_id, list }
    }

    /// Returns whether both are about one list of one account. The group's name has both, too, but
    /// is ambiguous if one has a dot.
    pub(super) fn shares_the_list_of(&self, other: &Self) -> bool {
        (&self.app_id, &self.list) == (&other.app_id, &other.list)
    }
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
    /// Another list of its date, or of a later one, instead of it; the text says which.
    Another(String),
    /// The checkpoint does not say; the text says why.
    Unknown(String),
}

impl Checkpoint {
    /// Returns the checkpoint of the list of `context` before any row of it is delivered, in
    /// records of the form `form`.
    pub(super) fn start(context: &SinkContext, form: String) -> Self {
        Self {
            format: FORMAT_VERSION,
            owner: Owner::of(context),
            walk: context.walk,
            date: context.date,
            begun_at: context.begun_at.unwrap_or(context.walk.begun_at()),
            form,
            rows: 0,
            transactions: 0,
            complete: false,
            digest: None,
        }
    }

    /// Returns whether both are about one walk of one owner.
    fn is_of_the_walk_of(&self, other: &Self) -> bool {
        self.owner == other.owner && self.walk == other.walk
    }

    /// Names the list, for an error.
    fn name(&self) -> String {
        let Self { walk, date, owner: Owner { pipeline, sink, .. }, .. } = self;
        format!("a list of {date} (walk `{walk}` of the pipeline `{pipeline}`, sink `{sink}`)")
    }

    /// Returns what the topic has of the list that `self` is about, according to `found`, the
    /// checkpoint in the group.
    ///
    /// `age` is the time since the walk began; `None` if the sink is not told, as for the made-up
    /// lists of the conformance suite. The brokers keep a checkpoint for `retention`.
    pub(super) fn state_of_list(
        &self,
        found: Option<&Self>,
        age: Option<TimeDelta>,
        retention: TimeDelta,
    ) -> DeliveryState {
        match found {
            Some(found) if found.is_of_the_walk_of(self) => found.state(&self.form),
            // The group has one checkpoint, that of the last list.
            Some(found) if found.date == self.date => DeliveryState::Another(format!("has {} already", found.name())),
            Some(found) if found.date > self.date => DeliveryState::Another(format!(
                "has {} already, and it is not known whether it has one of {}",
                found.name(),
                self.date
            )),
            Some(found) if found.begun_at > self.begun_at => {
                DeliveryState::Unknown(format!("the newer walk `{}` was delivered since", found.walk))
            }
            None if age.is_some_and(|age| age > retention) => {
                let hours = retention.num_hours();
                DeliveryState::Unknown(format!(
                    "it is older than {hours} hours, after which its checkpoint may be gone"
                ))
            }
            // This list's checkpoint would have overwritten that of an older list.
            Some(_) | None => DeliveryState::Absent,
        }
    }

    /// Returns what the topic has of this checkpoint's own list, if its records are to have `form`.
    fn state(&self, form: &str) -> DeliveryState {
        if self.form != form {
            let why = format!("it was delivered with other options (`{}`, and now `{form}`)", self.form);
            return DeliveryState::Unknown(why);
        }
        if self.complete {
            return DeliveryState::Complete;
        }
        DeliveryState::Partial { rows: self.rows, transactions: self.transactions }
    }

    /// Returns what `found`, the checkpoint in the group, says about `self`'s committed list. Never
    /// returns `Gone`, because records stay in a topic when the checkpoint is lost.
    pub(super) fn find(&self, found: Option<&Self>) -> Found {
        match found {
            Some(found) if found.is_of_the_walk_of(self) => {
                if found.form == self.form && found.complete {
                    Found::Held
                } else {
                    Found::Unknown
                }
            }
            Some(found) if found.owner == self.owner && found.begun_at > self.begun_at => Found::Replaced,
            Some(_) | None => Found::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fanout_sink::arrow::datatypes::Schema;

    use super::*;

    const RETENTION: TimeDelta = TimeDelta::hours(168);
    const AGE: TimeDelta = TimeDelta::hours(900);

    fn hour(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn checkpoint(number: u64, begun_at: DateTime<Utc>) -> Checkpoint {
        checkpoint_of("stream", number, begun_at)
    }

    fn checkpoint_of(sink: &str, number: u64, begun_at: DateTime<Utc>) -> Checkpoint {
        let context = SinkContext::new("brand", "wx1", Arc::new(Schema::empty()))
            .with_names("followers", sink)
            .with_walk(WalkId::new(number, begun_at), begun_at.date_naive())
            .with_facts(begun_at, None);
        let start = Checkpoint::start(&context, "k/v".to_owned());
        Checkpoint { rows: 7, transactions: 2, complete: true, ..start }
    }

    fn is_another(state: &DeliveryState) -> bool {
        matches!(state, DeliveryState::Another(_))
    }

    fn is_unknown(state: &DeliveryState) -> bool {
        matches!(state, DeliveryState::Unknown(_))
    }

    #[test]
    fn the_checkpoint_of_a_list_says_how_much_of_it_is_there() {
        let list = checkpoint(7, hour(100));
        let state = |found: Checkpoint| list.state_of_list(Some(&found), Some(AGE), RETENTION);
        assert_eq!(state(list.clone()), DeliveryState::Complete);
        let partial = Checkpoint { complete: false, ..list.clone() };
        assert_eq!(state(partial), DeliveryState::Partial { rows: 7, transactions: 2 });
        assert!(is_unknown(&state(Checkpoint { form: "k/w".to_owned(), ..list.clone() })));
    }

    #[test]
    fn an_older_checkpoint_vouches_for_the_absence_of_a_list_and_a_newer_one_does_not() {
        let list = checkpoint(7, hour(100));
        let state = |found: &Checkpoint| list.state_of_list(Some(found), Some(AGE), RETENTION);
        assert_eq!(state(&checkpoint(6, hour(70))), DeliveryState::Absent);
        // The numbers start again when a state is lost.
        assert_eq!(state(&checkpoint(123, hour(70))), DeliveryState::Absent);
        // A walk that began later, under an earlier date.
        let earlier_date = Checkpoint { date: hour(70).date_naive(), ..checkpoint(1, hour(101)) };
        assert!(is_unknown(&state(&earlier_date)));
    }

    #[test]
    fn another_list_of_the_same_or_a_later_date_is_never_passed_over() {
        let list = checkpoint(7, hour(100));
        let partial = Checkpoint { complete: false, ..checkpoint(1, hour(99)) };
        for (found, date) in [
            (checkpoint(6, hour(99)), "1970-01-05"),
            (checkpoint(8, hour(101)), "1970-01-05"),
            (partial, "1970-01-05"),
            (checkpoint_of("other", 6, hour(99)), "1970-01-05"),
            // Another pipeline's walk may have the same name.
            (checkpoint_of("other", 7, hour(100)), "1970-01-05"),
            (checkpoint(6, hour(124)), "1970-01-06"),
            (Checkpoint { date: hour(124).date_naive(), ..checkpoint(6, hour(99)) }, "1970-01-06"),
        ] {
            let state = list.state_of_list(Some(&found), Some(AGE), RETENTION);
            assert!(is_another(&state), "{found:?}: {state:?}");
            let expected = format!(
                "has a list of {date} (walk `{}` of the pipeline `followers`, sink `{}`) already",
                found.walk, found.owner.sink
            );
            assert!(matches!(&state, DeliveryState::Another(what) if what.starts_with(&expected)), "{state:?}");
        }
    }

    #[test]
    fn without_a_checkpoint_a_list_is_absent_for_as_long_as_checkpoints_are_kept() {
        let list = checkpoint(7, hour(100));
        for (hours, expected) in
            [(Some(0), false), (Some(-5), false), (Some(168), false), (Some(169), true), (None, false)]
        {
            let state = list.state_of_list(None, hours.map(TimeDelta::hours), RETENTION);
            assert_eq!(is_unknown(&state), expected, "after {hours:?} hours: {state:?}");
        }
    }

    #[test]
    fn a_committed_list_is_held_or_replaced_and_never_gone() {
        let list = checkpoint(7, hour(100));
        assert_eq!(list.find(Some(&list)), Found::Held);
        assert_eq!(list.find(Some(&checkpoint(1, hour(101)))), Found::Replaced);
        let partial = Checkpoint { complete: false, ..list.clone() };
        let other_form = Checkpoint { form: "k/w".to_owned(), ..list.clone() };
        let other_owner = checkpoint_of("other", 1, hour(101));
        let unknown = [Some(&partial), Some(&other_form), Some(&checkpoint(123, hour(99))), Some(&other_owner), None];
        for found in unknown {
            assert_eq!(list.find(found), Found::Unknown, "{found:?}");
        }
    }

    #[test]
    fn a_checkpoint_is_read_back_with_its_owner_and_its_format() {
        let list = checkpoint(7, hour(100));
        let text = serde_json::to_string(&list).unwrap();
        assert!(
            text.contains(r#""format":3,"pipeline":"followers","sink":"stream","app_id":"wx1","list":"followers""#)
        );
        assert_eq!(serde_json::from_str::<Checkpoint>(&text).unwrap(), list);
    }
}
