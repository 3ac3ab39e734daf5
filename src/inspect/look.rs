//! Looks for the last list of each account at the sinks that have published it.
//!
//! It takes no lock and changes nothing. Before it: [`status`](super::status) has read the commit
//! records. Behind it: the sinks themselves look, by
//! [`SinkFactory::find`](fanout_sink::SinkFactory::find).
//!
//! A run may publish a list at this moment, and a look between two steps would find half of it. So
//! a bad finding is looked at again, and does not count while a run holds the list's lock.

use std::sync::Arc;

use fanout_sink::files::Trials;
use fanout_sink::{SinkContext, SinkReport};
use serde::Serialize;

use crate::causes::error_chain;
use crate::config::{Account, Pipeline, SinkSection, WhenGone};
use crate::engine::keys::{recipient, sink_context};
use crate::engine::{Look, at_once, bind_one, look};
use crate::error::{Error, Exit};
use crate::journal::{HeldLocks, JournalError, ListFolder, WalkFolder};
use crate::registry::{BoundSink, SinkRegistry};
use crate::report::FoundList;

/// What was found of a list at a sink that has published it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SinkLook {
    /// The sink's name in the pipeline file.
    pub sink: String,
    /// What was found; `None` if the sink could not look.
    pub found: Option<FoundList>,
    /// Whether the list is gone and stays away: `when_gone` is `ignore`.
    pub is_ignored: bool,
    /// Why the list is not there as it was published, or why the sink could not look.
    pub error: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// The exit that a run would have because of it.
    #[serde(skip)]
    pub exit: Exit,
}

/// The sinks of a pipeline. One that cannot be bound cannot look, and has its answer already.
pub(super) struct Lookout {
    sinks: Vec<(SinkSection, Result<BoundSink, SinkLook>)>,
    account_names: Arc<[String]>,
    /// How many accounts are looked at at once.
    at_once: usize,
    /// Thousands of lists of a sink may be in one store, which is opened once.
    trials: Trials,
}

/// A list to look for.
pub(super) struct Errand {
    folder: ListFolder,
    sinks: Vec<Question>,
}

/// A list to look for at one sink.
enum Question {
    Open(Box<(BoundSink, SinkContext, SinkReport)>),
    Answered(SinkLook),
}

impl Lookout {
    pub(super) fn new(pipeline: &Pipeline, registry: &SinkRegistry) -> Self {
        let bind = |section: &SinkSection| {
            let bound = bind_one(section, registry);
            // A status needs no secret: without one, it says what it could not do.
            let bound = bound.map_err(|errors| SinkLook::unanswered(section, Error::from(errors).chain()));
            (section.clone(), bound)
        };
        Self {
            sinks: pipeline.sinks.iter().map(bind).collect(),
            account_names: pipeline.account_names.as_slice().into(),
            at_once: pipeline.limits.accounts,
            trials: Trials::default(),
        }
    }

    /// Returns whether a sink is known to be one-shot, of which nothing is recorded.
    pub(super) fn is_one_shot(&self, sink: &str) -> bool {
        let bound = self.sinks.iter().filter_map(|(_, bound)| bound.as_ref().ok());
        bound.filter(|bound| bound.is_one_shot()).any(|bound| bound.name() == sink)
    }

    /// Prepares the look for the list of a walk, at each sink that has a commit record of it.
    pub(super) fn errand(
        &self,
        pipeline: &Pipeline,
        account: &Account,
        folder: ListFolder,
        walk: &WalkFolder,
    ) -> Result<Errand, JournalError> {
        let mut errand = Errand { folder, sinks: Vec::new() };
        let Some(list) = walk.decision().map(|decision| &decision.snapshot) else { return Ok(errand) };
        for (section, sink) in self.sinks.iter().filter(|(section, _)| !self.is_one_shot(&section.name)) {
            let Some(commit) = walk.commit(&recipient(pipeline, section))? else { continue };
            errand.sinks.push(match sink {
                Ok(sink) => {
                    let context = sink_context(pipeline, account, &self.account_names, sink, (list.walk, list.date));
                    let context = context.with_facts(list.begun_at, Some(list.rows)).with_digest(&list.digest);
                    let context = context.with_trials(self.trials.clone());
                    Question::Open(Box::new((sink.clone(), context, commit.report)))
                }
                Err(answer) => Question::Answered(answer.clone()),
            });
        }
        Ok(errand)
    }

    /// Looks for several lists at once, and returns what was found in the order of `errands`.
    pub(super) async fn look(&self, errands: Vec<Option<Errand>>) -> Vec<Vec<SinkLook>> {
        let run = |errand: Option<Errand>| async {
            match errand {
                Some(errand) => errand.run().await,
                None => Vec::new(),
            }
        };
        at_once(self.at_once, errands.into_iter().map(run)).await
    }
}

impl Errand {
    async fn run(self) -> Vec<SinkLook> {
        let mut looks = Vec::new();
        for question in self.sinks {
            looks.push(match question {
                Question::Open(open) => look_twice(&self.folder, &open.0, &open.1, &open.2).await,
                Question::Answered(look) => look,
            });
        }
        looks
    }
}

/// Looks once more if the first look finds that the list is not there as it was published.
async fn look_twice(folder: &ListFolder, sink: &BoundSink, context: &SinkContext, report: &SinkReport) -> SinkLook {
    let is_bad = |look: &Look| matches!(look.found, Some(FoundList::Taken | FoundList::Altered | FoundList::Gone));
    let holder = || folder.lock_holder(&HeldLocks::read()).process();
    let mut answer = look(sink, context.clone(), report).await;
    if is_bad(&answer) {
        let held_before = holder();
        answer = look(sink, context.clone(), report).await;
        if is_bad(&answer)
            && let Some(holder) = held_before.or_else(holder)
        {
            return SinkLook::unanswered(sink.section(), format!("{holder} is at work on the list"));
        }
    }
    SinkLook::of(sink.section(), answer)
}

impl SinkLook {
    /// Returns whether the next run or replay delivers the list again, because it is gone.
    pub fn is_to_be_delivered(&self) -> bool {
        self.found == Some(FoundList::Gone) && !self.is_ignored
    }

    fn of(section: &SinkSection, Look { found, problem }: Look) -> Self {
        let is_ignored = found == Some(FoundList::Gone) && section.when_gone == WhenGone::Ignore;
        let (error, hint) = problem
            .as_ref()
            .map_or((None, None), |problem| (Some(error_chain(problem)), problem.hint().map(str::to_owned)));
        let exit = problem.map_or(Exit::Done, |error| Error::Sink { sink: section.name.clone(), error }.exit());
        let exit = if section.required { exit } else { Exit::Done };
        Self { sink: section.name.clone(), found, is_ignored, error, hint, exit }
    }

    /// Makes the result of a look that could not be made, which says nothing of the list.
    fn unanswered(section: &SinkSection, error: String) -> Self {
        let sink = section.name.clone();
        Self { sink, found: None, is_ignored: false, error: Some(error), hint: None, exit: Exit::Done }
    }
}
