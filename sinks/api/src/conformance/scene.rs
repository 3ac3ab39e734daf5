//! The set-up of one case: a folder, a subject, and the calls that the engine would make.
//!
//! Before it: the cases. Behind it: the sink under test, and the `Subject`, which reads what the
//! sink has published.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::aftermath::Aftermath;
use super::list::{List, Occasion, follower_columns};
use super::objects::objects_under;
use super::outcome::{Step, Stop, broken, failed};
use super::rows::{ReadError, same_rows};
use super::subject::{ReadBack, Subject, Traces, files_under};
use crate::batch::Batch;
use crate::configured::ConfiguredSink;
use crate::context::SinkContext;
use crate::delivery::Delivery;
use crate::error::SinkError;
use crate::found::Found;
use crate::root::Root;
use crate::sink::{Sink, SinkReport};

/// How often a call is made, at most, while it returns a temporary error.
const ATTEMPTS: usize = 5;

/// Repeats a call while it returns a temporary error, as the engine does (but without waiting).
/// This is a macro because the compiler cannot prove that the future of an `AsyncFnMut` is `Send`.
macro_rules! persist {
    ($call:expr) => {{
        let mut attempts = 1;
        loop {
            match $call.await {
                Err(error) if error.is_temporary() && attempts < ATTEMPTS => attempts += 1,
                result => break result,
            }
        }
    }};
}

/// One subject in one fresh folder.
pub(super) struct Scene<'a> {
    subject: &'a dyn Subject,
    directory: Arc<TempDir>,
    aftermath: Aftermath,
    simulated: bool,
    /// A suffix of the app ids of the case.
    distinction: Option<String>,
}

/// The progress of an attempt at a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    Opened,
    HalfWritten,
    Written,
    Prepared,
    Committed,
}

impl Moment {
    /// The moments at which nothing of the list is visible.
    pub(super) const BEFORE_COMMIT: [Self; 4] = [Self::Opened, Self::HalfWritten, Self::Written, Self::Prepared];
}

impl<'a> Scene<'a> {
    pub(super) fn new(subject: &'a dyn Subject) -> Step<Self> {
        let directory = TempDir::new().map_err(|error| failed("making a temporary folder", &error))?;
        Ok(Self {
            subject,
            directory: Arc::new(directory),
            aftermath: Aftermath::default(),
            simulated: false,
            distinction: subject.distinction(),
        })
    }

    /// Returns a scene of the same subject in another place: in another folder, and with other app
    /// ids if the lists of all scenes go to one place.
    pub(super) fn elsewhere(&self) -> Step<Self> {
        Ok(Self { aftermath: self.aftermath.clone(), ..Self::new(self.subject)? })
    }

    /// Returns what the end of the case needs.
    pub(super) fn aftermath(&self) -> Aftermath {
        self.aftermath.clone()
    }

    /// Sets whether the following lists come from the simulator.
    pub(super) fn set_simulated(&mut self, simulated: bool) {
        self.simulated = simulated;
    }

