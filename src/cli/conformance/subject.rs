//! A configured sink as the conformance suite sees it: the factory and the options that a pipeline file has chosen, and a
//! program that reads back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use async_trait::async_trait;
use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::conformance::{Published, ReadError, Subject};
use fanout_sink::{Delivery, NoOptions, Sink, SinkContext, SinkError, SinkFactory};

use crate::SinkRegistry;
use crate::registry::BoundSink;

/// A sink of a pipeline file.
pub(super) struct Configured<'a> {
    factory: Bound,
    directory: &'a Path,
    /// The program that reads back, and its arguments; empty without one.
    reader: &'a [String],
}

/// The factory of a sink whose options are known already.
#[derive(Clone)]
pub(super) struct Bound {
    sink: BoundSink,
    summary: String,
}

impl<'a> Configured<'a> {
    pub(super) fn new(sink: BoundSink, registry: &SinkRegistry, directory: &'a Path, reader: &'a [String]) -> Self {
        let summary = registry.summaries().find(|(name, _)| *name == sink.section().kind);
        let summary = summary.map(|(_, summary)| summary.to_owned()).unwrap_or_default();
        Self { factory: Bound { sink, summary }, directory, reader }
    }
}

#[async_trait]
impl SinkFactory for Bound {
    type Options = NoOptions;
    type Sink = Box<dyn Sink>;

    fn name(&self) -> &str {
        &self.sink.section().kind
    }

    fn summary(&self) -> &str {
        &self.summary
    }

    fn delivery(&self, _options: &NoOptions) -> Delivery {
        self.sink.delivery()
    }

    fn memory(&self, _options: &NoOptions) -> u64 {
        self.sink.memory()
    }

    fn roots(&self, _options: &NoOptions) -> Vec<PathBuf> {
        self.sink.roots()
    }

    async fn check(&self, _options: &NoOptions, context: &SinkContext) -> Result<(), SinkError> {
        self.sink.check(context).await
    }

    async fn open(&self, _options: NoOptions, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        self.sink.open(context).await
    }
}

#[async_trait]
impl Subject for Configured<'_> {
    type Factory = Bound;

    fn factory(&self) -> Bound {
        self.factory.clone()
    }

    fn options(&self, _directory: &Path) -> NoOptions {
        NoOptions::default()
    }

    /// What is published is never among the lists of real accounts: the pipeline and the accounts have other names, and
    /// files go to the folder of the case.
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let is_file_sink = !self.factory.sink.roots().is_empty();
        let simulated = context.simulated || !is_file_sink;
        let mut context = context
            .with_names("conformance", self.factory.sink.name())
            .with_directory(self.directory)
            .with_outputs_below(directory)
            .with_simulated(simulated);
        let account = format!("conformance-{}", context.account);
        context.accounts = [account.clone()].into();
        context.account = account;
        context
    }

    fn columns(&self) -> Option<Vec<String>> {
        Some(self.factory.sink.schema().fields().iter().map(|field| field.name().clone()).collect())
    }

    fn accepts(&self, _schema: &Schema) -> bool {
        false
    }

    fn is_readable(&self) -> bool {
        !self.reader.is_empty()
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError> {
        let [program, arguments @ ..] = self.reader else { return Ok(None) };
        let directory_of_file = if self.directory.as_os_str().is_empty() { Path::new(".") } else { self.directory };
        let output = Command::new(program)
            .args(arguments)
            .current_dir(directory_of_file)
            .env("SINK_OUTPUTS", directory.join("outputs"))
            .env("SINK_ACCOUNT", &context.account)
            .env("SINK_APP_ID", &context.app_id)
            .env("SINK_DATE", &context.date)
            .env("SINK_WALK", &context.walk)
            .stderr(Stdio::null())
            .output()
            .map_err(|error| format!("the reader `{program}` cannot be started ({error})"))?;
        if !output.status.success() {
            return Ok(None);
        }
        let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let rows = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
        let rows = rows.map_err(|error| format!("the reader printed a line that is no JSON object ({error})"))?;
        Ok(Some(Published { rows, ..Published::default() }))
    }
}
