//! The sink type `ndjson`: checks the options of a pipeline file, and opens the sink.

use std::path::PathBuf;

use fanout_sink::{
    Delivery, Found, Guarantee, SinkContext, SinkError, SinkFactory, SinkReport, SinkWarning, async_trait, files,
};

use crate::options::{Destination, NdjsonOptions};
use crate::row::check_schema;
use crate::sink::NdjsonSink;

/// The memory of an open sink: a piece of lines, the file's buffer, and the tables of a compressor.
const MEMORY: u64 = 4 << 20;

/// Opens [`NdjsonSink`]s.
#[derive(Debug, Default)]
pub struct NdjsonFactory;

#[async_trait]
impl SinkFactory for NdjsonFactory {
    type Options = NdjsonOptions;
    type Sink = NdjsonSink;

    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn summary(&self) -> &'static str {
        "newline JSON files, one folder a list (or a single file), published by one rename: exactly once; or stdout: at least \
         once"
    }

    fn delivery(&self, options: &NdjsonOptions) -> Delivery {
        if options.is_stdout() {
            Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce }
        } else {
            Delivery::Staged
        }
    }

    fn memory(&self, _options: &NdjsonOptions) -> u64 {
        MEMORY
    }

    fn roots(&self, options: &NdjsonOptions) -> Vec<PathBuf> {
        options.root.iter().cloned().collect()
    }

    async fn check(&self, options: &NdjsonOptions, context: &SinkContext) -> Result<(), SinkError> {
        check_schema(&context.schema)?;
        match options.destination()? {
            Destination::Files { files, .. } => files::check(&files, context),
            Destination::Stdout => Ok(()),
        }
    }

    fn warnings(&self, options: &NdjsonOptions, context: &SinkContext) -> Vec<SinkWarning> {
        match options.destination() {
            Ok(Destination::Files { files, .. }) => files::warnings(&files, context),
            Ok(Destination::Stdout) | Err(_) => Vec::new(),
        }
    }

    async fn open(&self, options: NdjsonOptions, context: SinkContext) -> Result<NdjsonSink, SinkError> {
        check_schema(&context.schema)?;
        NdjsonSink::open(&options.destination()?, &context)
    }

    async fn find(
        &self,
        options: &NdjsonOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        match options.destination()? {
            Destination::Files { files, .. } => files::find(&files, context, report),
            Destination::Stdout => Ok(Found::Unknown),
        }
    }
}
