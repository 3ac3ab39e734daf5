//! Compares two lists.
//!
//! Before it: two lists, each an [`OpenidPass`]. Behind it: the positions of the followers whom
//! only one of them has.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use ahash::RandomState;
use tokio_util::sync::CancellationToken;

use super::hashes::{Hashes, Sum};
use super::pass::OpenidPass;
use super::suspects::Suspects;
use crate::batches::Bitmap;
use crate::engine::hash_runs::HashRuns;
use crate::error::Error;
use crate::journal::JournalError;

/// The file of the hashes of a list. Its name is removed as soon as it is open.
const FILE: &str = "difference.tmp";

/// Attempts, each with other hashes. One fails with a chance of 1 in 100,000 if two lists of ten
/// million have nobody in common, else with less. So all of them fail only if a list is not the
/// same in each reading.
const ATTEMPTS: u64 = 5;

/// Followers who are asked about although both lists have them.
const CONTROLS: u64 = 3;

/// Rows after which a reading looks whether it is to stop: about as many as a page has.
const STOP: u64 = 8 * 1024;

/// Which followers only one of two lists has.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) struct Difference {
    joined: Bitmap,
    missing: Bitmap,
}

impl Difference {
    /// Compares `newer` with `base`. It reads both lists twice or more, and may keep temporary
    /// files of 8 bytes a follower in `folder`. It blocks.
    ///
    /// # Errors
    ///
    /// Those of the lists; [`JournalError::Io`] if a temporary file cannot be used, or if a list is
    /// not the same in each reading; [`Error::Interrupted`] if `stop` is cancelled.
    pub(in crate::engine) fn of(
        base: &dyn OpenidPass,
        newer: &dyn OpenidPass,
        folder: &Path,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        Self::by(Hashes::new, base, newer, folder, stop)
    }

    /// Compares with the hashes that `hashes` makes for each attempt.
    pub(super) fn by(
        hashes: impl Fn(u64) -> Hashes,
        base: &dyn OpenidPass,
        newer: &dyn OpenidPass,
        folder: &Path,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        for attempt in 0..ATTEMPTS {
            let comparison = Comparison { base, newer, hashes: hashes(attempt), folder, stop };
            if let Some(difference) = comparison.run()? {
                return Ok(difference);
            }
            tracing::debug!(attempt, "two followers have one hash; the lists are compared by other hashes");
        }
        let error = io::Error::other("a list is not the same in each reading");
        Err(JournalError::io("compare two lists with the help of", &folder.join(FILE))(error).into())
    }

    /// Returns the positions of the newer list whose followers the base does not have.
    pub(in crate::engine) fn joined(&self) -> &Bitmap {
        &self.joined
    }

    /// Returns the positions of the base whose followers the newer list does not have.
    pub(in crate::engine) fn missing(&self) -> &Bitmap {
        &self.missing
    }

    /// Returns up to three positions of the newer list whose followers both lists have. They
    /// ascend, and are spread over the list.
    pub(in crate::engine) fn controls(&self) -> Vec<u64> {
        let both = self.joined.len() - self.joined.marked_count();
        let mut ranks: Vec<u64> = (0..CONTROLS).map(|place| both * (2 * place + 1) / (2 * CONTROLS)).collect();
        ranks.dedup();
        ranks.into_iter().filter_map(|rank| self.joined.unmarked(rank)).collect()
    }
}

/// One attempt.
struct Comparison<'a> {
    base: &'a dyn OpenidPass,
    newer: &'a dyn OpenidPass,
    hashes: Hashes,
    folder: &'a Path,
    stop: &'a CancellationToken,
}

/// What an attempt has found.
struct Found {
    difference: Difference,
    joined: Sum,
    missing: Sum,
}

impl Comparison<'_> {
    /// Compares the lists. Returns `None` if a collision has hidden a change.
    fn run(&self) -> Result<Option<Difference>, Error> {
        let (joined, missing) = (Bitmap::new(self.newer.rows()), Bitmap::new(self.base.rows()));
        let mut found =
            Found { difference: Difference { joined, missing }, joined: Sum::default(), missing: Sum::default() };
        let (base_hashes, base) = self.hash(self.base)?;
        let (newer_hashes, newer) = self.hash(self.newer)?;
        let rows = self.base.rows().max(self.newer.rows());
        let (mut base_slices, mut newer_slices) = (base_hashes.slices(rows), newer_hashes.slices(rows));
        let mut suspects = Suspects::default();
        while let (Some(base), Some(newer)) = (base_slices.next_slice()?, newer_slices.next_slice()?) {
            suspects.add_slice(base, newer);
            if suspects.is_full() {
                self.look(&mut suspects, &mut found)?;
            }
        }
        self.look(&mut suspects, &mut found)?;
        Ok((base.without(found.missing) == newer.without(found.joined)).then_some(found.difference))
    }

    /// Reads the hashes of a list, and their proof.
    fn hash(&self, list: &dyn OpenidPass) -> Result<(HashRuns, Sum), Error> {
        let mut runs = HashRuns::new(self.folder.join(FILE));
        let mut sum = Sum::default();
        self.read(list, &mut |_, openid| {
            sum.add(&self.hashes, openid);
            Ok(runs.add(self.hashes.order(openid))?)
        })?;
        Ok((runs, sum))
    }

    /// Looks for the followers of all suspects, and forgets these.
    fn look(&self, suspects: &mut Suspects, found: &mut Found) -> Result<(), Error> {
        suspects.divide();
        let Suspects { missing, joined, shared, .. } = suspects;
        // The followers of the base with a hash that both lists have, and their positions.
        let mut strings: HashMap<Box<str>, u64, RandomState> = HashMap::default();
        if !(missing.is_empty() && shared.is_empty()) {
            self.read(self.base, &mut |position, openid| {
                let hash = self.hashes.order(openid);
                if missing.contains(hash) {
                    found.difference.missing.mark(position);
                    found.missing.add(&self.hashes, openid);
                } else if shared.contains(hash) {
                    strings.insert(openid.into(), position);
                }
                Ok(())
            })?;
        }
        if !(joined.is_empty() && shared.is_empty()) {
            self.read(self.newer, &mut |position, openid| {
                let hash = self.hashes.order(openid);
                if joined.contains(hash) || shared.contains(hash) && strings.remove(openid).is_none() {
                    found.difference.joined.mark(position);
                    found.joined.add(&self.hashes, openid);
                }
                Ok(())
            })?;
        }
        for (openid, position) in strings {
            found.difference.missing.mark(position);
            found.missing.add(&self.hashes, &openid);
        }
        suspects.clear();
        Ok(())
    }

    /// Reads a list.
    fn read(&self, list: &dyn OpenidPass, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        list.each(&mut |position, openid| {
            if position % STOP == 0 && self.stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            take(position, openid)
        })
    }
}
