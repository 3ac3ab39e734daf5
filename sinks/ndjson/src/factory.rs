//! The sink type `ndjson`: checks the options of a pipeline file, and opens the sink.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{
    Delivery, Found, Guarantee, Root, SinkContext, SinkError, SinkFactory, SinkReport, SinkWarning, async_trait, files,
};

use crate::options::{Destination, NdjsonOptions};
use crate::row::LineEncoder;
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
        "newline JSON files, one folder a list (or a single file), published in one step: exactly once; or stdout: at least \
         once"
    }

    fn delivery(&self, options: &NdjsonOptions) -> Delivery {
        if options.is_stdout() {
            Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce }
        } else {
            Delivery::Staged
        }
    }

    fn memory(&self, options: &NdjsonOptions) -> u64 {
        MEMORY + options.root.as_ref().map_or(0, Root::memory)
    }

    fn threads(&self, options: &NdjsonOptions) -> u64 {
        options.root.as_ref().map_or(0, Root::threads)
    }

    fn takes(&self, _options: &NdjsonOptions, field: &Field) -> bool {
        LineEncoder::takes(field)
    }

    fn uses_stdout(&self, options: &NdjsonOptions) -> bool {
        options.is_stdout()
    }

    fn roots(&self, options: &NdjsonOptions) -> Vec<Root> {
        options.place().into_iter().collect()
    }

    async fn check(&self, options: &NdjsonOptions, context: &SinkContext) -> Result<(), SinkError> {
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
