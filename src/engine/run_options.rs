//! What the command line says about a run.
//!
//! Before it: `cli` makes [`RunOptions`]. Behind it: `plan` chooses the walk by `date` and `fresh`,
//! a sink is opened with `again`, and `run_context` stops the units by `fail_fast`.

use chrono::{DateTime, NaiveDate, Utc};

use crate::wechat::date_in_beijing;

/// What the command line says about a run.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[non_exhaustive]
pub struct RunOptions {
    /// `--date`: the logical date of the snapshot; `None` for today in Beijing. In a replay: the
    /// date whose list is delivered; `None` for every date.
    pub date: Option<NaiveDate>,
    /// `--fresh`: begin a new walk, even if there is one to finish, and deliver no owed walk.
    pub fresh: bool,
    /// `--again`: deliver a list to a sink that cannot tell whether it has it, because its mark is
    /// lost or too old (Kafka's checkpoint). Without it such a sink fails; with it the list may be
    /// there twice.
    pub again: bool,
    /// `--accept-change`: let the changes of this run pass, however many they are, and a list of
    /// tags that has none any more.
    pub accept_change: bool,
    /// `--fail-fast`: the first account that fails stops the others.
    pub fail_fast: bool,
}

impl RunOptions {
    /// Sets the logical date.
    #[must_use]
    pub fn with_date(self, date: NaiveDate) -> Self {
        Self { date: Some(date), ..self }
    }

    /// Begins a new walk, even if there is one to finish.
    #[must_use]
    pub fn with_fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Delivers a list to a sink that cannot tell whether it has it.
    #[must_use]
    pub fn with_again(self) -> Self {
        Self { again: true, ..self }
    }

    /// Lets the changes of this run pass, however many they are.
    #[must_use]
    pub fn with_accepted_change(self) -> Self {
        Self { accept_change: true, ..self }
    }

    /// Stops all accounts when one has failed.
    #[must_use]
    pub fn with_fail_fast(self) -> Self {
        Self { fail_fast: true, ..self }
    }

    /// Returns the logical date of a run at `now`.
    pub(super) fn date_or_today(&self, now: DateTime<Utc>) -> NaiveDate {
        self.date.unwrap_or_else(|| date_in_beijing(now))
    }

    /// Returns how to continue an interrupted run that had these options: without `--fresh`, which
    /// would begin another walk.
    pub fn how_to_go_on(&self) -> &'static str {
        if self.fresh {
            "run the same command again, without `--fresh`, to go on"
        } else {
            "run the same command again to go on"
        }
    }
}
