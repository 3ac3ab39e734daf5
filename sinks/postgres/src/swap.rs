//! The one transaction of a commit: the staged list replaces the published one, and the table of
//! snapshots records it.

use fanout_sink::{Output, SinkContext, SinkError, SinkReport, Snapshot};
use tokio_postgres::{Client, Error, Transaction};

use crate::column::Column;
use crate::error;
use crate::options::Dates;
use crate::record::{self, Record};
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

impl Staged<'_> {
    /// Publishes the list, unless it is published already. Safe to repeat after any error.
    pub(crate) async fn swap(&self, client: &mut Client) -> Result<SinkReport, SinkError> {
        let failed =
            |error| error::of_repeatable(format!("the list cannot be published in `{}`", self.table.plain()), error);
        let transaction = client.transaction().await.map_err(failed)?;
        let records = self.records(&transaction).await.map_err(failed)?;
        let mut occupants = records.iter().filter(|record| self.is_in_the_way(record));
        if let Some(foreign) = occupants.find(|record| !record.is_owned_by(self.context)) {
            return Err(foreign.refusal(self.table, self.context));
        }
        let report = self.replace(&transaction, &records).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(report)
    }

    /// Takes the table's lock, creates the tables if they are missing, and reads the records about
    /// the account's list.
    async fn records(&self, transaction: &Transaction<'_>) -> Result<Vec<Record>, Error> {
        // The engine records a commit only once, so this commit must be durable. The others of this
        // session need not be.
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&self.table.swap_lock()]).await?;
        let create = format!("{}; {}", self.table.create(self.columns), record::create(self.table));
        transaction.batch_execute(&create).await?;
        record::read(transaction, self.table, self.context).await
    }

    async fn replace(&self, transaction: &Transaction<'_>, records: &[Record]) -> Result<SinkReport, Error> {
        let occupants: Vec<&Record> = records.iter().filter(|record| self.is_in_the_way(record)).collect();
        let newer = occupants.iter().filter(|record| record.begun_at > self.snapshot.begun_at);
        let newer = newer.max_by_key(|record| record.begun_at);
        let is_there = |record: &Record| self.is_recorded_by(record);
        let held = occupants.iter().find(|record| is_there(record)).and_then(|record| record.partition.as_deref());
        if newer.is_some() || held.is_some() {
            // The staged list is not needed: it is published already, or a newer list is.
            let staging = self.table.staging(self.context);
            transaction.batch_execute(&format!("DROP TABLE IF EXISTS {staging}")).await?;
        }
        let (rows, date) = (self.snapshot.rows, self.context.date.to_string());
        if let Some(newer) = newer {
            // A date has one record, and that is about the list whose partition stays attached.
            if !occupants.iter().any(|record| record.date == date) {
                self.record(transaction, None).await?;
            }
            let location = format!("{} (which keeps the newer list of {})", self.table.plain(), newer.date);
            let outputs = vec![Output { location, rows, bytes: 0 }];
            return Ok(SinkReport { rows, bytes: 0, outputs, mount: None });
        }
        let replaced: Vec<&str> = occupants
            .iter()
            .filter(|record| !is_there(record))
            .filter_map(|record| record.partition.as_deref())
            .collect();
        for partition in &replaced {
            transaction.batch_execute(&format!("DROP TABLE {}", self.table.named(partition))).await?;
        }
        let partition = if let Some(partition) = held {
            self.table.named(partition)
        } else {
            transaction.batch_execute(&self.table.attach(self.context)).await?;
            self.table.partition(self.context)
        };
        if held.is_none() || !replaced.is_empty() {
            self.record(transaction, Some(&partition.name.0)).await?;
        }
        let size = "SELECT pg_table_size($1::text::regclass)";
        let bytes = transaction.query_one(size, &[&partition.to_string()]).await?.get::<_, i64>(0) as u64;
        let outputs = vec![Output { location: self.table.plain(), rows, bytes }];
        Ok(SinkReport { rows, bytes, outputs, mount: None })
    }

    /// Records the list with its partition, and that the lists it has replaced have none any more.
    async fn record(&self, transaction: &Transaction<'_>, partition: Option<&str>) -> Result<(), Error> {
        let Self { table, context, snapshot, dates, .. } = self;
        if partition.is_some() && *dates == Dates::Latest {
            record::forget_partitions(transaction, table, context).await?;
        }
        record::write(transaction, table, context, snapshot, &self.column_list(), partition).await
    }

    /// Returns whether the list of a record has the place that this one takes.
    fn is_in_the_way(&self, record: &Record) -> bool {
        record.shares_place(self.dates, self.context)
    }

    /// Returns whether a record is about this list, of this walk and in these columns.
    fn is_recorded_by(&self, record: &Record) -> bool {
        record.is_of_walk(self.context)
            && record.rows == self.snapshot.rows as i64
            && record.digest == self.snapshot.digest
            && record.columns == self.column_list()
    }

    fn column_list(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::definition).collect();
        columns.join(", ")
    }
}
