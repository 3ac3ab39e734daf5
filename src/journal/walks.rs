//! The walks of a list as they were on disk at one moment, and what follows from them together:
//! which are owed, which can be resumed, which one is the list of a date.
//!
//! Before it: [`ListFolder::walks`](super::ListFolder::walks) reads them. Behind it: the engine
//! plans with them. It reads them anew where it needs what has been written since.

use std::iter;
use std::ops::Deref;
use std::time::Duration;
use std::vec;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;
use serde_json::{Map, Value};

use super::error::JournalError;
use super::record::Decision;
use super::walk_folder::WalkFolder;

/// The walks of a list under some options, oldest first, as they were when they were read. Commit
/// records and pages are read when they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Walks {
    walks: Vec<WalkFolder>,
    /// The walks of the same list under other options.
    others: Vec<WalkFolder>,
}

impl Walks {
    /// Takes all walks of a list, oldest first; those of `options` are asked about.
    pub(super) fn new(walks: impl IntoIterator<Item = WalkFolder>, options: &Map<String, Value>) -> Self {
        let (walks, others) = walks.into_iter().partition(|walk| walk.header.identity.options == *options);
        Self { walks, others }
    }

    /// Returns the walks by their options, these first.
    pub(super) fn by_options(self) -> Vec<Self> {
        let mut selections: Vec<&Map<String, Value>> = Vec::new();
        for walk in &self.others {
            let options = &walk.header.identity.options;
            if !selections.contains(&options) {
                selections.push(options);
            }
        }
        let all = || self.walks.iter().chain(&self.others).cloned();
        let others: Vec<Self> = selections.into_iter().map(|options| Self::new(all(), options)).collect();
        iter::once(self).chain(others).collect()
    }

    /// Returns the decision before that of `walk`, or the last one for a walk that has not begun;
    /// `None` if there is none.
    pub fn decision_before(&self, walk: Option<WalkId>) -> Option<&Decision> {
        let is_before = |other: &&WalkFolder| walk.is_none_or(|walk| other.header.walk.number() < walk.number());
        self.walks.iter().rev().filter(is_before).find_map(|other| other.decision.as_ref())
    }

    /// Returns the newest decided walk of `date`; `None` if there is none, or if its pipeline has
    /// decided a newer one of that date under other options: that list replaced this one, and is
    /// not what these options ask for.
    pub fn decided_of(&self, date: NaiveDate) -> Option<&WalkFolder> {
        let mut decided = self.walks.iter().rev().filter(|walk| walk.decision.is_some());
        decided.find(|walk| walk.header.date == date).filter(|newest| !is_replaced(newest, &self.others))
    }

    /// Returns the open walks, newest first: those that can be
    /// [resumed](WalkFolder::is_resumable), and those that are too old. An open walk does not count
    /// once it was [given up](WalkFolder::give_up), or a newer one of its date is decided.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if its pages cannot be read.
    pub fn open(
        &self,
        resume_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<(Vec<WalkFolder>, Vec<WalkFolder>), JournalError> {
        let (mut resumable, mut too_old) = (Vec::new(), Vec::new());
        for (place, walk) in self.walks.iter().enumerate().rev() {
            let mut newer = self.walks[place + 1..].iter();
            let is_replaced = newer.any(|newer| newer.decision.is_some() && newer.header.date == walk.header.date);
            if walk.decision.is_none() && !walk.is_given_up() && !is_replaced {
                let is_resumable = walk.is_resumable(resume_within, now)?;
                if is_resumable { &mut resumable } else { &mut too_old }.push(walk.clone());
            }
        }
        Ok((resumable, too_old))
    }

    /// Returns the owed walks, oldest first: decided walks that a sink of the deciding pipeline
    /// still lacks. A walk is not owed once the pipeline has decided a newer walk of the same date,
    /// also under other options: the newer list replaces the older one, never the other way round.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the commit records cannot be listed.
    pub fn owed(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let mut owed = Vec::new();
        for walk in &self.walks {
            let is_replaced = is_replaced(walk, &self.walks) || is_replaced(walk, &self.others);
            if !is_replaced && !walk.lacking()?.is_empty() {
                owed.push(walk.clone());
            }
        }
        Ok(owed)
    }
}

/// The walks of the options.
impl Deref for Walks {
    type Target = [WalkFolder];

    fn deref(&self) -> &[WalkFolder] {
        &self.walks
    }
}

impl IntoIterator for Walks {
    type Item = WalkFolder;
    type IntoIter = vec::IntoIter<WalkFolder>;

    fn into_iter(self) -> Self::IntoIter {
        self.walks.into_iter()
    }
}

/// Returns whether a newer one of `walks` has taken the place of `walk`.
fn is_replaced(walk: &WalkFolder, walks: &[WalkFolder]) -> bool {
    let number = walk.header.walk.number();
    walks.iter().any(|newer| newer.header.walk.number() > number && newer.replaces(walk))
}
