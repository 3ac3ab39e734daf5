//! The facts that the engine gives a sink when it opens it.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::arrow::datatypes::SchemaRef;
#[cfg(feature = "files")]
use crate::files::Trials;
use crate::root::{Root, SIMULATED};
use crate::walk_id::WalkId;

/// The list that a sink will receive: its account, its walk and its columns, and the place of the
/// outputs.
///
/// A context is a function of the journal and the pipeline file. A sink takes the names of its
/// outputs from here; so it writes the same names and bytes when it is opened again after a crash.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkContext {
    /// The pipeline's `name`.
    pub pipeline: String,
    /// The sink's name in the pipeline file (`archive` in `[sinks.archive]`).
    pub sink: String,
    /// The account's name in the pipeline file.
    pub account: String,
    /// The account's app id (`wx…`).
    pub app_id: String,
    /// The names of all accounts of the run, this one included. The sink is opened once for each of
    /// them, so each needs a place of its own.
    pub accounts: Arc<[String]>,
    /// Which list of the account: `followers`. An account has several, and each needs a place of
    /// its own.
    pub list: String,
    /// The walk that reads the list.
    pub walk: WalkId,
    /// The logical date of the snapshot.
    pub date: NaiveDate,
    /// When the walk began; `None` before it has begun.
    pub begun_at: Option<DateTime<Utc>>,
    /// The rows of the list; `None` until it is complete.
    pub rows: Option<u64>,
    /// The digest of the list ([`Snapshot::digest`](crate::Snapshot)); `None` until it is known,
    /// and where it is not needed.
    pub digest: Option<String>,
    /// Whether to deliver the list even if the sink cannot tell whether it was delivered before, or
    /// has another list of the date and cannot replace it (`--again`).
    pub again: bool,
    /// The columns of every batch, as the pipeline file's `columns` selects and orders them.
    pub schema: SchemaRef,
    /// The folder of the pipeline file, which relative paths in options start from; empty for the
    /// working directory.
    pub directory: PathBuf,
    /// Whether the list comes from the simulator (`--simulate`); its outputs must stay apart from
    /// real ones.
    pub simulated: bool,
    /// What the sinks of files have tried in this run.
    #[cfg(feature = "files")]
    pub(crate) trials: Trials,
    /// A folder for every output, instead of the places that the options name.
    pub(crate) confinement: Option<PathBuf>,
    pub(crate) on_closed: OnClosed,
}

/// What the engine does when a writer is closed.
#[derive(Clone, Default)]
pub(crate) struct OnClosed(Option<Arc<dyn Fn() + Send + Sync>>);

impl fmt::Debug for OnClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("OnClosed").field(&self.0.is_some()).finish()
    }
}

impl SinkContext {
    /// Makes a context for account `account` of app id `app_id`; the other names are placeholders,
    /// which the `with_…` methods replace.
    pub fn new(account: &str, app_id: &str, schema: SchemaRef) -> Self {
        Self {
            pipeline: "pipeline".to_owned(),
            sink: "sink".to_owned(),
            account: account.to_owned(),
            app_id: app_id.to_owned(),
            accounts: [account.to_owned()].into(),
            list: "followers".to_owned(),
            walk: WalkId::new(1, DateTime::UNIX_EPOCH),
            date: DateTime::UNIX_EPOCH.date_naive(),
            begun_at: None,
            rows: None,
            digest: None,
            again: false,
            schema,
            directory: PathBuf::from("."),
            simulated: false,
            #[cfg(feature = "files")]
            trials: Trials::default(),
            confinement: None,
            on_closed: OnClosed::default(),
        }
    }

    /// Sets the names of the pipeline and of the sink.
    #[must_use]
    pub fn with_names(mut self, pipeline: &str, sink: &str) -> Self {
        pipeline.clone_into(&mut self.pipeline);
        sink.clone_into(&mut self.sink);
        self
    }

