//! What the command line says about a run.
//!
//! `cli` makes [`RunOptions`]; `plan` chooses the walk by them.

use chrono::NaiveDate;

/// What the command line says about a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// `--date`: the logical date of the snapshot.
    pub date: Option<NaiveDate>,
    /// `--fresh`: begin a new walk, even if there is one to finish.
    pub fresh: bool,
    /// `--again`: deliver a list to a sink that cannot tell whether it has it.
    pub again: bool,
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

    /// Stops all accounts when one has failed.
    #[must_use]
    pub fn with_fail_fast(self) -> Self {
        Self { fail_fast: true, ..self }
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
