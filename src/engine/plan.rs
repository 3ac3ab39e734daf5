//! Which walk a run is about.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::journal::{AccountState, Journal, JournalError, WalkFolder};
use crate::source::date_in_beijing;

/// What the command line says about the walk.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selection {
    /// `--date`: the logical date of the snapshot.
    pub date: Option<NaiveDate>,
    /// `--fresh`: a new walk, whatever there is.
    pub fresh: bool,
    /// `--again`: to a sink that cannot tell whether it has a list, it is delivered.
    pub again: bool,
    /// `--fail-fast`: the first account that fails stops the others.
    pub fail_fast: bool,
}

impl Selection {
    /// Selects by the logical date.
    #[must_use]
    pub fn with_date(self, date: NaiveDate) -> Self {
        Self { date: Some(date), ..self }
    }

    /// Asks for a new walk, whatever there is.
    #[must_use]
    pub fn with_fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Delivers a list to a sink that cannot tell whether it has it.
    #[must_use]
    pub fn with_again(self) -> Self {
        Self { again: true, ..self }
    }

    /// Stops all accounts when one has failed.
    #[must_use]
    pub fn with_fail_fast(self) -> Self {
        Self { fail_fast: true, ..self }
    }

    /// Says how to go on with a run of this selection that was interrupted. A new walk is only begun once.
    pub fn how_to_go_on(&self) -> &'static str {
        if self.fresh {
            "run the same command again, without `--fresh`, to go on"
        } else {
            "run the same command again to go on"
        }
    }
}

/// The walk that a run is about.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// A new one, for this logical date.
    Begin(NaiveDate),
    /// One that is there: to be continued, or to be published.
    Finish(Box<WalkFolder>),
}

impl Choice {
    /// Returns the logical date of the walk.
    pub(super) fn date(&self) -> NaiveDate {
        match self {
            Self::Begin(date) => *date,
            Self::Finish(walk) => walk.header().date,
        }
    }
}

/// Chooses the walk.
///
/// Without a date the newest walk counts: if it is open (and not too old) it is finished under its own date, and if it
/// is today's it is published to whoever lacks it. With a date the newest walk of that date counts.
pub(super) fn choose(
    state: &AccountState,
    selection: &Selection,
    resume_within: Duration,
    now: DateTime<Utc>,
) -> Result<Choice, JournalError> {
    let date = selection.date.unwrap_or_else(|| date_in_beijing(now));
    if selection.fresh {
        return Ok(Choice::Begin(date));
    }
    let mut walks = state.walks()?;
    if selection.date.is_some() {
        walks.retain(|walk| walk.header().date == date);
    }
    let Some(newest) = walks.pop() else { return Ok(Choice::Begin(date)) };
    let header = newest.header();
    let finish = if newest.decision().is_some() {
        header.date == date
    } else {
        // A walk whose end was accepted needs no call any more: its age does not matter.
        let age = (now - header.begun_at).to_std().unwrap_or_default();
        age <= resume_within || Journal::open(newest.clone())?.end().is_some()
    };
    if finish {
        if header.date != date {
            tracing::info!(
                date = header.date.to_string(),
                "finishing the walk of an earlier day; run again for today's list"
            );
        }
        return Ok(Choice::Finish(Box::new(newest)));
    }
    if newest.decision().is_none() {
        tracing::warn!(walk = header.walk.to_string(), "the open walk is too old to go on with; a new one is begun");
    }
    Ok(Choice::Begin(date))
}

#[cfg(test)]
mod tests {
    use fanout_sink::Snapshot;
    use tempfile::TempDir;

    use super::*;
    use crate::journal::{Decision, End, FORMAT, Identity};

    const RESUME: Duration = Duration::from_hours(48);

    fn state(folder: &TempDir) -> AccountState {
        let identity = Identity {
            format: FORMAT,
            app_id: "wx1".to_owned(),
            host: "official".to_owned(),
            list: "followers".to_owned(),
        };
        AccountState::open(folder.path(), identity, "test").unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn decide(mut journal: Journal) {
        journal.append_end(End { total: 0, fetched_at: 0 }).unwrap();
        let snapshot = Snapshot {
            walk: journal.walk(),
            date: journal.folder().header().date,
            begun_at: journal.folder().header().begun_at,
            rows: 0,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: String::new(),
            proof: serde_json::Map::new(),
        };
        journal.decide(Decision { snapshot, pipeline: "p".to_owned(), sinks: Vec::new() }).unwrap();
    }

    fn describe(choice: &Choice) -> String {
        match choice {
            Choice::Begin(date) => format!("begin {date}"),
            Choice::Finish(walk) => format!("finish {:06}", walk.header().walk.number()),
        }
    }

    fn chosen(state: &AccountState, selection: &Selection, now: &str) -> String {
        describe(&choose(state, selection, RESUME, at(now)).unwrap())
    }

    #[test]
    fn an_open_walk_is_finished_under_its_own_date_until_it_is_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        let now = at("2026-11-20T10:00:00Z");
        state.begin(day("2026-11-20"), now).unwrap();
        let any = Selection::default();
        assert_eq!(chosen(&state, &any, "2026-11-22T09:59:59Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-22T10:00:01Z"), "begin 2026-11-22");
        assert_eq!(chosen(&state, &any, "2026-11-19T00:00:00Z"), "finish 000001", "the clock went back");
        let fresh = Selection { fresh: true, ..any };
        assert_eq!(chosen(&state, &fresh, "2026-11-20T10:00:00Z"), "begin 2026-11-20");
    }

    #[test]
    fn a_list_that_was_read_to_its_end_never_gets_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        let mut journal = state.begin(day("2026-11-01"), at("2026-11-01T10:00:00Z")).unwrap();
        journal.append_end(End { total: 0, fetched_at: 0 }).unwrap();
        assert_eq!(chosen(&state, &Selection::default(), "2026-11-22T10:00:00Z"), "finish 000001");
    }

    #[test]
    fn a_decided_walk_is_the_one_of_its_day_only() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(state.begin(day("2026-11-20"), at("2026-11-20T10:00:00Z")).unwrap());
        let any = Selection::default();
        assert_eq!(chosen(&state, &any, "2026-11-20T12:00:00Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-21T12:00:00Z"), "begin 2026-11-21");
    }

    #[test]
    fn a_date_selects_among_the_walks_and_labels_a_new_one() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(state.begin(day("2026-11-20"), at("2026-11-20T10:00:00Z")).unwrap());
        state.begin(day("2026-11-21"), at("2026-11-21T10:00:00Z")).unwrap();
        let on = |date: &str| Selection { date: Some(date.parse().unwrap()), ..Selection::default() };
        let now = "2026-11-21T12:00:00Z";
        assert_eq!(chosen(&state, &on("2026-11-20"), now), "finish 000001");
        assert_eq!(chosen(&state, &on("2026-11-21"), now), "finish 000002");
        assert_eq!(chosen(&state, &on("2026-01-01"), now), "begin 2026-01-01");
    }
}
