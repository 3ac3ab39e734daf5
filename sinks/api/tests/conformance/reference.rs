//! The smallest sink that keeps the whole protocol: a list is one file of JSON lines, written in a
//! folder beside the root and renamed into it. Its first line names the owner and the walk. A
//! [`Flaw`] breaks one promise on purpose.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fanout_sink::arrow::datatypes::{DataType, Field};
use fanout_sink::conformance::{ReadBack, ReadError, Row, Subject, files_under, rows_of};
use fanout_sink::schemars::JsonSchema;
use fanout_sink::{
    Batch, ConfiguredSink, Delivery, Found, Output, Root, Sink, SinkContext, SinkError, SinkFactory, SinkReport,
    Snapshot, WalkId, async_trait,
};
use serde::{Deserialize, Serialize};

/// One broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    LosesARow,
    Reorders,
    LosesEmptyTexts,
    LosesEmptyArrays,
    IgnoresEmptyLists,
    ReportsTooMany,
    WritesTheColumnsItKnows,
    NamesByChance,
    ShowsWhatItWrites,
    StagesInTheRoot,
    CommitsOnce,
    LeavesStagingOnAbort,
    AbortsTheEarlierList,
    KeepsStagingOfACrash,
    DoublesAfterCommit,
    CleansUpInItsDestructor,
    TakesThePublishedListWithIt,
    AcceptsHalfOfARefusedBatch,
    AddsToTheEarlierWalk,
    ForgetsTheDate,
    SharesStaging,
    SharesStagingAmongLists,
    ReplacesAnyList,
    ReplacesANewerList,
    MixesSimulatedWithReal,
    ChecksByWriting,
    OpensOnlyAfterACheck,
    RootsElsewhere,
    NamedInCapitals,
    SummarisedInTwoLines,
    PromisesNothing,
    NeedsTheAppId,
    SkipsSingleRows,
    StopsAtAnEmptyBatch,
    CutsLargeBatches,
    KeepsAHundredBatches,
    LocksByFile,
    OpensByRemoving,
    ForgetsWhenItWaits,
    FindsNothing,
    FindsWhatIsGone,
    FindsAnyOwners,
    FindsAnyWalk,
    FindsByWriting,
}

/// The factory, with what a test controls: the flaw, and the next failure.
#[derive(Clone, Default)]
pub(crate) struct Reference {
    pub(crate) flaw: Option<Flaw>,
    /// Whether a commit leaves the list of its own walk as it is, which line 10 allows.
    pub(crate) recognises_walks: bool,
    /// Whether it cannot take columns of lists.
    pub(crate) refuses_lists: bool,
    refuse: Arc<AtomicBool>,
}

impl Reference {
    pub(crate) fn with(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn root(&self, root: &Path, context: &SinkContext) -> PathBuf {
        if self.has(Flaw::MixesSimulatedWithReal) { context.directory.join(root) } else { context.output_path(root) }
    }

    /// Returns the beginning of the names of the list's outputs.
    fn stem(&self, context: &SinkContext) -> String {
        let date = context.date.to_string();
        format!("{}-{}", context.app_id, if self.has(Flaw::ForgetsTheDate) { "always" } else { &date })
    }

    fn staging(&self, root: &Path, context: &SinkContext) -> PathBuf {
        let folder = if self.has(Flaw::StagesInTheRoot) { root.join(".staging") } else { beside(root, ".staging") };
        if self.has(Flaw::SharesStaging) {
            return folder.join("list.jsonl");
        }
        let list = if self.has(Flaw::SharesStagingAmongLists) { "any" } else { &context.list };
        folder.join(format!("{}-{list}.jsonl", self.stem(context)))
    }

    fn target(&self, root: &Path, context: &SinkContext) -> PathBuf {
        static CHANCE: AtomicUsize = AtomicUsize::new(0);
        let stem = self.stem(context);
        match self.flaw {
            Some(Flaw::NamesByChance) => root.join(format!("{stem}-{}.jsonl", CHANCE.fetch_add(1, Ordering::Relaxed))),
            Some(Flaw::AddsToTheEarlierWalk) => root.join(format!("{stem}-{}.jsonl", context.walk)),
            _ => root.join(format!("{stem}.jsonl")),
        }
    }
}

/// The first line of a published file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// Pipeline, sink, app id and list.
    owner: [String; 4],
    walk: WalkId,
}

