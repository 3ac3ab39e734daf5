//! What the command line says about a run.

use chrono::NaiveDate;

/// What the command line says about a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// `--date`: the logical date of the snapshot.
    pub date: Option<NaiveDate>,
    /// `--fresh`: a new walk, whatever there is.
    pub fresh: bool,
    /// `--again`: to a sink that cannot tell whether it has a list, it is delivered.
    pub again: bool,
    /// `--fail-fast`: the first account that fails stops the others.
    pub fail_fast: bool,
}

impl RunOptions {
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
