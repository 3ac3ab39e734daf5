//! The table of snapshots: which list is in which partition.

use std::time::SystemTime;

use fanout_sink::chrono::{DateTime, Utc};
use fanout_sink::{SinkContext, SinkError, Snapshot};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, GenericClient, Row, Transaction};

use crate::options::Dates;
use crate::table::Table;

/// A row of the table: a list of an account under a date.
#[derive(Debug)]
pub(crate) struct Record {
    /// `YYYY-MM-DD`.
    pub(crate) date: String,
    pipeline: String,
    sink: String,
    walk: String,
    pub(crate) begun_at: DateTime<Utc>,
    pub(crate) rows: i64,
    pub(crate) digest: String,
    pub(crate) columns: String,
    /// The partition of the list; `None` if a newer list has replaced it, or the partition was
    /// dropped or detached by hand.
    pub(crate) partition: Option<String>,
}

impl Record {
    fn read(row: &Row) -> Self {
        Self {
            date: row.get(0),
            pipeline: row.get(1),
            sink: row.get(2),
            walk: row.get(3),
            begun_at: row.get::<_, SystemTime>(4).into(),
            rows: row.get(5),
            digest: row.get(6),
            columns: row.get(7),
            partition: row.get(8),
        }
    }

    /// Returns whether the list is in the table, in a place that the list of `context` would take.
    pub(crate) fn shares_place(&self, dates: Dates, context: &SinkContext) -> bool {
        self.partition.is_some() && (dates == Dates::Latest || self.date == context.date.to_string())
    }

    /// Returns whether the record is about the walk and date of `context`.
    pub(crate) fn is_of_walk(&self, context: &SinkContext) -> bool {
        self.date == context.date.to_string() && self.walk == context.walk.to_string()
    }

    /// Returns whether the pipeline and sink of `context` have published the list.
    pub(crate) fn is_owned_by(&self, context: &SinkContext) -> bool {
        self.pipeline == context.pipeline && self.sink == context.sink
    }

    /// Returns the error of a sink that must not replace this list, because another owner has
    /// published it.
    pub(crate) fn refusal(&self, table: &Table, context: &SinkContext) -> SinkError {
        let Self { pipeline, sink, .. } = self;
        let SinkContext { app_id, list, .. } = context;
        let message = format!(
            "the table `{}` has the list `{list}` of `{app_id}` that the pipeline `{pipeline}`, sink `{sink}`, has \
             published",
            table.plain()
        );
        SinkError::permanent(message).with_hint("name another table")
    }
}

/// Returns the statement that creates the table.
pub(crate) fn create(table: &Table) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\
             app_id text NOT NULL, list text NOT NULL, dt date NOT NULL, account text NOT NULL, pipeline text NOT NULL, \
             sink text NOT NULL, walk text NOT NULL, begun_at timestamptz NOT NULL, rows bigint NOT NULL, \
             digest text NOT NULL, columns text NOT NULL, partition text, PRIMARY KEY (app_id, list, dt))",
        table.snapshots()
    )
}

/// Reads the records about the account and list of `context`.
pub(crate) async fn read(
    client: &impl GenericClient,
    table: &Table,
    context: &SinkContext,
) -> Result<Vec<Record>, Error> {
    // A partition that was renamed by hand is still the list's: its bounds say so. They are
    // compared only for the list of `context` and the newest one, because there may be thousands of
    // partitions, and each comparison looks at all of them.
    let snapshots = table.snapshots();
    let query = format!(
        "SELECT to_char(dt, 'YYYY-MM-DD'), pipeline, sink, walk, begun_at, rows, digest, columns, coalesce(\
                (SELECT partition FROM pg_inherits WHERE inhparent = to_regclass($3) \
                 AND inhrelid = to_regclass(quote_ident($4::text) || '.' || quote_ident(partition))), \
                CASE WHEN partition IS NOT NULL AND dt IN ($5::text::date, (SELECT max(dt) \
                 FROM {snapshots} WHERE app_id = $1 AND list = $2 AND partition IS NOT NULL)) THEN (SELECT c.relname::text \
                 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE i.inhparent = to_regclass($3) AND n.nspname = $4 AND pg_get_expr(c.relpartbound, c.oid) = \
                 format('FOR VALUES FROM (''%s'', ''%s'', ''%s'') TO (''%1$s'', ''%2$s'', ''%4$s'')', \
                        replace(app_id, '''', ''''''), replace(list, '''', ''''''), dt, dt + 1)) END) \
         FROM {snapshots} WHERE app_id = $1 AND list = $2"
    );
    let date = context.date.to_string();
    let parameters = [&context.app_id, &context.list, &table.to_string(), &table.schema.0, &date];
    let rows = client.query(&query, &parameters.map(|text| text as &(dyn ToSql + Sync))).await?;
    Ok(rows.iter().map(Record::read).collect())
}

/// Returns what is in the way of the list of `context`: a table with the name of its partition,
/// which none of `records` names because it was detached by hand. `None` if nothing is.
pub(crate) async fn detached(
    client: &Client,
    table: &Table,
    context: &SinkContext,
    records: &[Record],
) -> Result<Option<String>, Error> {
    let partition = table.partition(context);
    let is_recorded = records.iter().any(|record| record.partition.as_ref() == Some(&partition.name.0));
    if is_recorded || !partition.exists(client).await? {
        return Ok(None);
    }
    let (partition, table, snapshots) = (partition.plain(), table.plain(), table.snapshots().plain());
    Ok(Some(format!("`{partition}` exists, and is not a partition of `{table}` that `{snapshots}` records")))
}

/// Records that no list of the account and of this name has a partition any more.
pub(crate) async fn forget_partitions(
    transaction: &Transaction<'_>,
    table: &Table,
    context: &SinkContext,
) -> Result<(), Error> {
    let forget = format!("UPDATE {} SET partition = NULL WHERE app_id = $1 AND list = $2", table.snapshots());
    transaction.execute(&forget, &[&context.app_id, &context.list]).await.map(drop)
}

/// Records a list, in the place of another one of the same date.
pub(crate) async fn write(
    transaction: &Transaction<'_>,
    table: &Table,
    context: &SinkContext,
    snapshot: &Snapshot,
    columns: &str,
    partition: Option<&str>,
) -> Result<(), Error> {
    let insert = format!(
        "INSERT INTO {} \
         (app_id, list, dt, account, pipeline, sink, walk, begun_at, rows, digest, columns, partition) \
         VALUES ($1, $2, $3::text::date, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (app_id, list, dt) DO UPDATE SET \
         (account, pipeline, sink, walk, begun_at, rows, digest, columns, partition) = \
         (EXCLUDED.account, EXCLUDED.pipeline, EXCLUDED.sink, EXCLUDED.walk, EXCLUDED.begun_at, EXCLUDED.rows, \
          EXCLUDED.digest, EXCLUDED.columns, EXCLUDED.partition)",
        table.snapshots()
    );
    let (date, walk) = (context.date.to_string(), context.walk.to_string());
    let begun_at = SystemTime::from(snapshot.begun_at);
    let SinkContext { app_id, list, account, pipeline, sink, .. } = context;
    let rows = snapshot.rows as i64;
    transaction
        .execute(
            &insert,
            &[
                app_id,
                list,
                &date,
                account,
                pipeline,
                sink,
                &walk,
                &begun_at,
                &rows,
                &snapshot.digest,
                &columns,
                &partition,
            ],
        )
        .await
        .map(drop)
}
