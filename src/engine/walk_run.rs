//! One walk of a unit in a run: it is begun, finished or delivered, and reported on.
//!
//! Before it: the [unit](super::unit) runs its walks one after the other. Behind it:
//! [`Publication`], which reads the rest of the list and brings it to the sinks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument as _;

use super::begin_profiles::begin_profiles;
use super::changes::{begin_baseline, begin_changes};
use super::deliver::{Looked, Publication, TagList, TagMemberList, WalkedList};
use super::list_source::ListSource;
use super::open_batches::OpenBatches;
use super::plan::Choice;
use super::proof::{Proof, TagProof, cost_of, replies_of};
use super::tag_walk::{self, TagWalk};
use super::tags;
use super::unit_context::UnitContext;
use super::walk::{Earlier, Forecast, begin};
use crate::error::Error;
use crate::journal::{BatchJournal, Journal, ListState, TagJournal, WalkFolder};
use crate::report::{AccountReport, SinkState, Verdict};
use crate::source::{BatchSource, Source, SourceError, TagSource};
use crate::wechat::List;

/// One walk of a unit.
pub(super) struct WalkRun<'a> {
    pub(super) context: &'a UnitContext,
    pub(super) state: &'a ListState,
    pub(super) source: &'a ListSource,
    pub(super) choice: Choice,
    /// The sinks that lack earlier changes, which come first; none for another list.
    pub(super) behind: &'a BTreeSet<String>,
}