impl Head {
    fn new(context: &SinkContext) -> Self {
        let SinkContext { pipeline, sink, app_id, list, walk, .. } = context;
        Self { owner: [pipeline, sink, app_id, list].map(Clone::clone), walk: *walk }
    }

    /// Reads the head of the file at `target`; `None` if there is no file.
    fn read(target: &Path) -> Result<Option<Self>, SinkError> {
        let text = match fs::read_to_string(target) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(target, error)),
        };
        let head = serde_json::from_str(text.lines().next().unwrap_or_default());
        head.map(Some).map_err(|error| SinkError::permanent("not a list").with_source(error))
    }
}

fn beside(root: &Path, suffix: &str) -> PathBuf {
    let mut name = root.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReferenceOptions {
    root: PathBuf,
}

#[async_trait]
impl SinkFactory for Reference {
    type Options = ReferenceOptions;
    type Sink = ReferenceSink;

    fn name(&self) -> &'static str {
        if self.has(Flaw::NamedInCapitals) { "Reference" } else { "reference" }
    }

    fn summary(&self) -> &'static str {
        match self.flaw {
            Some(Flaw::SummarisedInTwoLines) => "one file of JSON lines\nfor each account and date, exactly once",
            Some(Flaw::PromisesNothing) => "one file of JSON lines for each account and date",
            _ => "one file of JSON lines for each account and date, exactly once",
        }
    }

    fn delivery(&self, _options: &ReferenceOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, _options: &ReferenceOptions) -> u64 {
        0
    }

    fn takes(&self, _options: &ReferenceOptions, field: &Field) -> bool {
        !self.refuses_lists || !matches!(field.data_type(), DataType::List(_))
    }

    fn roots(&self, options: &ReferenceOptions) -> Vec<Root> {
        let elsewhere = self.has(Flaw::RootsElsewhere);
        vec![if elsewhere { std::env::temp_dir() } else { options.root.clone() }.into()]
    }

    async fn check(&self, options: &ReferenceOptions, context: &SinkContext) -> Result<(), SinkError> {
        if self.has(Flaw::ChecksByWriting) || self.has(Flaw::OpensOnlyAfterACheck) {
            let root = self.root(&options.root, context);
            fs::create_dir_all(&root).map_err(|error| failed(&root, error))?;
            fs::write(root.join("probe"), "").map_err(|error| failed(&root, error))?;
        }
        Ok(())
    }

    async fn open(&self, options: ReferenceOptions, context: SinkContext) -> Result<ReferenceSink, SinkError> {
        let root = self.root(&options.root, &context);
        if self.has(Flaw::OpensOnlyAfterACheck) && !root.join("probe").exists() {
            return Err(SinkError::permanent("not checked"));
        }
        let (staging, target, head) =
            (self.staging(&root, &context), self.target(&root, &context), Head::new(&context));
        if let Some(found) = Head::read(&target)?
            && found.owner != head.owner
            && !self.has(Flaw::ReplacesAnyList)
        {
            return Err(SinkError::permanent(format!("`{}` is in the way", target.display())));
        }
        for folder in [root.as_path(), staging.parent().unwrap()] {
            fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        }
        if self.has(Flaw::OpensByRemoving) {
            let _ = fs::remove_file(&target);
        }
        if self.has(Flaw::LocksByFile) {
            let lock = beside(&staging, ".lock");
            File::create_new(&lock).map_err(|error| failed(&lock, error))?;
        }
        let keep = self.has(Flaw::KeepsStagingOfACrash) || self.has(Flaw::CleansUpInItsDestructor);
        let mut file = File::options();
        file.create(true).write(true).append(keep).truncate(!keep);
        let mut file = file.open(&staging).map_err(|error| failed(&staging, error))?;
        let head = serde_json::to_string(&head).unwrap() + "\n";
        file.write_all(head.as_bytes()).map_err(|error| failed(&staging, error))?;
        Ok(ReferenceSink {
            reference: self.clone(),
            staging,
            target,
            walk: context.walk,
            file,
            held: Vec::new(),
            rows: 0,
            committed: false,
            aborted: false,
            stopped: false,
            waiting: Instant::now(),
        })
    }

    async fn find(
        &self,
        _options: &ReferenceOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        find(self, context, report)
    }
}

