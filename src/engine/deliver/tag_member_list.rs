//! Hands the people of tags to every sink, through the [fan-out](super::fan_out).
//!
//! Before it: the [walk of tags](crate::engine::tag_walk) has ended. Behind it: the queue of each
//! [sink task](super::sink_task).
//!
//! The people come tag after tag, by id, and in each tag in the order of its pages. Everything here
//! is a function of the journal, so a second delivery is like the first.

use tokio_util::sync::CancellationToken;

use super::complete_list::ListFacts;
use super::distinct::Duplicates;
use super::fan_out::{DistinctCount, FanOut, FanOutResult};
use super::sink_task::SinkQueue;
use crate::config::TagName;
use crate::engine::proof::{Proof, TagProof};
use crate::engine::tag_walk::{SettledTag, settle};
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::TagJournal;

/// A complete walk of tags, with what came of each.
#[derive(Debug)]
pub(in crate::engine) struct TagMemberList {
    pub(in crate::engine) journal: TagJournal,
    tags: Vec<SettledTag>,
    pages: u64,
}

impl TagMemberList {
    /// Makes the list of a walk that has ended. `wanted` is `tags.select`.
    ///
    /// # Errors
    ///
    /// [`JournalError`](crate::journal::JournalError) if the journal cannot be read.
    pub(in crate::engine) fn new(journal: TagJournal, wanted: Option<&[TagName]>) -> Result<Self, Error> {
        let tags = settle(&journal, wanted)?;
        let mut pages = 0;
        for tag in &tags {
            pages += journal.contents_of(tag.tag.id)?.map_or(0, |contents| contents.pages());
        }
        Ok(Self { journal, tags, pages })
    }

    /// Returns how many pages its journals have.
    pub(in crate::engine) fn pages(&self) -> u64 {
        self.pages
    }

    /// Returns the ids of the tags whose people are in the list, ascending.
    fn with_people(&self) -> impl Iterator<Item = i32> {
        self.tags.iter().filter(|tag| tag.outcome.has_people()).map(|tag| tag.tag.id)
    }

    /// Finds the rows that repeat an earlier one of their tag, numbered over all tags.
    ///
    /// # Errors
    ///
    /// [`JournalError`](crate::journal::JournalError) if a page cannot be read;
    /// [`Error::Interrupted`] if `stop` is cancelled.
    pub(super) async fn duplicates(&self, stop: &CancellationToken) -> Result<Duplicates, Error> {
        let (mut all, mut rows) = (Duplicates::default(), 0);
        for tag in self.with_people() {
            let journal = self.journal.pages_of(tag)?;
            let count = DistinctCount::of(journal.reader(), journal.folder().path(), stop.clone()).await?;
            all.add(&count.duplicates, rows);
            rows += count.distinct + count.duplicates.count();
        }
        Ok(all)
    }

    /// Hands the list to the queues of `sinks`, without the rows in `repeated`.
    ///
    /// # Errors
    ///
    /// As [`FanOut::finish`].
    pub(super) async fn deliver(
        &self,
        context: &UnitContext,
        repeated: &Duplicates,
        sinks: Vec<SinkQueue>,
    ) -> Result<ListFacts, Error> {
        let folder = self.journal.folder();
        let decided = folder.decision().map(|decision| &decision.snapshot);
        let fan_out = FanOut::start(context, folder.path(), Some(repeated.clone()), decided, sinks).await?;
        for tag in self.with_people() {
            match self.journal.pages_of(tag) {
                Ok(journal) => fan_out.replay_tag(tag, journal.reader()).await,
                Err(error) => {
                    // What the sinks have received is aborted; its own error would say less.
                    let _ = fan_out.finish().await;
                    return Err(error.into());
                }
            }
        }
        let FanOutResult { rows, empty, digest } = fan_out.finish().await?;
        let tags = self.tags.iter().map(|settled| (settled.tag.id, settled.tag.name.as_str(), settled.outcome));
        let proof = TagProof { pages: self.pages, duplicates: repeated.count(), empty, ..TagProof::of_tags(tags) };
        Ok(ListFacts { rows, digest, fetched_between: self.journal.fetched_between(), proof: proof.into_fields() })
    }
}
