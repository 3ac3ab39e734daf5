//! How a pipeline file's `type = "parquet"` becomes a sink.

use std::path::PathBuf;

use fanout_sink::{Delivery, SinkContext, SinkError, SinkFactory, async_trait, files};

use crate::properties::{check_schema, writer_properties};
use crate::{ParquetOptions, ParquetSink};

/// What an open sink holds beside its row group: for each of the follower columns an unfinished page (1 MiB at most),
/// a dictionary and a compressor, the rest of the last batch, and the buffer in front of the file.
const MEMORY_BESIDE_ROW_GROUP: u64 = 8 << 20;

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
        "Apache Parquet files, one folder a list (or a single file), published by one rename"
    }

    fn delivery(&self, _options: &ParquetOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, options: &ParquetOptions) -> u64 {
        options.row_group_bytes.0.saturating_add(MEMORY_BESIDE_ROW_GROUP)
    }

    fn roots(&self, options: &ParquetOptions) -> Vec<PathBuf> {
        vec![options.root.clone()]
    }

    async fn check(&self, options: &ParquetOptions, context: &SinkContext) -> Result<(), SinkError> {
        check_schema(&context.schema)?;
        writer_properties(&context.schema, options)?;
        files::check(&options.files(), context)
    }

    async fn open(&self, options: ParquetOptions, context: SinkContext) -> Result<ParquetSink, SinkError> {
        check_schema(&context.schema)?;
        ParquetSink::open(&options, &context)
    }
}
