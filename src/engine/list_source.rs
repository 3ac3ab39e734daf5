//! The source of a unit's list, whichever way the list is read.
//!
//! Before it: the [unit](super::unit) makes it, for each of its walks. Behind it: the walk calls
//! it, and its counters go into the report; `check` tries it.

use std::sync::Arc;

use crate::source::{BatchSource, CallStats, CallsLeft, Source, SourceError, TagSource, Unanswered};

/// The source of a list.
#[derive(Debug)]
pub(super) enum ListSource {
    /// It is read page by page.
    Pages(Box<Source>),
    /// It is asked for in batches.
    Batches(BatchSource),
    /// It is read page by page, tag after tag.
    Tags(Box<TagSource>),
    /// It is made of another list, without a call.
    Derived(Arc<CallStats>),
}

impl ListSource {
    /// Returns the counters of the calls, which may be read at any time.
    pub(super) fn stats(&self) -> &Arc<CallStats> {
        match self {
            Self::Pages(source) => source.stats(),
            Self::Batches(source) => source.stats(),
            Self::Tags(source) => source.stats(),
            Self::Derived(stats) => stats,
        }
    }

    /// Returns how many of the day's calls are left, without asking again; `None` if nothing has
    /// asked.
    pub(super) fn calls_left_now(&self) -> Option<u64> {
        match self {
            Self::Pages(source) => source.calls_left_now(),
            Self::Batches(source) => source.calls_left_now(),
            Self::Tags(source) => source.calls_left_now(),
            Self::Derived(_) => None,
        }
    }

    /// Asks for a token, unless one is in use.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is none.
    pub(super) async fn obtain_token(&self) -> Result<(), SourceError> {
        match self {
            Self::Pages(source) => source.obtain_token().await,
            Self::Batches(source) => source.obtain_token().await,
            Self::Tags(source) => source.obtain_token().await,
            Self::Derived(_) => Ok(()),
        }
    }

    /// Returns how many of the day's calls are left, and why WeChat gave no answer, if it was asked
    /// and gave none.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is no token to ask with.
    ///
    /// # Panics
    ///
    /// If the list needs no calls.
    pub(super) async fn ask_calls_left(&self) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        match self {
            Self::Pages(source) => source.ask_calls_left().await,
            Self::Batches(source) => source.ask_calls_left().await,
            Self::Tags(source) => source.ask_calls_left().await,
            Self::Derived(_) => panic!("a list that needs no calls"),
        }
    }
}
