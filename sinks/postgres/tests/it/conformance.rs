//! The conformance suite, for a table of all dates and for one of the latest date.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::conformance::{ReadBack, ReadError, Subject, Traces, run};
use fanout_sink::{ConfiguredSink, SinkContext, async_trait};
use fanout_sink_postgres::{Dates, PostgresFactory, PostgresOptions};

use crate::server::{Server, server};

/// Longer than the sink waits for a lock, and shorter than the suite retries.
const LOCKED_SECS: u32 = 3;

/// A sink whose table is in a schema of its own for each folder of the suite.
struct Postgres {
    server: Arc<Server>,
    dates: Dates,
    schemas: Mutex<BTreeSet<String>>,
}

fn schema(directory: &Path) -> String {
    format!("Case {}", directory.file_name().unwrap().to_str().unwrap().trim_start_matches('.'))
}

#[async_trait]
impl Subject for Postgres {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        let schema = schema(directory);
        if self.schemas.lock().unwrap().insert(schema.clone()) {
            self.server.schema(&schema);
        }
        let table = format!("{schema}.The \"Followers\"");
        let options = PostgresOptions::new(self.server.url(), table);
        let options = PostgresOptions { dates: self.dates, lock_timeout_secs: 1, ..options };
        ConfiguredSink::new(PostgresFactory, options)
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let client = self.server.client().await;
        let table = format!("\"{}\".\"The \"\"Followers\"\"", schema(directory));
        let snapshots = format!("{table}_snapshots\"");
        if client.query_one("SELECT to_regclass($1) IS NULL", &[&snapshots]).await?.get(0) {
            return Ok(None);
        }
        let date = context.date.to_string();
        let keys: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&context.app_id, &context.list, &date];
        let which = "WHERE app_id = $1 AND list = $2 AND dt = $3::text::date";
        let query = format!("SELECT to_jsonb(s)::text FROM {snapshots} s {which} AND partition IS NOT NULL");
        let Some(snapshot) = client.query_opt(&query, &keys).await? else {
            return Ok(None);
        };
        let columns: Vec<_> = context.schema.fields().iter().map(|field| format!("\"{}\"", field.name())).collect();
        // A table has no order but that of its rows in the file.
        let query = format!(
            "SELECT to_jsonb(r)::text FROM (SELECT {} FROM {table}\" {which} ORDER BY ctid) r",
            columns.join(", ")
        );
        let texts: Vec<String> = client.query(&query, &keys).await?.iter().map(|row| row.get(0)).collect();
        let rows = texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>()?;
        let outputs = [("rows", texts.join("\n")), ("snapshot", snapshot.get(0))];
        let outputs = outputs.map(|(name, content)| (name.to_owned(), content.into_bytes()));
        Ok(Some(ReadBack { rows, outputs: outputs.into() }))
    }

    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        let client = self.server.client().await;
        let query =
            "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p')";
        let schema = format!("\"{}\"", schema(directory));
        let mut traces = Traces::new();
        for row in client.query(query, &[&schema]).await? {
            let name: String = row.get(0);
            let query = format!(
                "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {schema}.\"{}\" t",
                name.replace('"', "\"\"")
            );
            let content: String = client.query_one(&query, &[]).await?.get(0);
            traces.insert(name, content.into_bytes());
        }
        Ok(traces)
    }

    /// Drops every partition, and leaves the table of snapshots as it is.
    async fn remove(&self, directory: &Path, _context: &SinkContext) -> Result<bool, ReadError> {
        let client = self.server.client().await;
        let table = format!("\"{}\".\"The \"\"Followers\"\"\"", schema(directory));
        let query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass($1)";
        for row in client.query(query, &[&table]).await? {
            client.batch_execute(&format!("DROP TABLE {}", row.get::<_, String>(0))).await?;
        }
        Ok(true)
    }

    fn accepts(&self, columns: &Schema) -> bool {
        // Another list of the suite has a text with U+0000, which comes back as another character.
        // The tests in `table` deliver it, and the other types.
        columns.column_with_name("openid").is_some()
    }

    fn keeps_earlier_dates(&self) -> bool {
        self.dates == Dates::All
    }

    /// Holds the staging table for longer than the sink waits for it.
    fn fail_next_write(&self, directory: &Path) -> bool {
        let find = format!(
            "SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = '\"{}\"'::regnamespace AND relname LIKE '%\\_staging\\_%'",
            schema(directory)
        );
        let staging = self.server.sql(&find);
        let lock = format!("BEGIN; LOCK TABLE {staging}; SELECT pg_sleep({LOCKED_SECS}); COMMIT");
        let mut holder = self.server.psql_command(&lock).stdout(Stdio::null()).spawn().unwrap();
        // `psql` ends by itself; the thread reaps it.
        std::thread::spawn(move || holder.wait());
        let held = format!(
            "SELECT count(*) FROM pg_locks WHERE relation = '{staging}'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        );
        while self.server.sql(&held) == "0" {
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

/// The cases for sinks that write files, and the one whose types `accepts` declines.
const SKIPPED: [&str; 4] = [
    "a_simulated_list_stays_apart",
    "roots_lie_where_the_options_say",
    "staging_stays_outside_the_roots",
    "values_of_every_kind_come_back",
];

async fn assert_conforms(test: &str, dates: Dates, also_skipped: &[&str]) {
    let Some(server) = server(test) else { return };
    let summary = run(&Postgres { server, dates, schemas: Mutex::default() }).await;
    let skipped: BTreeSet<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    assert_eq!(skipped, SKIPPED.iter().chain(also_skipped).copied().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_all_dates() {
    assert_conforms("a_table_of_all_dates", Dates::All, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_latest_date() {
    assert_conforms("a_table_of_the_latest_date", Dates::Latest, &["a_later_date_stands_beside_the_earlier"]).await;
}
