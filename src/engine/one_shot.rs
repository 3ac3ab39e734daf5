//! The one-shot sinks of a run, each of which gets one list after the other.
//!
//! Before it: `run_context` knows the sinks of the run. Behind it: `deliver/publication` takes the
//! turn of such a sink for each list, and `end_one_shot` ends them with the run.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::registry::BoundSink;

/// The one-shot sinks of a run.
#[derive(Debug)]
pub(super) struct OneShotSinks(Vec<(BoundSink, Arc<Mutex<()>>)>);

/// The right to deliver a list to a one-shot sink. Dropping it gives it back.
pub(super) type Turn = OwnedMutexGuard<()>;

impl OneShotSinks {
    /// Takes the one-shot ones of `sinks`.
    pub(super) fn of<'a>(sinks: impl Iterator<Item = &'a BoundSink>) -> Self {
        Self(sinks.filter(|sink| sink.is_one_shot()).map(|sink| (sink.clone(), Arc::default())).collect())
    }

    /// Iterates over the sinks.
    pub(super) fn iter(&self) -> impl Iterator<Item = &BoundSink> {
        self.0.iter().map(|(sink, _)| sink)
    }

    /// Waits until no other list is delivered to `sink`; `None` for a sink that is not one-shot.
    /// Nothing is read or opened for a list that waits: it holds only its slot, so the list before
    /// it can always go on.
    pub(super) async fn turn(&self, sink: &BoundSink) -> Option<Turn> {
        let (_, turn) = self.0.iter().find(|(one_shot, _)| one_shot.name() == sink.name())?;
        Some(Arc::clone(turn).lock_owned().await)
    }
}
