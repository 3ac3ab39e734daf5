//! Chooses the walk of a unit: resume the open one, deliver a decided one, or begin anew. Owed
//! walks are not chosen here: the unit delivers them in addition.
//!
//! Before it: the options of the run and the walks in the state. Behind it: the
//! [unit](super::unit), which runs the choice.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;

use super::run_options::RunOptions;
use crate::journal::{Journal, JournalError, ListState, WalkFolder};
use crate::wechat::date_in_beijing;

/// The walk that a unit runs.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// A new walk for this logical date.
    Begin(NaiveDate),
    /// A walk of the state: an open one, or a decided one of the date. If every sink has published
    /// the decided one, the unit does nothing and reports that.
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

    /// Returns the walk's name; `None` for a walk that has not begun.
    pub(super) fn walk(&self) -> Option<WalkId> {
        match self {
            Self::Begin(_) => None,
            Self::Finish(walk) => Some(walk.header().walk),
        }
    }
}

/// Chooses the walk.
///
/// Under `--fresh` a new walk begins. Otherwise the newest walk counts; with a date, the newest
/// walk of that date.
///
/// - It is undecided: it is finished under its own date, if it began at most `resume_within` ago or
///   has an accepted end. Otherwise a new walk begins.
/// - It is decided, for the date (without one: for today): it is chosen, and delivered to the sinks
///   that lack it. If no sink lacks it, no new walk begins either.
/// - It is decided for another date, or there is none: a new walk begins.
pub(super) fn choose(
    state: &ListState,
    options: &RunOptions,
    resume_within: Duration,
    now: DateTime<Utc>,
) -> Result<Choice, JournalError> {
    let date = options.date.unwrap_or_else(|| date_in_beijing(now));
    if options.fresh {
        return Ok(Choice::Begin(date));
    }
    let mut walks = state.walks()?;
    if options.date.is_some() {
        walks.retain(|walk| walk.header().date == date);
    }
    let Some(newest) = walks.pop() else { return Ok(Choice::Begin(date)) };
    let header = newest.header();
    let finish = if newest.decision().is_some() {
        header.date == date
    } else {
        // A walk whose end was accepted needs no more calls: its age does not matter.
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
        tracing::warn!(walk = header.walk.to_string(), "the open walk is too old to resume; a new one begins");
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

    fn state(folder: &TempDir) -> ListState {
        let identity = Identity {
            format: FORMAT,
            app_id: "wx1".to_owned(),
            host: "official".to_owned(),
            list: "followers".to_owned(),
            options: serde_json::Map::new(),
        };
        ListState::open(folder.path(), identity, "test").unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn decide(mut journal: Journal) {
        journal.append_end(End { total: 0, fetched_at: DateTime::UNIX_EPOCH }).unwrap();
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

    fn chosen(state: &ListState, options: &RunOptions, now: &str) -> String {
        describe(&choose(state, options, RESUME, at(now)).unwrap())
    }

    #[test]
    fn an_open_walk_is_finished_under_its_own_date_until_it_is_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        let now = at("2026-11-20T10:00:00Z");
        state.begin(day("2026-11-20"), now).unwrap();
        let any = RunOptions::default();
        assert_eq!(chosen(&state, &any, "2026-11-22T09:59:59Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-22T10:00:01Z"), "begin 2026-11-22");
        assert_eq!(chosen(&state, &any, "2026-11-19T00:00:00Z"), "finish 000001", "the clock went back");
        let fresh = RunOptions { fresh: true, ..any };
        assert_eq!(chosen(&state, &fresh, "2026-11-20T10:00:00Z"), "begin 2026-11-20");
    }

    #[test]
    fn a_list_that_was_read_to_its_end_never_gets_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        let mut journal = state.begin(day("2026-11-01"), at("2026-11-01T10:00:00Z")).unwrap();
        journal.append_end(End { total: 0, fetched_at: DateTime::UNIX_EPOCH }).unwrap();
        assert_eq!(chosen(&state, &RunOptions::default(), "2026-11-22T10:00:00Z"), "finish 000001");
    }

    #[test]
    fn a_decided_walk_is_the_one_of_its_day_only() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(state.begin(day("2026-11-20"), at("2026-11-20T10:00:00Z")).unwrap());
        let any = RunOptions::default();
        assert_eq!(chosen(&state, &any, "2026-11-20T12:00:00Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-21T12:00:00Z"), "begin 2026-11-21");
    }

    #[test]
    fn a_date_selects_among_the_walks_and_labels_a_new_one() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(state.begin(day("2026-11-20"), at("2026-11-20T10:00:00Z")).unwrap());
        state.begin(day("2026-11-21"), at("2026-11-21T10:00:00Z")).unwrap();
        let on = |date: &str| RunOptions { date: Some(date.parse().unwrap()), ..RunOptions::default() };
        let now = "2026-11-21T12:00:00Z";
        assert_eq!(chosen(&state, &on("2026-11-20"), now), "finish 000001");
        assert_eq!(chosen(&state, &on("2026-11-21"), now), "finish 000002");
        assert_eq!(chosen(&state, &on("2026-01-01"), now), "begin 2026-01-01");
    }
}
