//! `type = "postgres"` in a pipeline file: the factory of the sink.

use fanout_sink::arrow::datatypes::Field;
use fanout_sink::{Delivery, Found, Root, SinkContext, SinkError, SinkFactory, SinkReport, async_trait};

use crate::column::{Column, kind_of};
use crate::find;
use crate::options::PostgresOptions;
use crate::preflight;
use crate::session;
use crate::sink::PostgresSink;

/// An open sink holds a buffer of encoded rows, and the buffers of the connection.
const MEMORY: u64 = 1 << 20;

/// Opens [`PostgresSink`]s.
#[derive(Debug, Default)]
pub struct PostgresFactory;

#[async_trait]
impl SinkFactory for PostgresFactory {
    type Options = PostgresOptions;
    type Sink = PostgresSink;

    fn name(&self) -> &'static str {
        "postgres"
    }

    fn summary(&self) -> &'static str {
        "a Postgres table, one partition a list, swapped in one transaction: exactly once"
    }

    fn delivery(&self, _options: &PostgresOptions) -> Delivery {
        Delivery::Staged
    }

    fn memory(&self, _options: &PostgresOptions) -> u64 {
        MEMORY
    }

    fn takes(&self, _options: &PostgresOptions, field: &Field) -> bool {
        kind_of(field.data_type()).is_some()
    }

    fn roots(&self, _options: &PostgresOptions) -> Vec<Root> {
        Vec::new()
    }

    async fn check(&self, options: &PostgresOptions, context: &SinkContext) -> Result<(), SinkError> {
        let table = options.table()?;
        let columns = Column::all(&context.schema)?;
        let client = session::connect(options, context).await?;
        preflight::examine(&client, &table, &columns, context).await.map(drop)
    }

    async fn open(&self, options: PostgresOptions, context: SinkContext) -> Result<PostgresSink, SinkError> {
        PostgresSink::open(options, context).await
    }

    async fn find(
        &self,
        options: &PostgresOptions,
        context: &SinkContext,
        _report: &SinkReport,
    ) -> Result<Found, SinkError> {
        find::find(options, context).await
    }
}
