//! The sink type `arrow`: checks the options of a pipeline file, opens the sink for each list, and
//! ends the stream of the run.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{Delivery, Found, Root, SinkContext, SinkError, SinkFactory, SinkReport, async_trait};

use crate::dated::DT;
use crate::options::ArrowOptions;
use crate::place::Place;
use crate::sink::ArrowSink;

/// The memory of an open sink: a batch as bytes, beside the batch itself, and the tables of a
/// compressor.
const MEMORY: u64 = 8 << 20;

/// Opens [`ArrowSink`]s.
#[derive(Debug, Default)]
pub struct ArrowFactory;

#[async_trait]
impl SinkFactory for ArrowFactory {
    type Options = ArrowOptions;
    type Sink = ArrowSink;

    fn name(&self) -> &'static str {
        "arrow"
    }

    fn summary(&self) -> &'static str {
        "an Arrow stream of all lists of the run, on stdout, in a file or in a pipe: once a run"
    }

    fn delivery(&self, _options: &ArrowOptions) -> Delivery {
        Delivery::OneShot
    }

    fn memory(&self, _options: &ArrowOptions) -> u64 {
        MEMORY
    }

    fn takes(&self, _options: &ArrowOptions, field: &Field) -> bool {
        field.name() != DT
    }

    fn uses_stdout(&self, options: &ArrowOptions) -> bool {
        options.is_stdout()
    }

    fn roots(&self, options: &ArrowOptions) -> Vec<Root> {
        if options.is_stdout() { Vec::new() } else { vec![options.path.clone().into()] }
    }

    async fn check(&self, options: &ArrowOptions, context: &SinkContext) -> Result<(), SinkError> {
        Place::of(&options.path, context).check()
    }

    async fn open(&self, options: ArrowOptions, context: SinkContext) -> Result<ArrowSink, SinkError> {
        ArrowSink::open(&options, &context).await
    }

    async fn end(&self, options: &ArrowOptions, context: &SinkContext, is_complete: bool) -> Result<(), SinkError> {
        let place = Place::of(&options.path, context);
        options.streams.to(&place).end(&place, &context.schema, options.compression, is_complete).await
    }

    /// Returns [`Found::Unknown`]: what was delivered is the reader's.
    async fn find(
        &self,
        _options: &ArrowOptions,
        _context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        Ok(Found::Unknown)
    }
}