/// Returns the state of the list of `context`.
fn find(reference: &Reference, context: &SinkContext, report: &SinkReport) -> Result<Found, SinkError> {
    let target = Path::new(&report.outputs[0].location);
    if reference.has(Flaw::FindsByWriting) {
        fs::write(beside(target, ".seen"), "").map_err(|error| failed(target, error))?;
    }
    if reference.has(Flaw::FindsNothing) {
        return Ok(Found::Gone);
    }
    let Some(found) = Head::read(target)? else {
        return Ok(if reference.has(Flaw::FindsWhatIsGone) { Found::Held } else { Found::Gone });
    };
    let ours = Head::new(context);
    if found.owner != ours.owner && !reference.has(Flaw::FindsAnyOwners) {
        return Ok(Found::Taken(format!("the list of {:?}", found.owner)));
    }
    if found.walk != ours.walk && !reference.has(Flaw::FindsAnyWalk) {
        let is_newer = found.walk.begun_at() > ours.walk.begun_at();
        return Ok(if is_newer { Found::Replaced } else { Found::Altered("an older list".to_owned()) });
    }
    Ok(Found::Held)
}

pub(crate) struct ReferenceSink {
    reference: Reference,
    staging: PathBuf,
    target: PathBuf,
    walk: WalkId,
    file: File,
    held: Vec<Row>,
    rows: u64,
    committed: bool,
    aborted: bool,
    stopped: bool,
    /// The time of the last batch.
    waiting: Instant,
}

impl ReferenceSink {
    fn has(&self, flaw: Flaw) -> bool {
        self.reference.has(flaw)
    }

    fn append(&mut self, row: &Row) -> Result<(), SinkError> {
        let line = serde_json::to_string(row).unwrap() + "\n";
        self.file.write_all(line.as_bytes()).map_err(|error| failed(&self.staging, error))
    }

    /// Applies the flaw to the rows of a batch.
    fn spoil(&mut self, sequence: u64, rows: &mut Vec<Row>) -> Result<(), SinkError> {
        match self.reference.flaw {
            Some(Flaw::LosesARow) if sequence == 1 => drop(rows.pop()),
            // The first batch is held back, and written after the last.
            Some(Flaw::Reorders) if sequence == 0 => std::mem::swap(rows, &mut self.held),
            Some(Flaw::LosesEmptyTexts) => {
                for row in rows.iter_mut() {
                    row.retain(|_, value| value != "");
                }
            }
            Some(Flaw::LosesEmptyArrays) => {
                for row in rows.iter_mut() {
                    row.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
                }
            }
            Some(Flaw::WritesTheColumnsItKnows) => {
                for row in rows.iter_mut() {
                    row.entry("position").or_insert(0.into());
                }
            }
            Some(Flaw::NeedsTheAppId) if rows.iter().any(|row| !row.contains_key("app_id")) => {
                return Err(SinkError::permanent("a row without `app_id`"));
            }
            Some(Flaw::SkipsSingleRows) if rows.len() == 1 => rows.clear(),
            Some(Flaw::StopsAtAnEmptyBatch) if rows.is_empty() || self.stopped => {
                self.stopped = true;
                rows.clear();
            }
            Some(Flaw::CutsLargeBatches) => rows.truncate(65_536),
            Some(Flaw::ForgetsWhenItWaits) if self.waiting.elapsed() > Duration::from_millis(100) => rows.clear(),
            Some(Flaw::KeepsAHundredBatches) if sequence >= 100 => rows.clear(),
            _ => {}
        }
        Ok(())
    }
}

fn failed(path: &Path, error: std::io::Error) -> SinkError {
    SinkError::permanent(format!("`{}` cannot be written", path.display())).with_source(error)
}

