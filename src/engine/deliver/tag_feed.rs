//! Makes the rows of a list of tags from the elements in its journal.
//!
//! Before it: the [list](crate::engine::tags) was made of a walk of the people of tags. Behind it:
//! the [`row_feed`](super::row_feed) hands the rows to every sink.

use arrow::record_batch::RecordBatch;
use fanout_sink::{Snapshot, arrow};
use tokio_util::sync::CancellationToken;

use super::complete_list::{CompleteList, ListFacts};
use super::distinct::Duplicates;
use super::row_feed::{Fed, Outlet, RowBuilder, RowFeed};
use crate::config::Pipeline;
use crate::engine::proof::{Proof, TagProof};
use crate::engine::tags::{self, TagElement};
use crate::error::Error;
use crate::journal::BatchJournal;
use crate::rows::tag_rows;
use crate::source::SourceError;

/// The list of tags in a walk of its own.
#[derive(Debug)]
pub(in crate::engine) struct TagList {
    journal: BatchJournal,
}

impl TagList {
    /// Makes the list of a walk.
    pub(in crate::engine) fn new(journal: BatchJournal) -> Self {
        Self { journal }
    }
}

/// Tags on their way into a batch.
struct TagRows {
    app_id: String,
    account: String,
    tags: Vec<TagElement>,
}

impl RowBuilder for TagRows {
    fn len(&self) -> usize {
        self.tags.len()
    }

    fn finish(&mut self) -> RecordBatch {
        let tags = std::mem::take(&mut self.tags);
        tag_rows(&self.app_id, &self.account, &tags.iter().map(TagElement::row).collect::<Vec<_>>())
    }
}

impl CompleteList for TagList {
    fn journal(&self) -> &BatchJournal {
        &self.journal
    }

    fn journal_mut(&mut self) -> &mut BatchJournal {
        &mut self.journal
    }

    fn is_free_of_conflicts(&self, _: &Snapshot) -> bool {
        true
    }

    fn conflicts(&self, _: &CancellationToken) -> Result<Duplicates, Error> {
        Ok(Duplicates::default())
    }

    fn feed(&self, _: &Duplicates, outlet: Outlet, _: &CancellationToken) -> Result<ListFacts, Error> {
        let tags = tags::read(&self.journal)?;
        let input = &self.journal.plan().input;
        let proof = TagProof::of_tags(tags.iter().map(|tag| (tag.id, tag.name.as_str(), tag.outcome)));
        let (input_walk, input_digest) = (Some(input.walk.to_string()), Some(input.digest.clone()));
        let proof = TagProof { input_walk, input_digest, ..proof };
        let (app_id, account) = (outlet.app_id.clone(), outlet.account.clone());
        let mut feed = RowFeed::new(TagRows { app_id, account, tags: Vec::new() }, outlet);
        for tag in tags {
            feed.push(tag.fetched_at, |rows| rows.tags.push(tag));
        }
        let Fed { rows, digest, fetched_between } = feed.finish();
        Ok(ListFacts { rows, digest, fetched_between, proof: proof.into_fields() })
    }

    fn check(&self, _: &ListFacts, _: &Pipeline) -> Result<(), SourceError> {
        Ok(())
    }
}
