//! Chooses the walks of a unit: the owed ones, the open one of an earlier day, and the walk of the
//! date itself, which is resumed, delivered or begun.
//!
//! Before it: the options of the run and the walks in the state. Behind it: the
//! [unit](super::unit), which runs each choice and reports on each.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use fanout_sink::WalkId;

use super::run_options::RunOptions;
use crate::error::Error;
use crate::journal::{JournalError, WalkFolder, Walks};
use crate::wechat::date_in_beijing;

/// A walk that a unit runs: one row of the report.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// A new walk.
    Begin(Begin),
    /// A new walk of changes that tells who follows, to sinks that were added. Its date is that of
    /// the changes at whose end these sinks begin.
    Baseline(NaiveDate),
    /// An owed walk: it is delivered to the sinks that have no commit record of it, and to no
    /// one-shot sink.
    Deliver(Box<WalkFolder>),
    /// An open walk, or the decided one of the date. If every sink holds the decided one, nothing
    /// is done, and the row says so.
    Finish(Box<WalkFolder>),
}

/// How a new walk begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// `--date`: its logical date. `None` for the day on which its first reply arrives.
    pub(super) label: Option<NaiveDate>,
    /// The day on which the run was planned.
    pub(super) today: NaiveDate,
    /// Whether the open walk of an earlier day comes first. The new walk then begins only if the
    /// calls that are left probably suffice for it.
    pub(super) is_second: bool,
}

impl Begin {
    /// Returns the logical date, if the first reply arrives at `now`.
    pub(super) fn date(self, now: DateTime<Utc>) -> NaiveDate {
        self.label.unwrap_or_else(|| date_in_beijing(now))
    }

    /// Returns the logical date of a walk whose first reply has arrived at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::PastDate`] if the run has waited past midnight since the walk was planned.
    pub(super) fn date_of_first(self, now: DateTime<Utc>) -> Result<NaiveDate, Error> {
        let (date, today) = (self.date(now), date_in_beijing(now));
        if date < today - Days::new(1) { Err(Error::PastDate { date, today }) } else { Ok(date) }
    }
}

impl Choice {
    /// Returns the logical date of the walk; of a new one, the date that it is expected to have.
    pub(super) fn date(&self) -> NaiveDate {
        match self {
            Self::Begin(begin) => begin.label.unwrap_or(begin.today),
            Self::Baseline(date) => *date,
            Self::Deliver(walk) | Self::Finish(walk) => walk.header().date,
        }
    }

    /// Returns the walk's name; `None` for a walk that has not begun.
    pub(super) fn walk(&self) -> Option<WalkId> {
        match self {
            Self::Begin(_) | Self::Baseline(_) => None,
            Self::Deliver(walk) | Self::Finish(walk) => Some(walk.header().walk),
        }
    }
}