#[async_trait]
impl Sink for ReferenceSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let mut rows =
            rows_of(batch.records()).map_err(|error| SinkError::permanent("a foreign column").with_source(error))?;
        let count = rows.len();
        if self.reference.refuse.swap(false, Ordering::Relaxed) {
            if self.has(Flaw::AcceptsHalfOfARefusedBatch) {
                rows[..count / 2].iter().try_for_each(|row| self.append(row))?;
            }
            return Err(SinkError::temporary("not now"));
        }
        self.spoil(batch.sequence(), &mut rows)?;
        self.waiting = Instant::now();
        rows.iter().try_for_each(|row| self.append(row))?;
        self.rows += count as u64;
        if self.has(Flaw::ShowsWhatItWrites) {
            fs::copy(&self.staging, &self.target).map_err(|error| failed(&self.target, error))?;
        }
        Ok(())
    }

    async fn prepare(&mut self, _snapshot: &Snapshot) -> Result<(), SinkError> {
        let held = std::mem::take(&mut self.held);
        held.iter().try_for_each(|row| self.append(row))?;
        self.file.sync_all().map_err(|error| failed(&self.staging, error))
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        if self.has(Flaw::IgnoresEmptyLists) && self.rows == 0 {
            return Ok(SinkReport::default());
        }
        if !self.committed || self.has(Flaw::CommitsOnce) {
            if self.has(Flaw::DoublesAfterCommit) && self.target.exists() {
                let mut both = fs::read(&self.target).map_err(|error| failed(&self.target, error))?;
                both.extend(fs::read(&self.staging).map_err(|error| failed(&self.staging, error))?);
                fs::write(&self.staging, both).map_err(|error| failed(&self.staging, error))?;
            }
            let stays = |found: Head| {
                found.walk.begun_at() > self.walk.begun_at() && !self.has(Flaw::ReplacesANewerList)
                    || found.walk == self.walk && self.reference.recognises_walks
            };
            if Head::read(&self.target)?.is_some_and(stays) {
                fs::remove_file(&self.staging).map_err(|error| failed(&self.staging, error))?;
            } else {
                fs::rename(&self.staging, &self.target).map_err(|error| failed(&self.target, error))?;
            }
            self.committed = true;
        }
        let bytes = fs::metadata(&self.target).map_err(|error| failed(&self.target, error))?.len();
        let rows = if self.has(Flaw::ReportsTooMany) { self.rows + 1 } else { self.rows };
        let output = Output { location: self.target.display().to_string(), rows, bytes };
        Ok(SinkReport { rows, bytes, outputs: vec![output], mount: None })
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        if self.has(Flaw::LeavesStagingOnAbort) {
            return Ok(());
        }
        if self.has(Flaw::AbortsTheEarlierList) {
            let _ = fs::remove_file(&self.target);
        }
        self.aborted = true;
        fs::remove_file(&self.staging).map_err(|error| failed(&self.staging, error))
    }
}

impl Drop for ReferenceSink {
    fn drop(&mut self) {
        // As a program whose staged file has the name of the published one, and which removes it
        // when it sees the end of its input.
        if self.has(Flaw::TakesThePublishedListWithIt) && !self.committed && !self.aborted {
            let _ = fs::remove_file(&self.target);
        }
        if self.has(Flaw::CleansUpInItsDestructor) {
            let _ = fs::remove_file(&self.staging);
        }
    }
}

#[async_trait]
impl Subject for Reference {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        ConfiguredSink::new(self.clone(), ReferenceOptions { root: directory.join("out") })
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        read(directory, context)
    }

    fn fail_next_write(&self, _directory: &Path) -> bool {
        self.refuse.store(true, Ordering::Relaxed);
        true
    }
}

/// Reads a list as an ordinary reader does.
pub(crate) fn read(directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
    let root = context.output_path(&directory.join("out"));
    let stem = format!("{}-{}", context.app_id, context.date);
    let mut outputs = files_under(&root)?;
    outputs.retain(|name, _| name.starts_with(&stem) || name.starts_with(&format!("{}-always", context.app_id)));
    if outputs.is_empty() {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for bytes in outputs.values() {
        for line in std::str::from_utf8(bytes)?.lines().skip(1) {
            rows.push(serde_json::from_str(line)?);
        }
    }
    Ok(Some(ReadBack { rows, outputs }))
}
