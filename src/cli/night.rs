//! The date of a pipeline whose simulated list is to change with each run
//! (`source.simulate.night_a_run`): days ahead of the calendar, if it was run often.
//!
//! Before it: the lists of followers that the state has. Behind it: everything that reads the
//! pipeline's clock.

use chrono::{Days, NaiveDate};

use crate::config::Pipeline;
use crate::engine::keys::identity;
use crate::journal::ListFolder;
use crate::wechat::{List, date_in_beijing};

/// Sets the clock to the date of the newest list of followers, if that lies ahead.
pub(super) fn reach(pipeline: &Pipeline) {
    if let Some(date) = newest(pipeline).filter(|&date| date > today(pipeline)) {
        advance(pipeline, date);
    }
}

/// Sets the clock to the next date, if the followers of today are read already.
pub(super) fn begin_next(pipeline: &Pipeline) {
    if let Some(date) = newest(pipeline).filter(|&date| date >= today(pipeline)) {
        advance(pipeline, date + Days::new(1));
    }
}

/// Returns the date of the newest decided list of followers of any account; `None` also if each
/// run of the pipeline reads the list of the calendar's date.
fn newest(pipeline: &Pipeline) -> Option<NaiveDate> {
    pipeline.source.simulate.as_ref().filter(|simulate| simulate.night_a_run)?;
    let walks = pipeline.accounts.iter().flat_map(|account| {
        let folder = ListFolder::new(&pipeline.journal.path, identity(pipeline, account, List::FOLLOWERS));
        // The command itself reports a state that cannot be read.
        folder.walks().unwrap_or_default()
    });
    walks.filter(|walk| walk.decision().is_some()).map(|walk| walk.header().date).max()
}

fn today(pipeline: &Pipeline) -> NaiveDate {
    date_in_beijing(pipeline.clock.now())
}

/// Sets the clock to the same time on `date`, which is not before today.
fn advance(pipeline: &Pipeline, date: NaiveDate) {
    let now = pipeline.clock.now();
    pipeline.clock.set(now + (date - date_in_beijing(now)));
}
