//! The sink type `parquet`: checks the options of a pipeline file, and opens the sink.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{
    Delivery, Found, Root, SinkContext, SinkError, SinkFactory, SinkReport, SinkWarning, async_trait, files,
};

use crate::options::ParquetOptions;
use crate::properties::writer_properties;
use crate::sink::ParquetSink;
use crate::stored::can_store;

/// The memory of an open sink beside its row group, for the follower columns: unfinished pages,
/// dictionaries, the file's buffer, and compressors. Measured: the resident size of a process grew
/// by 8.5 MB beyond its row group.
const MEMORY_BESIDE_ROW_GROUP: u64 = 10 << 20;

/// The further memory of compressors at levels above [`CHEAP_ZSTD_LEVEL`]. Measured: the process
/// grew by 13 MB in all at level 9.
const MEMORY_OF_HIGH_LEVELS: u64 = 5 << 20;

/// The highest level at which the tables of zstd are about as small as at level 1.
const CHEAP_ZSTD_LEVEL: i32 = 1;

/// Opens [`ParquetSink`]s.
#[derive(Debug, Default)]
pub struct ParquetFactory;

#[async_trait]
impl SinkFactory for ParquetFactory {
    type Options = ParquetOptions;
    type Sink = ParquetSink;

    fn name(&self) -> &'static str {
        "parquet"
    }

    fn summary(&self) -> &'static str {
        "Apache Parquet files, one folder a list (or a single file), published in one step: exactly once"
    }

    fn delivery(&self, _options: &ParquetOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, options: &ParquetOptions) -> u64 {
        let compressors = if options.zstd_level > CHEAP_ZSTD_LEVEL { MEMORY_OF_HIGH_LEVELS } else { 0 };
        options.row_group_bytes.0.saturating_add(MEMORY_BESIDE_ROW_GROUP + compressors + options.root.memory())
    }

    fn threads(&self, options: &ParquetOptions) -> u64 {
        options.root.threads()
    }

    fn takes(&self, _options: &ParquetOptions, field: &Field) -> bool {
        can_store(field)
    }

    fn roots(&self, options: &ParquetOptions) -> Vec<Root> {
        vec![options.files().root]
    }

    async fn check(&self, options: &ParquetOptions, context: &SinkContext) -> Result<(), SinkError> {
        writer_properties(&context.schema, options)?;
        files::check(&options.files(), context)
    }

    fn warnings(&self, options: &ParquetOptions, context: &SinkContext) -> Vec<SinkWarning> {
        files::warnings(&options.files(), context)
    }

    async fn open(&self, options: ParquetOptions, context: SinkContext) -> Result<ParquetSink, SinkError> {
        ParquetSink::open(options, context)
    }

    async fn find(
        &self,
        options: &ParquetOptions,
        context: &SinkContext,
        report: &SinkReport,
    ) -> Result<Found, SinkError> {
        files::find(&options.files(), context, report)
    }
}
