//! Looks whether a committed list is still in the table. Changes nothing.

use fanout_sink::{Found, SinkContext, SinkError};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::error;
use crate::options::PostgresOptions;
use crate::record::{self, Record};
use crate::session;
use crate::table::Table;

/// Returns what the table has of the list of `context`.
pub(crate) async fn find(options: &PostgresOptions, context: &SinkContext) -> Result<Found, SinkError> {
    let table = options.table()?;
    let client = session::connect(options, context).await?;
    let failed = |error| error::of_repeatable(format!("the table `{}` cannot be looked at", table.plain()), error);
    match look(&client, &table, options, context).await {
        // The partition, or the table of snapshots, was dropped between two statements.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Found::Gone),
        looked => looked.map_err(failed),
    }
}

async fn look(
    client: &Client,
    table: &Table,
    options: &PostgresOptions,
    context: &SinkContext,
) -> Result<Found, Error> {
    let mut records = Vec::new();
    if table.snapshots().exists(client).await? {
        records = record::read(client, table, context).await?;
    }
    records.retain(|record| record.shares_place(options.dates, context));
    if let Some(foreign) = records.iter().find(|record| !record.is_owned_by(context)) {
        return Ok(Found::Taken(foreign.refusal(table, context).to_string()));
    }
    if let Some(record) = records.iter().find(|record| record.is_of_walk(context)) {
        return compare(client, table, record, context).await;
    }
    let begun_at = context.begun_at.unwrap_or(context.walk.begun_at());
    // An older list in its place was put there by hand, by a backup for example: this one is newer.
    let is_replaced = records.iter().any(|record| record.begun_at > begun_at);
    if is_replaced {
        return Ok(Found::Replaced);
    }
    Ok(match record::detached(client, table, context, &records).await? {
        Some(obstacle) => Found::Taken(format!("{obstacle}; rename it, or drop it")),
        None => Found::Gone,
    })
}

/// Compares the record with the list of `context`, and the partition with the record.
async fn compare(client: &Client, table: &Table, record: &Record, context: &SinkContext) -> Result<Found, Error> {
    let SinkContext { rows: expected, digest, .. } = context;
    if digest.as_ref().is_some_and(|digest| *digest != record.digest) {
        return Ok(Found::Altered(format!("`{}` records the list with another digest", table.snapshots().plain())));
    }
    // Only the count shows that rows were deleted or added by hand.
    let partition = table.named(record.partition.as_deref().unwrap_or_default());
    let rows: i64 = client.query_one(&format!("SELECT count(*) FROM {partition}"), &[]).await?.get(0);
    if rows != record.rows || expected.is_some_and(|expected| expected != rows as u64) {
        let expected = expected.unwrap_or(record.rows as u64);
        return Ok(Found::Altered(format!("`{}` has {rows} rows, expected {expected}", partition.plain())));
    }
    Ok(Found::Held)
}