    /// Sets the names of all accounts of the run; by default there is only this one.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Arc<[String]>) -> Self {
        self.accounts = accounts;
        self
    }

    /// Sets the name of the list.
    #[must_use]
    pub fn with_list(mut self, list: &str) -> Self {
        list.clone_into(&mut self.list);
        self
    }

    /// Sets the walk and its logical date.
    #[must_use]
    pub fn with_walk(mut self, walk: WalkId, date: NaiveDate) -> Self {
        self.walk = walk;
        self.date = date;
        self
    }

    /// Sets when the walk began, and the rows of the list if it is complete.
    #[must_use]
    pub fn with_facts(mut self, begun_at: DateTime<Utc>, rows: Option<u64>) -> Self {
        self.begun_at = Some(begun_at);
        self.rows = rows;
        self
    }

    /// Sets the digest of a complete list, by which [`SinkFactory::find`](crate::SinkFactory::find)
    /// recognises it.
    #[must_use]
    pub fn with_digest(mut self, digest: &str) -> Self {
        self.digest = Some(digest.to_owned());
        self
    }

    /// Sets whether to deliver the list even if the sink cannot tell whether it was delivered
    /// before.
    #[must_use]
    pub fn with_again(mut self, again: bool) -> Self {
        self.again = again;
        self
    }

    /// Sets the folder that relative paths start from.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Sets whether the list is simulated.
    #[must_use]
    pub fn with_simulated(mut self, simulated: bool) -> Self {
        self.simulated = simulated;
        self
    }

    /// Sets what the sinks of files have tried in this run, so that they try it once. Without it,
    /// every context tries anew.
    #[cfg(feature = "files")]
    #[must_use]
    pub fn with_trials(mut self, trials: Trials) -> Self {
        self.trials = trials;
        self
    }

    /// Puts every output below `folder` instead of the places that the options name: for tests of a
    /// configured sink. Objects go to a prefix of that name below the root.
    #[must_use]
    pub fn with_outputs_below(mut self, folder: impl Into<PathBuf>) -> Self {
        self.confinement = Some(folder.into());
        self
    }

    /// Sets what [`writer_is_closed`](Self::writer_is_closed) calls. By default it does nothing.
    #[must_use]
    pub fn with_on_closed(mut self, on_closed: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_closed = OnClosed(Some(Arc::new(on_closed)));
        self
    }

    /// Says that the sink has closed its writer, so that what is left of
    /// [`prepare`](crate::Sink::prepare) only waits, such as for a disk. Then the engine opens the
    /// sinks of another list. A sink need not say this: that its `prepare` returns says the same.
    ///
    /// [`StagedFiles`](crate::files::StagedFiles) says it for its sink.
    pub fn writer_is_closed(&self) {
        if let Some(on_closed) = &self.on_closed.0 {
            on_closed();
        }
    }

    /// Returns the place of a root that the options name, as [`output_path`](Self::output_path)
    /// does that of a path.
    pub fn output_root(&self, root: &Root) -> Root {
        root.placed(self.confinement.as_deref(), self.simulated, |path| self.output_path(path))
    }

    /// Returns the place of an output folder or file that the options name. A relative path starts
    /// at the pipeline file's folder. A simulated list goes to `<path>.simulated`, apart from real
    /// ones.
    pub fn output_path(&self, path: &Path) -> PathBuf {
        let path = match &self.confinement {
            // One folder deeper: a root may be only `.` or `/`, and its staging lies beside it.
            Some(folder) => {
                let names = path.components().filter(|component| matches!(component, Component::Normal(_)));
                folder.join("outputs").join(names.collect::<PathBuf>())
            }
            None => self.directory.join(path),
        };
        // Without `.`, which only lengthens a report, and without a final slash: a suffix after it
        // would name a hidden file in the folder.
        let mut clean: PathBuf = path.components().filter(|component| *component != Component::CurDir).collect();
        if clean.as_os_str().is_empty() {
            clean.push(".");
        }
        if self.simulated {
            clean.as_mut_os_string().push(SIMULATED);
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrow::datatypes::Schema;

    #[test]
    fn a_simulated_list_goes_beside_the_real_one() {
        let context = SinkContext::new("a", "wx1", Arc::new(Schema::empty())).with_directory("/pipelines");
        assert_eq!(context.output_path(Path::new("out/")), Path::new("/pipelines/out/"));
        let simulated = context.with_simulated(true);
        assert_eq!(simulated.output_path(Path::new("out/")), Path::new("/pipelines/out.simulated"));
        assert_eq!(simulated.output_path(Path::new("/data/out")), Path::new("/data/out.simulated"));
    }

    #[test]
    fn a_confined_output_stays_below_its_folder() {
        let context = SinkContext::new("a", "wx1", Arc::new(Schema::empty())).with_outputs_below("/test");
        for (path, expected) in
            [("out", "/test/outputs/out"), ("/data/../out/", "/test/outputs/data/out"), ("..", "/test/outputs")]
        {
            assert_eq!(context.output_path(Path::new(path)).as_os_str(), expected);
        }
        let simulated = context.with_simulated(true);
        assert_eq!(simulated.output_path(Path::new("/")), Path::new("/test/outputs.simulated"));
    }

    #[test]
    fn an_output_is_called_by_its_shortest_name() {
        let context = SinkContext::new("a", "wx1", Arc::new(Schema::empty()));
        for (directory, path, expected) in [
            (".", "out", "out"),
            ("", "./out/", "out"),
            ("./pipelines", "out/./lists", "pipelines/out/lists"),
            ("..", "./out", "../out"),
            (".", ".", "."),
        ] {
            let place = context.clone().with_directory(directory).output_path(Path::new(path));
            assert_eq!(place.as_os_str(), expected, "{directory} {path}");
        }
    }
}