/// Chooses the walks, in the order in which they run; the last one is that of the date.
///
/// Under `--fresh` a new walk begins, and nothing else is done. Otherwise:
///
/// 1. The owed walks, whatever their date: those of `owed` that are not chosen otherwise.
/// 2. Without `--date`: the open walk of an earlier day, under its own date
///    ([`Walks::open`]).
/// 3. The newest walk of the date, of `--date`, else of today, that is decided or can be resumed.
///    If there is none, or a list of other options has replaced it, a new walk begins.
///
/// # Errors
///
/// [`Error::PastDate`] if a walk would have to begin for a day before yesterday.
pub(super) fn choose(
    walks: &Walks,
    owed: Vec<WalkFolder>,
    options: &RunOptions,
    resume_within: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<Choice>, Error> {
    let (today, date) = (date_in_beijing(now), options.date_or_today(now));
    if options.fresh {
        return Ok(vec![begin(options.date, today, false)?]);
    }
    let finish = |walk| Choice::Finish(Box::new(walk));
    let mut open = None;
    if options.date.is_none() {
        let (resumable, too_old) = walks.open(resume_within, now)?;
        open = resumable.into_iter().find(|walk| walk.header().date != today);
        for walk in too_old.iter().filter(|walk| walk.header().date != today) {
            let (date, walk) = (walk.header().date.to_string(), walk.header().walk.to_string());
            tracing::warn!(date, walk, "an open walk is too old to resume; the list of its date is not published");
        }
    }
    let of_date = match newest_of(walks, date, resume_within, now)? {
        Some(walk) => finish(walk),
        None => begin(options.date, today, open.is_some())?,
    };
    let mut choices: Vec<Choice> = owed.into_iter().map(|walk| Choice::Deliver(Box::new(walk))).collect();
    choices.retain(|owed| owed.walk() != of_date.walk());
    choices.extend(open.map(finish));
    choices.push(of_date);
    Ok(choices)
}

/// Returns the newest walk of `date` that is decided or can be resumed. A decided one that a list
/// of other options has [replaced](Walks::decided_of) does not count.
fn newest_of(
    walks: &Walks,
    date: NaiveDate,
    resume_within: Duration,
    now: DateTime<Utc>,
) -> Result<Option<WalkFolder>, JournalError> {
    for walk in walks.iter().rev().filter(|walk| walk.header().date == date) {
        if walk.decision().is_some() {
            return Ok(walks.decided_of(date).cloned());
        }
        if walk.is_resumable(resume_within, now)? {
            return Ok(Some(walk.clone()));
        }
        tracing::warn!(walk = walk.header().walk.to_string(), "the open walk is too old to resume, or was given up");
    }
    Ok(None)
}

/// Chooses a new walk; `label` is the date of `--date`.
///
/// # Errors
///
/// [`Error::PastDate`] for a day before yesterday: WeChat tells only today's list.
pub(super) fn begin(label: Option<NaiveDate>, today: NaiveDate, is_second: bool) -> Result<Choice, Error> {
    match label {
        Some(date) if date < today - Days::new(1) => Err(Error::PastDate { date, today }),
        _ => Ok(Choice::Begin(Begin { label, today, is_second })),
    }
}

#[cfg(test)]
mod tests {
    use fanout_sink::Snapshot;
    use tempfile::TempDir;

    use super::*;
    use crate::journal::{Decision, End, FORMAT, Identity, Journal, ListState};
    use crate::wechat::{Cursor, Page, PageReply, summarize};

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

    /// Begins a walk with a first page that arrives at ten in the morning (UTC) of its date.
    fn begin(state: &ListState, date: &str) -> Journal {
        begin_at(state, date, &format!("{date}T10:00:00Z"))
    }

    fn begin_at(state: &ListState, date: &str, now: &str) -> Journal {
        let body = r#"{"total":1,"count":1,"data":{"openid":["o1"]},"next_openid":"o1"}"#;
        let PageReply::Page(summary) = summarize(body.as_bytes()).unwrap() else { unreachable!() };
        let page = Page { cursor: Cursor::START, body: body.into(), summary, fetched_at: at(now) };
        state.begin(day(date), &page).unwrap()
    }

    fn end(journal: &mut Journal) {
        journal.append_end(End { total: 1, fetched_at: DateTime::UNIX_EPOCH }).unwrap();
    }

    fn decide(mut journal: Journal) -> WalkFolder {
        end(&mut journal);
        let snapshot = Snapshot {
            walk: journal.walk(),
            date: journal.folder().header().date,
            begun_at: journal.folder().header().begun_at,
            rows: 1,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: String::new(),
            proof: serde_json::Map::new(),
        };
        journal.decided(
            journal
                .folder()
                .record_decision(Decision { snapshot, pipeline: "p".to_owned(), sinks: Vec::new() })
                .unwrap(),
        );
        journal.folder().clone()
    }

    fn describe(choice: &Choice) -> String {
        match choice {
            Choice::Begin(Begin { label: None, today, is_second: false }) => format!("begin {today}"),
            Choice::Begin(Begin { label: None, today, .. }) => format!("begin {today} if the calls suffice"),
            Choice::Begin(Begin { label: Some(date), .. }) => format!("begin {date} by its label"),
            Choice::Baseline(date) => format!("tell everybody of {date}"),
            Choice::Deliver(walk) => format!("deliver {:06}", walk.header().walk.number()),
            Choice::Finish(walk) => format!("finish {:06}", walk.header().walk.number()),
        }
    }

    fn chosen_with(state: &ListState, owed: Vec<WalkFolder>, options: &RunOptions, now: &str) -> String {
        match choose(&state.walks().unwrap(), owed, options, RESUME, at(now)) {
            Ok(choices) => choices.iter().map(describe).collect::<Vec<_>>().join(", "),
            Err(error) => error.to_string(),
        }
    }

    fn chosen(state: &ListState, options: &RunOptions, now: &str) -> String {
        chosen_with(state, Vec::new(), options, now)
    }

    fn on(date: &str) -> RunOptions {
        RunOptions::default().with_date(day(date))
    }

    #[test]
    fn an_open_walk_is_finished_under_its_own_date_until_it_is_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        begin(&state, "2026-11-20");
        let any = RunOptions::default();
        let both = "finish 000001, begin 2026-11-22 if the calls suffice";
        assert_eq!(chosen(&state, &any, "2026-11-20T15:59:59Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-22T09:59:59Z"), both);
        assert_eq!(chosen(&state, &any, "2026-11-22T10:00:01Z"), "begin 2026-11-22");
        let clock_went_back = "finish 000001, begin 2026-11-19 if the calls suffice";
        assert_eq!(chosen(&state, &any, "2026-11-19T00:00:00Z"), clock_went_back);
        assert_eq!(chosen(&state, &any.with_fresh(), "2026-11-20T10:00:00Z"), "begin 2026-11-20");
    }

    #[test]
    fn a_list_that_was_read_to_its_end_never_gets_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        end(&mut begin(&state, "2026-11-01"));
        let both = "finish 000001, begin 2026-11-22 if the calls suffice";
        assert_eq!(chosen(&state, &RunOptions::default(), "2026-11-22T10:00:00Z"), both);
    }

    #[test]
    fn a_decided_walk_is_the_one_of_its_day_only() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(begin(&state, "2026-11-20"));
        let any = RunOptions::default();
        assert_eq!(chosen(&state, &any, "2026-11-20T12:00:00Z"), "finish 000001");
        assert_eq!(chosen(&state, &any, "2026-11-21T12:00:00Z"), "begin 2026-11-21");
    }

    #[test]
    fn an_open_walk_does_not_hide_the_decided_one_of_today_nor_the_other_way_round() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(begin(&state, "2026-11-21"));
        // A night job's label: it is begun after today's list.
        begin_at(&state, "2026-11-20", "2026-11-21T11:00:00Z");
        let any = RunOptions::default();
        assert_eq!(chosen(&state, &any, "2026-11-21T12:00:00Z"), "finish 000002, finish 000001");
        begin(&state, "2026-11-22");
        decide(begin_at(&state, "2026-11-20", "2026-11-22T11:00:00Z"));
        assert_eq!(chosen(&state, &any, "2026-11-22T12:00:00Z"), "finish 000003");
    }

    #[test]
    fn an_open_walk_of_today_does_not_hide_that_of_an_earlier_day() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        begin(&state, "2026-11-20");
        begin(&state, "2026-11-21");
        let any = RunOptions::default();
        assert_eq!(chosen(&state, &any, "2026-11-21T12:00:00Z"), "finish 000001, finish 000002");
    }

    #[test]
    fn a_list_that_is_decided_counts_beside_a_fresh_walk_that_is_too_old() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(begin(&state, "2026-11-20"));
        begin_at(&state, "2026-11-20", "2026-11-20T11:00:00Z");
        assert_eq!(chosen(&state, &on("2026-11-20"), "2026-11-20T12:00:00Z"), "finish 000002");
        assert_eq!(chosen(&state, &on("2026-11-20"), "2026-11-24T12:00:00Z"), "finish 000001");
    }

    #[test]
    fn owed_walks_come_first_and_none_is_there_twice() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        let owed = [decide(begin(&state, "2026-11-19")), decide(begin(&state, "2026-11-21"))];
        begin(&state, "2026-11-20");
        let chosen = |options: &RunOptions| chosen_with(&state, owed.to_vec(), options, "2026-11-21T12:00:00Z");
        assert_eq!(chosen(&RunOptions::default()), "deliver 000001, finish 000003, finish 000002");
        assert_eq!(chosen(&on("2026-11-20")), "deliver 000001, deliver 000002, finish 000003");
        assert_eq!(chosen(&RunOptions::default().with_fresh()), "begin 2026-11-21");
    }

    #[test]
    fn a_date_selects_among_the_walks_and_begins_one_for_today_or_yesterday_only() {
        let folder = TempDir::new().unwrap();
        let state = state(&folder);
        decide(begin(&state, "2026-11-18"));
        begin(&state, "2026-11-19");
        decide(begin(&state, "2026-11-20"));
        begin(&state, "2026-11-21");
        let now = "2026-11-21T12:00:00Z";
        assert_eq!(chosen(&state, &on("2026-11-18"), now), "finish 000001");
        assert_eq!(chosen(&state, &on("2026-11-20"), now), "finish 000003");
        assert_eq!(chosen(&state, &on("2026-11-21"), now), "finish 000004");
        let refused = |date: &str, today: &str| {
            format!(
                "no walk of {date} can be finished, and none can begin: in Beijing it is {today}, and WeChat tells only \
                 today's list"
            )
        };
        let too_old = "2026-11-19";
        assert_eq!(chosen(&state, &on(too_old), now), refused(too_old, "2026-11-21"), "the open walk is too old");
        assert_eq!(chosen(&state, &on("2026-11-18").with_fresh(), now), refused("2026-11-18", "2026-11-21"));
        for (now, today, yesterday, before) in [
            ("2026-11-24T15:59:59Z", "2026-11-24", "2026-11-23", "2026-11-22"),
            ("2026-11-24T16:00:00Z", "2026-11-25", "2026-11-24", "2026-11-23"),
        ] {
            for date in [today, yesterday] {
                assert_eq!(chosen(&state, &on(date), now), format!("begin {date} by its label"));
            }
            assert_eq!(chosen(&state, &on(before), now), refused(before, today));
        }
    }
}