impl WalkRun<'_> {
    /// Runs and publishes the walk, unless there is a `refusal`, and completes its report.
    pub(super) async fn run(
        self,
        mut report: AccountReport,
        refusal: Option<Error>,
        earlier: &mut Earlier,
    ) -> AccountReport {
        let started = Instant::now();
        let (context, source) = (self.context, self.source);
        context.progress().begin_walk(source.stats());
        let worked = match refusal {
            Some(error) => Err(error),
            None => self.work(earlier, &mut report).await.and_then(|()| lacks_tags(&report)),
        };
        if let Err(error) = worked {
            earlier.day_is_over |= match error {
                Error::Source(SourceError::DayOver { .. }) => true,
                // Questions about one follower are calls of another kind.
                Error::Source(SourceError::BatchesLeft { done, of, .. }) => done < of,
                _ => false,
            };
            let error = context.run.why_stopped(error);
            report.fail(&error);
            if matches!(error, Error::Interrupted) {
                report.hint = Some(context.run.options.how_to_go_on().to_owned());
            }
        }
        // The journal is read once more only if no reply has said how long the list is.
        let expected = context.progress().expected_pages().or_else(|| match report.snapshot {
            Some(_) => Some(report.pages),
            None => self.expected_pages(),
        });
        earlier.pages = expected.or(earlier.pages);
        if let ListSource::Batches(source) = source {
            earlier.cost = Some(source.cost());
        }
        report.batches = context.progress().walk().batches;
        report.calls = source.stats().calls();
        report.calls_left = source.calls_left_now();
        report.retries = source.stats().retries();
        report.previous_rows = context.last().map(|list| list.rows);
        report.previous_fetched_at = context.last().and_then(|list| list.last_fetched_at);
        report.seconds = started.elapsed().as_secs_f64();
        report
    }

    /// Returns the pages of an open walk as its journal foretells them; `None` for any other walk.
    fn expected_pages(&self) -> Option<u64> {
        let (Choice::Finish(walk), ListSource::Pages(_)) = (&self.choice, self.source) else { return None };
        if walk.decision().is_some() {
            return None;
        }
        // An error is passed over here: it is the walk's own, and this is about the next one.
        Forecast::of_whole(&Journal::open(WalkFolder::clone(walk)).ok()?, self.context.last())
    }

    async fn work(&self, earlier: &Earlier, report: &mut AccountReport) -> Result<(), Error> {
        let opened = match self.source {
            ListSource::Pages(source) => self.open_pages(source, earlier, report).await?,
            ListSource::Batches(source) => self.complete_batches(source, earlier, report).await?,
            ListSource::Tags(source) => self.complete_tags(source, earlier, report).await?,
            ListSource::Derived(_) => self.derive_tags(report).await?,
        };
        let Some((list, looked)) = opened else { return Ok(()) };
        let was_decided = list.folder().decision().is_some();
        let published = Publication::new(self.context, list, looked).run().await;
        note_walk(published.list.folder(), published.list.replies(), report);
        report.sinks = published.outcomes;
        report.set_list(published.snapshot);
        published.result?;
        // A sink that is not required may have failed once more, and no other lacked the list.
        let has_published = report.sinks.iter().any(|sink| matches!(sink.state, SinkState::Published(_)));
        report.succeed(if was_decided && !has_published { Verdict::AlreadyPublished } else { Verdict::Published });
        Ok(())
    }

    /// Begins or opens a walk of pages; `None` if there is nothing to do, which the report says.
    async fn open_pages<'s>(
        &self,
        source: &'s Source,
        earlier: &Earlier,
        report: &mut AccountReport,
    ) -> Result<Option<(WalkedList<'s>, Looked)>, Error> {
        let (journal, looked) = match &self.choice {
            Choice::Baseline(_) => unreachable!("only changes have a baseline"),
            Choice::Begin(choice) => {
                let begun = begin(self.context, source, self.state, *choice, earlier);
                let journal = begun.instrument(tracing::info_span!("begin")).await?;
                let looked = Looked::unseen(self.context, journal.folder())?;
                (journal, looked)
            }
            Choice::Deliver(walk) | Choice::Finish(walk) => {
                let Some(looked) = self.look(walk, report).await? else { return Ok(None) };
                let journal = Journal::open(WalkFolder::clone(walk))?;
                if walk.decision().is_none() {
                    report.pages_before = journal.pages();
                }
                self.context.progress().resume(journal.pages(), journal.openids(), report.pages_before);
                (journal, looked)
            }
        };
        Ok(Some((WalkedList::Pages { journal: Box::new(journal), source }, looked)))
    }

    /// Begins or opens a walk of batches, and asks for the rest; `None` if there is nothing to do,
    /// which the report says.
    async fn complete_batches<'s>(
        &self,
        source: &BatchSource,
        earlier: &Earlier,
        report: &mut AccountReport,
    ) -> Result<Option<(WalkedList<'s>, Looked)>, Error> {
        let context = self.context;
        // Until it is measured again.
        if let Some(cost) = earlier.cost.or_else(|| cost_of(context.last()?)) {
            source.set_cost(cost);
        }
        let (mut batches, looked) = match &self.choice {
            Choice::Begin(choice) => {
                let begun = async {
                    if context.list() == List::CHANGES {
                        Box::pin(begin_changes(context, source, self.state, *choice, earlier)).await
                    } else {
                        Box::pin(begin_profiles(context, source, self.state, *choice, earlier)).await
                    }
                };
                self.begun(begun.instrument(tracing::info_span!("begin")).await?)?
            }
            Choice::Baseline(_) => {
                let begun = Box::pin(begin_baseline(context, source, self.state, earlier));
                self.begun(begun.instrument(tracing::info_span!("begin")).await?)?
            }
            Choice::Deliver(walk) | Choice::Finish(walk) => {
                let Some(looked) = self.look(walk, report).await? else { return Ok(None) };
                let batches = OpenBatches::open(context, walk).await?;
                if walk.decision().is_none() {
                    report.pages_before = batches.journal.answered();
                }
                (batches, looked)
            }
        };
        let completed = if batches.journal.folder().decision().is_none() {
            let span = tracing::info_span!("walk", walk = batches.journal.walk().to_string());
            let walked = batches.walk(context, source).instrument(span).await;
            if walked.is_err() {
                note_walk(batches.journal.folder(), batches.journal.answered(), report);
                report.sinks.clone_from(&looked.outcomes);
            }
            Some(walked?)
        } else {
            None
        };
        Ok(Some((WalkedList::Complete(batches.into_list(completed)?), looked)))
    }

    /// Returns a walk that has begun, with what its sinks have of it.
    fn begun(&self, batches: OpenBatches) -> Result<(OpenBatches, Looked), Error> {
        let mut looked = Looked::unseen(self.context, batches.journal.folder())?;
        looked.hold_back(self.behind);
        Ok((batches, looked))
    }

    /// Begins or opens a walk of tags, and reads the rest; `None` if there is nothing to do, which
    /// the report says.
    async fn complete_tags<'s>(
        &self,
        source: &TagSource,
        earlier: &Earlier,
        report: &mut AccountReport,
    ) -> Result<Option<(WalkedList<'s>, Looked)>, Error> {
        let context = self.context;
        let (mut journal, looked) = match &self.choice {
            Choice::Baseline(_) => unreachable!("only changes have a baseline"),
            Choice::Begin(choice) => {
                let begun = tag_walk::begin(context, source, self.state, *choice, earlier);
                let journal = begun.instrument(tracing::info_span!("begin")).await?;
                let looked = Looked::unseen(context, journal.folder())?;
                (journal, looked)
            }
            Choice::Deliver(walk) | Choice::Finish(walk) => {
                let Some(looked) = self.look(walk, report).await? else { return Ok(None) };
                (TagJournal::open(WalkFolder::clone(walk))?, looked)
            }
        };
        if journal.end().is_none() {
            let span = tracing::info_span!("walk", walk = journal.walk().to_string());
            let mut walk = TagWalk::open(context, source, &mut journal)?;
            let (pages, people) = walk.reached();
            report.pages_before = pages;
            context.progress().resume(pages, people, pages);
            let walked = walk.run().instrument(span).await;
            let (pages, _) = walk.reached();
            if walked.is_err() {
                note_walk(journal.folder(), pages, report);
                report.sinks.clone_from(&looked.outcomes);
            }
            walked?;
        }
        let list = TagMemberList::new(journal, context.run.pipeline.tags.select.as_deref())?;
        Ok(Some((WalkedList::TagMembers(Box::new(list)), looked)))
    }

    /// Makes or opens a walk of the list of tags; `None` if there is nothing to do, which the
    /// report says.
    async fn derive_tags<'s>(&self, report: &mut AccountReport) -> Result<Option<(WalkedList<'s>, Looked)>, Error> {
        let (journal, looked) = match &self.choice {
            Choice::Baseline(_) => unreachable!("only changes have a baseline"),
            Choice::Begin(choice) => {
                let journal = tags::begin(self.context, self.state, *choice)?;
                let looked = Looked::unseen(self.context, journal.folder())?;
                (journal, looked)
            }
            Choice::Deliver(walk) | Choice::Finish(walk) => {
                let Some(looked) = self.look(walk, report).await? else { return Ok(None) };
                (BatchJournal::open(WalkFolder::clone(walk))?, looked)
            }
        };
        Ok(Some((WalkedList::Complete(Arc::new(TagList::new(journal))), looked)))
    }

    /// Looks at the sinks for the list of a walk of the state; `None` if there is nothing to do,
    /// which the report says.
    async fn look(&self, walk: &WalkFolder, report: &mut AccountReport) -> Result<Option<Looked>, Error> {
        if let Choice::Deliver(_) = self.choice {
            tracing::info!(walk = walk.header().walk.to_string(), "a sink lacks an earlier walk; it is delivered");
            let mut looked = Looked::owed(self.context, walk)?;
            looked.hold_back(self.behind);
            return Ok(Some(looked));
        }
        let mut looked = Looked::at(self.context, self.state, walk).await?;
        looked.hold_back(self.behind);
        if walk.decision().is_some() && !looked.has_work() {
            report_looked(walk, looked, report);
            return Ok(None);
        }
        Ok(Some(looked))
    }
}

