//! What is examined before anything is written: the table's shape, and the user's rights.

use fanout_sink::{SinkContext, SinkError};
use tokio_postgres::{Client, Error};

use crate::column::{Column, KEY_COLUMNS};
use crate::error;
use crate::record;
use crate::table::Table;

/// Returns whether the table exists. If it does, it can take a list of these columns.
pub(crate) async fn examine(
    client: &Client,
    table: &Table,
    columns: &[Column],
    context: &SinkContext,
) -> Result<bool, SinkError> {
    let failed = |error| error::of_repeatable(format!("the table `{}` cannot be looked at", table.plain()), error);
    let Some(rights) = rights(client, table).await.map_err(failed)? else {
        let message = format!("the schema `{}` does not exist", table.schema.0);
        return Err(SinkError::option("table", message).with_hint("create it, or name another one"));
    };
    if !rights.may_create {
        let message = format!("the user may not create tables in the schema `{}`", table.schema.0);
        let hint = format!("GRANT CREATE ON SCHEMA {} TO {}", table.schema, rights.user);
        return Err(SinkError::permanent(message).with_hint(hint));
    }
    let Some(kind) = rights.partition_key else {
        examine_records(client, table, context).await?;
        return Ok(false);
    };
    let expected = format!("RANGE ({})", KEY_COLUMNS.join(", "));
    if kind != expected {
        let message = format!(
            "the table `{}` is not one of this sink, expected one that is partitioned by {expected}",
            table.plain()
        );
        return Err(SinkError::permanent(message).with_hint("name another table; the sink creates it"));
    }
    if !rights.is_owner {
        let message = format!("the table `{}` belongs to another user, so its lists cannot be replaced", table.plain());
        return Err(SinkError::permanent(message).with_hint(format!("ALTER TABLE {table} OWNER TO {}", rights.user)));
    }
    let found = columns_of(client, table).await.map_err(failed)?;
    compare(table, columns, &found)?;
    examine_records(client, table, context).await?;
    Ok(true)
}

/// Checks that no other owner's list, and no detached partition, is in the way.
async fn examine_records(client: &Client, table: &Table, context: &SinkContext) -> Result<(), SinkError> {
    let failed =
        |error| error::of_repeatable(format!("the table `{}` cannot be read", table.snapshots().plain()), error);
    let mut records = Vec::new();
    if table.snapshots().exists(client).await.map_err(failed)? {
        records = record::read(client, table, context).await.map_err(failed)?;
    }
    if let Some(foreign) = records.iter().find(|record| record.partition.is_some() && !record.is_owned_by(context)) {
        return Err(foreign.refusal(table, context));
    }
    match record::detached(client, table, context, &records).await.map_err(failed)? {
        Some(obstacle) => Err(SinkError::permanent(obstacle).with_hint("rename the detached partition, or drop it")),
        None => Ok(()),
    }
}

struct Rights {
    user: String,
    may_create: bool,
    /// The table's partition key: `None` if there is no table, empty if it is not partitioned.
    partition_key: Option<String>,
    is_owner: bool,
}

/// Returns `None` if the schema does not exist.
async fn rights(client: &Client, table: &Table) -> Result<Option<Rights>, Error> {
    let row = client
        .query_opt(
            "SELECT current_user::text, has_schema_privilege(n.oid, 'CREATE'), \
                    CASE WHEN c.oid IS NOT NULL THEN coalesce(pg_get_partkeydef(c.oid), '') END, \
                    coalesce(pg_has_role(c.relowner, 'USAGE'), false) \
             FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2 \
             WHERE n.nspname = $1",
            &[&table.schema.0, &table.name.0],
        )
        .await?;
    Ok(row.map(|row| Rights {
        user: row.get(0),
        may_create: row.get(1),
        partition_key: row.get(2),
        is_owner: row.get(3),
    }))
}

/// A column of the table.
struct TableColumn {
    name: String,
    kind: String,
    /// Whether every row must give a value for it.
    is_required: bool,
}

async fn columns_of(client: &Client, table: &Table) -> Result<Vec<TableColumn>, Error> {
    let rows = client
        .query(
            "SELECT a.attname::text, t.typname::text, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            &[&table.schema.0, &table.name.0],
        )
        .await?;
    Ok(rows.iter().map(|row| TableColumn { name: row.get(0), kind: row.get(1), is_required: row.get(2) }).collect())
}

/// Compares the columns of the list with those of the table, and reports all that do not fit.
fn compare(table: &Table, columns: &[Column], found: &[TableColumn]) -> Result<(), SinkError> {
    let mut problems = Vec::new();
    let mut changes = Vec::new();
    for column in columns {
        match found.iter().find(|found| found.name == column.name.0) {
            None => {
                problems.push(format!("has no column `{}`", column.name.0));
                changes.push(format!("ADD COLUMN {} {}", column.name, column.sql_type()));
            }
            Some(found) if found.kind != column.kind.name() => {
                let (name, kind) = (&column.name.0, column.kind.name());
                problems.push(format!("has `{name}` as `{}`, expected `{kind}`", found.kind));
                changes.push(format!("ALTER {} TYPE {}", column.name, column.sql_type()));
            }
            Some(_) => {}
        }
    }
    for found in found.iter().filter(|found| found.is_required && !KEY_COLUMNS.contains(&found.name.as_str())) {
        if !columns.iter().any(|column| column.name.0 == found.name) {
            problems.push(format!("wants a value for `{}`, which the list does not have", found.name));
            changes.push(format!("ALTER \"{}\" DROP NOT NULL", found.name));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("the table `{}` {}", table.plain(), problems.join("; it "));
    Err(SinkError::permanent(message).with_hint(format!("ALTER TABLE {table} {}", changes.join(", "))))
}
