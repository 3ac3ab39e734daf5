//! The subject of the conformance suite: a sink of a pipeline file, and the program that reads its
//! lists back.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::Utc;
use fanout_sink::arrow::datatypes::{Schema, SchemaRef};
use fanout_sink::conformance::{ReadBack, ReadError, Subject};
use fanout_sink::{ConfiguredSink, SinkContext};

use crate::registry::BoundSink;

/// A sink of a pipeline file.
pub(super) struct Configured<'a> {
    sink: BoundSink,
    directory: &'a Path,
    /// The program that reads back, and its arguments; empty if there is none.
    reader: &'a [String],
    /// Seconds since 1970.
    began_at: i64,
    case: AtomicUsize,
}

impl<'a> Configured<'a> {
    pub(super) fn new(sink: BoundSink, directory: &'a Path, reader: &'a [String]) -> Self {
        Self { sink, directory, reader, began_at: Utc::now().timestamp(), case: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Subject for Configured<'_> {
    /// Returns the same sink for every case; [`context`](Subject::context) puts its files into the
    /// folder of the case.
    fn sink(&self, _directory: &Path) -> ConfiguredSink {
        self.sink.sink().clone()
    }

    /// Returns `Some` for a sink that writes no files: its destination has the lists of other cases
    /// and of earlier tests.
    fn distinction(&self) -> Option<String> {
        let case = self.case.fetch_add(1, Ordering::Relaxed);
        self.sink.roots().is_empty().then(|| format!("{}-{case}", self.began_at))
    }

    /// Keeps the lists apart from those of real accounts: the pipeline and the accounts have other
    /// names, and files go to the folder of the case.
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let is_file_sink = !self.sink.roots().is_empty();
        let simulated = context.simulated || !is_file_sink;
        let mut context = context
            .with_names("conformance", self.sink.name())
            .with_directory(self.directory)
            .with_outputs_below(directory)
            .with_simulated(simulated);
        let account = format!("conformance-{}", context.account);
        context.accounts = [account.clone()].into();
        context.account = account;
        context
    }

    fn columns(&self) -> Option<SchemaRef> {
        Some(Arc::clone(self.sink.schema()))
    }

    fn accepts(&self, _schema: &Schema) -> bool {
        false
    }

    fn is_readable(&self) -> bool {
        !self.reader.is_empty()
    }

    async fn read(&self, _directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let [program, arguments @ ..] = self.reader else { return Ok(None) };
        let mut command = Command::new(program);
        if !self.directory.as_os_str().is_empty() {
            command.current_dir(self.directory);
        }
        if let Some(root) = self.sink.roots().first() {
            command.env("SINK_ROOT", context.output_root(root).to_string());
        }
        let output = command
            .args(arguments)
            .env("SINK_ACCOUNT", &context.account)
            .env("SINK_APP_ID", &context.app_id)
            .env("SINK_LIST", &context.list)
            .env("SINK_DATE", context.date.to_string())
            .env("SINK_WALK", context.walk.to_string())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| format!("the reader `{program}` cannot be started ({error})"))?;
        match output.status.code() {
            Some(0) => {}
            Some(_) => return Ok(None),
            None => return Err(format!("the reader `{program}` has crashed: {}", output.status).into()),
        }
        let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let rows = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
        let rows = rows.map_err(|error| format!("the reader printed a line that is no JSON object ({error})"))?;
        Ok(Some(ReadBack { rows, ..ReadBack::default() }))
    }
}