/// Returns the error of a list that was published without some tags.
fn lacks_tags(report: &AccountReport) -> Result<(), Error> {
    match report.snapshot.as_ref().and_then(TagProof::of).map(|proof| proof.lacking()) {
        Some(failed) if !failed.is_empty() => Err(Error::TagsLacking { failed }),
        _ => Ok(()),
    }
}

/// Notes in the report which walk it is about, and how many replies its journal has.
fn note_walk(folder: &WalkFolder, replies: u64, report: &mut AccountReport) {
    report.walk = Some(folder.header().walk);
    report.date = Some(folder.header().date);
    report.pages = replies;
}

/// Reports on a decided walk what was found at its sinks: it is published, a sink has failed,
/// or a sink is yet to receive it.
pub(super) fn report_looked(walk: &WalkFolder, looked: Looked, report: &mut AccountReport) {
    let snapshot = walk.decision().map(|decision| decision.snapshot.clone());
    report.walk = Some(walk.header().walk);
    report.date = Some(walk.header().date);
    report.pages = snapshot.as_ref().and_then(replies_of).unwrap_or(0);
    report.set_list(snapshot);
    if !looked.has_work() {
        report.succeed(Verdict::AlreadyPublished);
    }
    if let Some(error) = looked.failure {
        report.fail(&error);
    }
    report.sinks = looked.outcomes;
}
