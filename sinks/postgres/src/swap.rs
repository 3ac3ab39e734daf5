//! The one transaction: the staged list takes the place of the one before, and the table of snapshots says so.

use fanout_sink::{Output, SinkContext, SinkError, SinkReport, Snapshot};
use tokio_postgres::{Client, Error, Row, Transaction};

use crate::column::Column;
use crate::error;
use crate::options::Dates;
use crate::preflight::foreign_list;
use crate::table::Table;

/// A list that is staged and complete.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: &'a [Column],
    pub(crate) context: &'a SinkContext,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) dates: Dates,
}

/// A row of the table of snapshots, of the same account.
struct Record {
    date: String,
    pipeline: String,
    sink: String,
    walk: String,
    rows: i64,
    digest: String,
    columns: String,
    /// Where the list is; none if a later one has taken its place.
    partition: Option<String>,
}

impl Staged<'_> {
    /// Publishes the list, or finds that it is published already. Safe to repeat, whatever became of it the last time.
    pub(crate) async fn swap(&self, client: &mut Client) -> Result<SinkReport, SinkError> {
        let failed =
            |error| error::of_repeatable(format!("the list cannot be published in `{}`", self.table.plain()), error);
        let transaction = client.transaction().await.map_err(failed)?;
        let records = self.records(&transaction).await.map_err(failed)?;
        if let Some(foreign) = records.iter().find(|record| self.is_foreign(record)) {
            return Err(foreign_list(self.table, self.context, &foreign.pipeline, &foreign.sink));
        }
        let report = self.replace(&transaction, &records).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(report)
    }

    /// Takes the lock of the table, makes sure that there is one, and reads what is recorded about the account.
    async fn records(&self, transaction: &Transaction<'_>) -> Result<Vec<Record>, Error> {
        // The decision is on disk by now; this is the only commit of the session that others may build on.
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&self.table.swap_lock()]).await?;
        let create = format!("{}; {}", self.table.create(self.columns), self.table.create_snapshots());
        transaction.batch_execute(&create).await?;
        let query = format!(
            "SELECT to_char(dt, 'YYYY-MM-DD'), pipeline, sink, walk, rows, digest, columns, partition FROM {} WHERE app_id = $1",
            self.table.snapshots()
        );
        let rows = transaction.query(&query, &[&self.context.app_id]).await?;
        Ok(rows.iter().map(Record::read).collect())
    }

    async fn replace(&self, transaction: &Transaction<'_>, records: &[Record]) -> Result<SinkReport, Error> {
        let later =
            records.iter().filter(|record| record.partition.is_some() && record.date > self.context.date.to_string());
        let later = later.filter(|_| self.dates == Dates::Latest).map(|record| &record.date).max();
        let is_there = records.iter().any(|record| record.partition.is_some() && self.is_recorded_by(record));
        if later.is_some() || is_there {
            // What is staged is not needed: it is there already, or what is there is newer.
            let staging = self.table.staging(self.context);
            transaction.batch_execute(&format!("DROP TABLE IF EXISTS {staging}")).await?;
        } else {
            for partition in records.iter().filter(|record| self.replaces(record)).filter_map(|r| r.partition.as_ref())
            {
                let partition = Table { name: crate::table::Identifier(partition.clone()), ..self.table.clone() };
                transaction.batch_execute(&format!("DROP TABLE {partition}")).await?;
            }
            transaction.batch_execute(&self.table.attach(self.context)).await?;
        }
        if !is_there {
            self.record(transaction, later.is_none()).await?;
        }
        let (location, bytes) = match later {
            Some(date) => (format!("{} (which keeps the later list of {date})", self.table.plain()), 0),
            None => (self.table.plain(), self.size(transaction).await?),
        };
        let rows = self.snapshot.rows;
        Ok(SinkReport { rows, bytes, outputs: vec![Output { location, rows, bytes }], mount: None })
    }

    /// Records where the list is, and that those which it replaces are nowhere any more.
    async fn record(&self, transaction: &Transaction<'_>, is_current: bool) -> Result<(), Error> {
        let (context, snapshot, snapshots) = (self.context, self.snapshot, self.table.snapshots());
        let partition = is_current.then(|| self.table.partition(context).name.0);
        if is_current && self.dates == Dates::Latest {
            let forget = format!("UPDATE {snapshots} SET partition = NULL WHERE app_id = $1");
            transaction.execute(&forget, &[&context.app_id]).await?;
        }
        let insert = format!(
            "INSERT INTO {snapshots} (app_id, dt, account, pipeline, sink, walk, rows, digest, columns, partition) \
             VALUES ($1, $2::text::date, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (app_id, dt) DO UPDATE SET (account, pipeline, sink, walk, rows, digest, columns, partition) = \
             (EXCLUDED.account, EXCLUDED.pipeline, EXCLUDED.sink, EXCLUDED.walk, EXCLUDED.rows, EXCLUDED.digest, \
              EXCLUDED.columns, EXCLUDED.partition)"
        );
        let rows = snapshot.rows as i64;
        let (date, walk) = (context.date.to_string(), context.walk.to_string());
        let columns = self.column_list();
        transaction
            .execute(
                &insert,
                &[
                    &context.app_id,
                    &date,
                    &context.account,
                    &context.pipeline,
                    &context.sink,
                    &walk,
                    &rows,
                    &snapshot.digest,
                    &columns,
                    &partition,
                ],
            )
            .await
            .map(drop)
    }

    async fn size(&self, transaction: &Transaction<'_>) -> Result<u64, Error> {
        let partition = self.table.partition(self.context).to_string();
        let row = transaction.query_one("SELECT pg_table_size($1::text::regclass)", &[&partition]).await?;
        Ok(row.get::<_, i64>(0) as u64)
    }

    /// Returns whether the list of a record is one that this one takes the place of.
    fn replaces(&self, record: &Record) -> bool {
        self.dates == Dates::Latest || record.date == self.context.date.to_string()
    }

    /// Returns whether the list of a record would be replaced, and is another pipeline's.
    fn is_foreign(&self, record: &Record) -> bool {
        let is_ours = record.pipeline == self.context.pipeline && record.sink == self.context.sink;
        record.partition.is_some() && self.replaces(record) && !is_ours
    }

    /// Returns whether a record is about this very list.
    fn is_recorded_by(&self, record: &Record) -> bool {
        record.date == self.context.date.to_string()
            && record.walk == self.context.walk.to_string()
            && record.rows == self.snapshot.rows as i64
            && record.digest == self.snapshot.digest
            && record.columns == self.column_list()
    }

    fn column_list(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::definition).collect();
        columns.join(", ")
    }
}

impl Record {
    fn read(row: &Row) -> Self {
        Self {
            date: row.get(0),
            pipeline: row.get(1),
            sink: row.get(2),
            walk: row.get(3),
            rows: row.get(4),
            digest: row.get(5),
            columns: row.get(6),
            partition: row.get(7),
        }
    }
}
