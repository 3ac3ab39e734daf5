//! The life of a list: each batch is staged in one statement, and then the list is counted and
//! published.

use std::fmt;
use std::pin::pin;

use fanout_sink::{Batch, Sink, SinkContext, SinkError, SinkReport, Snapshot, async_trait};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

use crate::column::{Column, Values};
use crate::error;
use crate::options::PostgresOptions;
use crate::preflight;
use crate::session;
use crate::swap::Staged;
use crate::table::Table;

/// One list on its way into a Postgres table.
pub struct PostgresSink {
    options: PostgresOptions,
    context: SinkContext,
    table: Table,
    columns: Vec<Column>,
    /// `None` after an error within `COPY`, which leaves the connection unusable.
    client: Option<Client>,
    /// The rows that were staged.
    rows: u64,
    /// The facts of the list; `None` before `prepare`.
    snapshot: Option<Snapshot>,
    /// The report of the commit, for a repeated call.
    report: Option<SinkReport>,
}

impl PostgresSink {
    /// Connects, and creates the staging table; the one of an earlier attempt is dropped.
    pub(crate) async fn open(options: PostgresOptions, context: SinkContext) -> Result<Self, SinkError> {
        let table = options.table()?;
        let columns = Column::all(&context.schema)?;
        let client = session::connect_alone(&options, &context, table.staging_lock(&context)).await?;
        let exists = preflight::examine(&client, &table, &columns, &context).await?;
        let staging = table.staging(&context);
        let failed = |error| error::of_repeatable(format!("`{}` cannot be created", staging.plain()), error);
        client.batch_execute(&table.create_staging(exists, &columns, &context)).await.map_err(failed)?;
        let client = Some(client);
        Ok(Self { options, context, table, columns, client, rows: 0, snapshot: None, report: None })
    }

    /// Stages rows in one statement: all of them, or none.
    async fn copy(&self, client: &Client, values: &[Values], rows: usize) -> Result<(), Error> {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_string()).collect();
        let types: Vec<Type> = self.columns.iter().map(|column| column.kind.clone()).collect();
        let staging = self.table.staging(&self.context);
        let copy = format!("COPY {staging} ({}) FROM STDIN (FORMAT binary)", names.join(", "));
        let mut writer = pin!(BinaryCopyInWriter::new(client.copy_in(&copy).await?, &types));
        let mut cells = Vec::with_capacity(values.len());
        for row in 0..rows {
            cells.clear();
            cells.extend(values.iter().map(|column| column.cell(row)));
            writer.as_mut().write_raw(&cells).await?;
        }
        writer.finish().await.map(drop)
    }

    /// Counts the staged rows, and makes them durable. This commit waits for the disk, which then
    /// has all earlier commits, too.
    async fn make_durable(&self, client: &Client) -> Result<i64, Error> {
        let staging = self.table.staging(&self.context);
        let count = format!("SELECT count(*) FROM {staging}");
        let rows = client.query_one(&count, &[]).await?.get(0);
        let alter = format!(
            "SET synchronous_commit = on; \
             ALTER TABLE {staging} ALTER app_id DROP DEFAULT, ALTER list DROP DEFAULT, ALTER dt DROP DEFAULT; \
             SET synchronous_commit = off"
        );
        client.batch_execute(&alter).await?;
        Ok(rows)
    }

    /// Takes the connection, or makes a new one if it is lost.
    async fn take_client(&mut self) -> Result<Client, SinkError> {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            return Ok(client);
        }
        let key = self.table.staging_lock(&self.context);
        session::connect_alone(&self.options, &self.context, key).await
    }
}

#[async_trait]
impl Sink for PostgresSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let rows = batch.records().num_rows();
        if rows > 0 {
            let values = Values::of(batch.records(), &self.columns)?;
            let client = self.take_client().await?;
            self.copy(&client, &values, rows).await.map_err(|error| {
                let staging = self.table.staging(&self.context).plain();
                error::of(format!("batch {} cannot be copied to `{staging}`", batch.sequence()), error)
            })?;
            self.client = Some(client);
        }
        self.rows += rows as u64;
        Ok(())
    }

    async fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        let staging = self.table.staging(&self.context).plain();
        let client = self.take_client().await?;
        let counted = self.make_durable(&client).await;
        self.client = Some(client);
        let staged = counted.map_err(|error| error::of(format!("`{staging}` cannot be made durable"), error))?;
        if staged as u64 != snapshot.rows || self.rows != snapshot.rows {
            let message =
                format!("`{staging}` has {staged} rows and {} were sent, expected {}", self.rows, snapshot.rows);
            return Err(SinkError::permanent(message));
        }
        self.snapshot = Some(snapshot.clone());
        Ok(())
    }

    async fn commit(&mut self) -> Result<SinkReport, SinkError> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        let mut client = self.take_client().await?;
        let Self { table, columns, context, snapshot, options, .. } = self;
        let snapshot = snapshot.as_ref().ok_or_else(|| SinkError::permanent("the list was not prepared"))?;
        let report = Staged { table, columns, context, snapshot, dates: options.dates }.swap(&mut client).await;
        self.client = Some(client);
        let report = report?;
        self.report = Some(report.clone());
        Ok(report)
    }

    async fn abort(&mut self) -> Result<(), SinkError> {
        let client = self.take_client().await?;
        let staging = self.table.staging(&self.context);
        let dropped = client.batch_execute(&format!("DROP TABLE IF EXISTS {staging}")).await;
        dropped.map_err(|error| error::of_repeatable(format!("`{}` cannot be dropped", staging.plain()), error))
    }
}

impl fmt::Debug for PostgresSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresSink")
            .field("table", &self.table)
            .field("context", &self.context)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