    pub(super) fn subject(&self) -> &'a dyn Subject {
        self.subject
    }

    /// Makes the sink of the case.
    pub(super) fn sink(&self) -> ConfiguredSink {
        self.subject.sink(self.directory())
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a list of profiles.
    pub(super) fn profiles(&self, occasion: Occasion) -> List {
        List::profiles(&self.app_id(occasion), occasion)
    }

    /// Returns the app id of a list of the case.
    fn app_id(&self, occasion: Occasion) -> String {
        match &self.distinction {
            Some(distinction) => format!("{}-{distinction}", occasion.app_id),
            None => occasion.app_id.to_owned(),
        }
    }

    /// Makes a list in the columns that the sink is configured for, or in those of followers.
    pub(super) fn followers(&self, occasion: Occasion, sizes: &[usize]) -> List {
        List::of_columns(
            &self.app_id(occasion),
            &self.subject.columns().unwrap_or_else(follower_columns),
            occasion,
            sizes,
        )
    }

    pub(super) fn context(&self, list: &List) -> SinkContext {
        let context = list.context(self.directory()).with_simulated(self.simulated);
        let context = self.subject.context(self.directory(), context);
        if context.confinement.is_some() {
            for root in self.sink().roots().iter().filter(|root| root.as_path().is_none()) {
                self.aftermath.note_place(context.output_root(root));
            }
        }
        context
    }

    /// Returns the context of a complete list: with its facts and its digest.
    pub(super) fn complete_context(&self, list: &List) -> SinkContext {
        let snapshot = &list.snapshot;
        self.context(list).with_facts(snapshot.begun_at, Some(snapshot.rows)).with_digest(&snapshot.digest)
    }

    /// Returns the roots of the sink, resolved as a sink resolves them.
    pub(super) fn roots(&self, list: &List) -> Vec<Root> {
        let context = self.context(list);
        self.sink().roots().iter().map(|root| context.output_root(root)).collect()
    }

    pub(super) async fn check(&self, list: &List) -> Step {
        let checked = self.sink().check(&self.context(list)).await;
        checked.map_err(|error| failed("`check`", &error))
    }

    pub(super) async fn open(&self, list: &List) -> Step<Attempt> {
        let (configured, context) = (self.sink(), self.context(list));
        let result = persist!(configured.open(context.clone()));
        let sink = result.map_err(|error| failed("`open`", &error))?;
        Ok(Attempt { sink, configured, context, aftermath: self.aftermath() })
    }

    /// Opens a sink for `list` and takes it as far as `moment`.
    pub(super) async fn advance(&self, list: &List, moment: Moment) -> Step<Attempt> {
        let mut attempt = self.open(list).await?;
        if moment >= Moment::HalfWritten {
            let half = list.batches.len() / 2;
            attempt.write_all(&list.batches[..half]).await?;
            if moment >= Moment::Written {
                attempt.write_all(&list.batches[half..]).await?;
            }
        }
        if moment >= Moment::Prepared {
            attempt.prepare(list).await?;
        }
        if moment >= Moment::Committed {
            attempt.commit().await?;
        }
        Ok(attempt)
    }

    /// Delivers `list` without disturbance.
    pub(super) async fn deliver(&self, list: &List) -> Step<SinkReport> {
        let report = self.advance(list, Moment::Prepared).await?.commit().await?;
        if report.rows != list.snapshot.rows {
            return broken(format!("the report counts {} rows, expected {}", report.rows, list.snapshot.rows));
        }
        Ok(report)
    }

    /// Delivers `list` to a sink that may refuse it.
    pub(super) async fn try_deliver(&self, list: &List) -> Result<SinkReport, SinkError> {
        let mut sink = persist!(self.sink().open(self.context(list)))?;
        let mut delivered = Ok(());
        for batch in &list.batches {
            delivered = persist!(sink.write(batch));
            if delivered.is_err() {
                break;
            }
        }
        if delivered.is_ok() {
            delivered = sink.prepare(&list.snapshot).await;
        }
        if let Err(error) = delivered {
            sink.abort().await?;
            return Err(error);
        }
        persist!(sink.commit())
    }

    pub(super) async fn find(&self, context: &SinkContext, report: &SinkReport) -> Step<Found> {
        let found = persist!(self.sink().find(context, report));
        found.map_err(|error| failed("`find`", &error))
    }

    /// Removes what was published for `list`; returns whether the subject can do so.
    pub(super) async fn remove(&self, list: &List) -> Step<bool> {
        self.aftermath.forget(self.directory());
        let removed = self.subject.remove(self.directory(), &self.context(list)).await;
        removed.map_err(|error| failed("removing the published list", error.as_ref()))
    }

    pub(super) async fn read(&self, list: &List) -> Step<Option<ReadBack>> {
        let published = self.subject.read(self.directory(), &self.context(list)).await;
        published.map_err(|error| failed("reading the published list", error.as_ref()))
    }

    /// Reads what was published for `list`, which must be its rows, each once and in order. If it
    /// cannot be read, nothing is compared.
    pub(super) async fn expect_published(&self, list: &List) -> Step<ReadBack> {
        if !self.subject.is_readable() {
            return Ok(ReadBack::default());
        }
        let Some(published) = self.read(list).await? else {
            return broken("nothing is published");
        };
        same_rows(list.schema(), &list.rows, &published.rows).map_err(Stop::Broken)?;
        self.aftermath.note(Arc::clone(&self.directory), self.context(list), list.clone());
        Ok(published)
    }

    pub(super) async fn expect_nothing_published(&self, list: &List, when: &str) -> Step {
        if !self.subject.is_readable() {
            return Ok(());
        }
        match self.read(list).await? {
            None => Ok(()),
            // A query of a table returns no rows both for no list and for an empty one.
            Some(published) if published == ReadBack::default() => Ok(()),
            Some(published) => broken(format!("{} rows are visible {when}", published.rows.len())),
        }
    }

    pub(super) async fn traces(&self) -> Step<Traces> {
        let failed = |error: ReadError| failed("reading the traces", error.as_ref());
        let mut traces = self.subject.traces(self.directory()).await.map_err(failed)?;
        for place in self.aftermath.places() {
            traces.extend(objects_under(&place).map_err(failed)?);
        }
        Ok(traces)
    }

    /// Reads every file under the sink's roots, hidden ones included.
    pub(super) fn files_in_roots(&self, list: &List) -> Step<Traces> {
        let mut files = Traces::new();
        for root in self.roots(list) {
            let Some(root) = root.as_path() else {
                files.extend(objects_under(&root).map_err(|error| failed("reading a root", error.as_ref()))?);
                continue;
            };
            let found = files_under(root).map_err(|error| failed("reading a root", &error))?;
            files.extend(found.into_iter().map(|(name, bytes)| (root.join(name).display().to_string(), bytes)));
        }
        Ok(files)
    }
}

