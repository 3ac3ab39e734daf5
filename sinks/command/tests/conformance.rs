//! The command sink keeps every promise that its program keeps: the examples in Python and in shell, over both protocols.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::conformance::{ReadBack, ReadError, Row, Subject, files_under, run};
use fanout_sink::{ConfiguredSink, SinkContext, async_trait};
use fanout_sink_command::CommandFactory;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

/// An example, and how its output is read.
struct Example {
    options: fn(&Path) -> Value,
    extension: &'static str,
    rows: fn(&[u8]) -> Result<Vec<Row>, ReadError>,
    takes_nulls: bool,
}

fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path);
    path.to_str().unwrap().to_owned()
}

#[async_trait]
impl Subject for Example {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        ConfiguredSink::new(CommandFactory, serde_json::from_value((self.options)(&directory.join("out"))).unwrap())
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let name = format!("{}-{}.{}", context.date, context.app_id, self.extension);
        let mut outputs = files_under(&directory.join("out"))?;
        outputs.retain(|path, _| *path == name);
        let Some(file) = outputs.get(&name) else { return Ok(None) };
        Ok(Some(ReadBack { rows: (self.rows)(file)?, outputs }))
    }

    fn accepts(&self, schema: &Schema) -> bool {
        self.takes_nulls || schema.fields().iter().all(|field| !field.is_nullable())
    }
}

/// Reads the CSV of a list of followers, in which no text has a quote, a comma or the end of a line.
fn csv_rows(content: &[u8]) -> Result<Vec<Row>, ReadError> {
    let text = str::from_utf8(content)?;
    let mut lines = text.lines().map(|line| line.split(','));
    let header: Vec<&str> = lines.next().ok_or("no header")?.map(|name| name.trim_matches('"')).collect();
    let value = |cell: &str| match cell.strip_prefix('"') {
        Some(text) => Value::from(text.trim_end_matches('"')),
        None => serde_json::from_str(cell).unwrap_or_else(|_| Value::from(cell)),
    };
    Ok(lines.map(|cells| header.iter().map(|&name| name.to_owned()).zip(cells.map(value)).collect()).collect())
}

fn gzipped_rows(content: &[u8]) -> Result<Vec<Row>, ReadError> {
    let mut text = String::new();
    MultiGzDecoder::new(content).read_to_string(&mut text)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[expect(clippy::disallowed_methods, reason = "how tests are run is no configuration of a pipeline")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a Python that has pyarrow. None, and a word about it, if there is none: a failure where nothing may be skipped.
fn python() -> Option<String> {
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    // It is started elsewhere.
    let python = if python.contains('/') { absolute(&python) } else { python };
    if Command::new(&python).args(["-c", "import pyarrow"]).output().is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let hint = "pip install pyarrow, and name that Python in READERS_PYTHON";
    assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "`{python}` has no pyarrow; {hint}");
    // Past the test harness, which shows what `eprintln!` prints only when a test fails.
    let word = format!("skipped: the command sink in Python was not held to the contract; {hint}\n");
    std::io::stderr().write_all(word.as_bytes()).unwrap();
    None
}

/// Tests start in the folder of their crate; a relative path is meant from that of the workspace.
fn absolute(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_program_in_python_keeps_every_promise() {
    if python().is_none() {
        return;
    }
    let options = |folder: &Path| json!({ "command": [python(), example("python/csv_sink.py")], "settings": { "folder": folder } });
    let summary = run(&Example { options, extension: "csv", rows: csv_rows, takes_nulls: false }).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    let expected = [
        // A program has no roots that fanout knows of.
        "roots_lie_where_the_options_say",
        // CSV knows no difference between nothing and an empty text.
        "values_of_every_kind_come_back",
        "staging_stays_outside_the_roots",
        // A disk has no temporary errors.
        "a_batch_refused_for_now_is_accepted_later",
        "a_simulated_list_stays_apart",
    ];
    assert_eq!(skipped, expected);
}

#[tokio::test]
async fn a_program_in_shell_keeps_every_promise_that_it_can() {
    let options = |folder: &Path| json!({ "command": [example("shell/gzip_sink.sh"), folder], "protocol": "plain" });
    let summary = run(&Example { options, extension: "ndjson.gz", rows: gzipped_rows, takes_nulls: true }).await;
    let kept = [
        "the_type_is_one_lower_case_word",
        "the_summary_is_one_line",
        "the_summary_states_the_guarantee",
        "check_passes_and_changes_nothing",
        "a_check_makes_no_difference_to_open",
        "a_list_is_published_exactly_and_in_order",
        "the_report_counts_every_row",
        "an_empty_list_is_published",
        "many_small_batches_are_one_list",
        "batches_of_one_row_are_one_list",
        "one_large_batch_is_one_list",
        "an_empty_batch_changes_nothing",
        "a_pause_between_batches_changes_nothing",
        "a_list_of_one_column_is_published",
        "columns_come_in_any_order",
        "values_of_every_kind_come_back",
        "equal_deliveries_write_equal_bytes",
        "commit_may_be_repeated",
        "two_accounts_at_once_do_not_disturb_each_other",
        "what_was_published_is_held",
        "what_was_removed_is_gone",
        "what_another_owner_has_published_is_taken",
        "a_newer_list_has_replaced_the_older",
        "a_look_changes_nothing",
    ];
    assert_eq!(summary.kept, kept);
}
