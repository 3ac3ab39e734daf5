//! The sink's tables: their names, and the statements that create and attach them.

use std::fmt;

use fanout_sink::{SinkContext, SinkError};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Error};

use crate::column::{APP_ID, Column, KEY_COLUMNS};
use crate::sql::{Identifier, Literal};

/// The longest identifier, in bytes. Postgres cuts off longer ones.
const LONGEST_NAME: usize = 63;
/// The longest suffix of a table's name: `_staging_` and sixteen digits.
const LONGEST_SUFFIX: usize = 25;

/// The table of all lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: Identifier,
    pub(crate) name: Identifier,
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}

impl Table {
    /// Parses `table` or `schema.table`. Upper case stays upper case.
    pub(crate) fn parse(text: &str) -> Result<Self, SinkError> {
        let (schema, name) = text.split_once('.').unwrap_or(("public", text));
        let longest = LONGEST_NAME - LONGEST_SUFFIX;
        let fits = |name: &str, longest| !name.is_empty() && name.len() <= longest && !name.contains(['.', '\0']);
        if !fits(schema, LONGEST_NAME) || !fits(name, longest) {
            let message =
                format!("found `{text}`, expected `table` or `schema.table`, the table of up to {longest} bytes");
            return Err(SinkError::option("table", message));
        }
        Ok(Self { schema: Identifier(schema.to_owned()), name: Identifier(name.to_owned()) })
    }

    /// Returns the name without quotes, for messages.
    pub(crate) fn plain(&self) -> String {
        format!("{}.{}", self.schema.0, self.name.0)
    }

    /// Returns the table `<table>_<suffix>` in the same schema.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        self.named(&format!("{}_{suffix}", self.name.0))
    }

    /// Returns the table called `name` in the same schema.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { schema: self.schema.clone(), name: Identifier(name.to_owned()) }
    }

    /// Returns the table that records which list is in which partition.
    pub(crate) fn snapshots(&self) -> Self {
        self.beside("snapshots")
    }

    /// Returns the staging table of the list of `context`. Its name depends on the sink, the
    /// account and the list only, so the next attempt finds the table that a crash has left.
    pub(crate) fn staging(&self, context: &SinkContext) -> Self {
        let digest = hash(&[&context.pipeline, &context.sink, &context.app_id, &context.list]);
        self.beside(&format!("staging_{digest:016x}"))
    }

    /// Returns the partition of the list of `context`.
    pub(crate) fn partition(&self, context: &SinkContext) -> Self {
        self.beside(&format!("list_{:016x}", hash(&[&context.app_id, &context.list, &context.date.to_string()])))
    }

    /// Returns whether the table exists, attached or not.
    pub(crate) async fn exists(&self, client: &Client) -> Result<bool, Error> {
        Ok(client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&self.to_string()]).await?.get(0))
    }

    /// Returns the key of the lock that is held while the list of `context` is staged.
    pub(crate) fn staging_lock(&self, context: &SinkContext) -> i64 {
        hash(&["staging", &self.staging(context).plain()]) as i64
    }

    /// Returns the key of the lock that is held while a list is swapped in.
    pub(crate) fn swap_lock(&self) -> i64 {
        hash(&["swap", &self.plain()]) as i64
    }

    /// Returns the statement that creates the table for these columns.
    pub(crate) fn create(&self, columns: &[Column]) -> String {
        let definitions = definitions(columns);
        format!("CREATE TABLE IF NOT EXISTS {self} ({definitions}) PARTITION BY RANGE ({})", KEY_COLUMNS.join(", "))
    }

    /// Returns the statements that create the staging table of a list. If the table
    /// exists, the staging table has its form.
    ///
    /// Defaults fill the key columns. The constraint bounds them, so that Postgres does not need to
    /// read the rows at the commit to know that they belong to the partition.
    pub(crate) fn create_staging(&self, exists: bool, columns: &[Column], context: &SinkContext) -> String {
        let staging = self.staging(context);
        let shape = if exists { format!("LIKE {self} INCLUDING ALL") } else { definitions(columns) };
        let bounds = Bounds(context);
        let date = context.date.to_string();
        let (app_id, list, date) = (Literal(&context.app_id), Literal(&context.list), Literal(&date));
        format!(
            "DROP TABLE IF EXISTS {staging}; \
             CREATE TABLE {staging} ({shape}); \
             ALTER TABLE {staging} ALTER app_id SET DEFAULT {app_id}, ALTER list SET DEFAULT {list}, \
                 ALTER dt SET DEFAULT {date}::date, ADD CONSTRAINT {LIST_CONSTRAINT} CHECK ({bounds})"
        )
    }

    /// Returns the statements that turn the staging table of `context` into its partition.
    pub(crate) fn attach(&self, context: &SinkContext) -> String {
        let (staging, partition) = (self.staging(context), self.partition(context));
        let date = context.date.to_string();
        let (app_id, list, date) = (Literal(&context.app_id), Literal(&context.list), Literal(&date));
        format!(
            "ALTER TABLE {staging} RENAME TO {}; \
             ALTER TABLE {self} ATTACH PARTITION {partition} \
                 FOR VALUES FROM ({app_id}, {list}, {date}) TO ({app_id}, {list}, ({date}::date + 1)); \
             ALTER TABLE {partition} DROP CONSTRAINT {LIST_CONSTRAINT}",
            partition.name
        )
    }
}

/// The constraint of a staging table.
const LIST_CONSTRAINT: &str = "fanout_list";

/// The bounds of a list's partition, in the form in which Postgres states them itself. Another form
/// would not spare it the reading of the rows.
struct Bounds<'a>(&'a SinkContext);

impl fmt::Display for Bounds<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0.date.to_string();
        let (app_id, list, date) = (Literal(&self.0.app_id), Literal(&self.0.list), Literal(&date));
        write!(
            formatter,
            "app_id IS NOT NULL AND list IS NOT NULL AND dt IS NOT NULL AND app_id = {app_id} AND list = {list} \
             AND dt >= {date}::date AND dt < ({date}::date + 1)"
        )
    }
}

fn definitions(columns: &[Column]) -> String {
    let columns = columns.iter().filter(|column| column.name.0 != APP_ID).map(Column::definition);
    let keys = ["app_id text NOT NULL", "list text NOT NULL", "dt date NOT NULL"].map(str::to_owned);
    keys.into_iter().chain(columns).collect::<Vec<_>>().join(", ")
}

/// Hashes names, each preceded by its length: `["ab", "c"]` and `["a", "bc"]` differ.
fn hash(names: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for name in names {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
    }
    let digest = digest.finalize();
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(Table::parse("followers").unwrap().to_string(), r#""public"."followers""#);
        assert_eq!(Table::parse(r#"a"b.Ünï; DROP"#).unwrap().to_string(), r#""a""b"."Ünï; DROP""#);
    }

    #[test]
    fn a_name_that_postgres_would_cut_off_is_refused() {
        let longest = "t".repeat(LONGEST_NAME - LONGEST_SUFFIX);
        let table = Table::parse(&longest).unwrap();
        assert_eq!(table.beside(&format!("staging_{:016x}", u64::MAX)).name.0.len(), LONGEST_NAME);
        for wrong in [&(longest + "t"), "", "a.", ".a", "a.b.c"] {
            assert_eq!(Table::parse(wrong).unwrap_err().key(), Some("table"), "{wrong}");
        }
    }

    #[test]
    fn names_are_hashed_apart() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
    }
}