/// An open sink, to which one list is being delivered.
pub(super) struct Attempt {
    sink: Box<dyn Sink>,
    configured: ConfiguredSink,
    context: SinkContext,
    aftermath: Aftermath,
}

impl Attempt {
    pub(super) async fn write(&mut self, batch: &Batch) -> Step {
        let result = persist!(self.sink.write(batch));
        result.map_err(|error| failed(&format!("`write` of batch {}", batch.sequence()), &error))
    }

    /// Writes a batch without a second attempt.
    pub(super) async fn write_once(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.sink.write(batch).await
    }

    pub(super) async fn write_all(&mut self, batches: &[Batch]) -> Step {
        for batch in batches {
            self.write(batch).await?;
        }
        Ok(())
    }

    pub(super) async fn prepare(&mut self, list: &List) -> Step {
        self.sink.prepare(&list.snapshot).await.map_err(|error| failed("`prepare`", &error))
    }

    pub(super) async fn commit(&mut self) -> Step<SinkReport> {
        let result = persist!(self.sink.commit());
        let report = result.map_err(|error| failed("`commit`", &error))?;
        if self.configured.delivery() == Delivery::OneShot {
            // Each list is a run of its own, after which its readers are asked.
            self.configured.end(&self.context, true).await.map_err(|error| failed("`end`", &error))?;
        }
        Ok(report)
    }

    pub(super) async fn abort(mut self) -> Step {
        self.sink.abort().await.map_err(|error| failed("`abort`", &error))
    }

    /// Ends like a killed process: data in the memory of the sink is lost, and no destructor runs
    /// before the end of the case.
    pub(super) fn crash(self) {
        self.aftermath.keep(self.sink);
    }
}

/// Compares two sets of named outputs, each with its description for the error.
pub(super) fn same_bytes(expected: (&str, &Traces), found: (&str, &Traces)) -> Step {
    let ((expected_name, expected), (found_name, found)) = (expected, found);
    for (name, bytes) in expected {
        match found.get(name) {
            None => return broken(format!("`{name}` is in {expected_name}, not in {found_name}")),
            Some(other) if other != bytes => {
                let place = bytes.iter().zip(other).take_while(|(left, right)| left == right).count();
                return broken(format!(
                    "`{name}` in {found_name} differs from {expected_name} at byte {place} ({} bytes, expected {})",
                    other.len(),
                    bytes.len()
                ));
            }
            Some(_) => {}
        }
    }
    match found.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => broken(format!("`{name}` is in {found_name}, not in {expected_name}")),
        None => Ok(()),
    }
}
