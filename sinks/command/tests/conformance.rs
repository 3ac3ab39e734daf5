//! The conformance suite for the example programs: Python over `arrow`, shell over `plain`.

#![expect(clippy::unwrap_used, reason = "the subject of a test may panic, as its test functions may")]

mod python;

use std::io::Read;
use std::path::Path;

use fanout_sink::arrow::datatypes::Schema;
use fanout_sink::conformance::{Outcome, ReadBack, ReadError, Row, Subject, Traces, cases, files_under, run};
use fanout_sink::{ConfiguredSink, SinkContext, async_trait};
use fanout_sink_command::CommandFactory;
use flate2::read::MultiGzDecoder;
use python::python;
use serde_json::{Value, json};

/// An example program, and how its output is read.
struct Example {
    options: fn(&Path) -> Value,
    extension: &'static str,
    rows: fn(&[u8]) -> Result<Vec<Row>, ReadError>,
    is_plain: bool,
}

impl Example {
    /// Returns the name of a list's file.
    fn name(&self, context: &SinkContext) -> String {
        format!("{}-{}-{}.{}", context.date, context.app_id, context.list, self.extension)
    }
}

fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path);
    path.to_str().unwrap().to_owned()
}

/// Where `fanout_etl` is.
fn environment() -> Value {
    json!({ "PYTHONPATH": Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/python") })
}

#[async_trait]
impl Subject for Example {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        ConfiguredSink::new(CommandFactory, serde_json::from_value((self.options)(&directory.join("out"))).unwrap())
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let name = self.name(context);
        let mut outputs = files_under(&directory.join("out"))?;
        outputs.retain(|path, _| *path == name);
        let Some(file) = outputs.get(&name) else { return Ok(None) };
        Ok(Some(ReadBack { rows: (self.rows)(file)?, outputs }))
    }

    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        let mut traces = files_under(directory)?;
        // A plain program that has survived a crash of fanout writes while the suite looks, and an
        // aborted one leaves its file.
        traces.retain(|name, _| !self.is_plain || !name.contains(".staged-"));
        Ok(traces)
    }

    async fn remove(&self, directory: &Path, context: &SinkContext) -> Result<bool, ReadError> {
        // Not the folder: without it, the example in Python cannot tell.
        std::fs::remove_file(directory.join("out").join(self.name(context)))?;
        Ok(true)
    }

    fn accepts(&self, schema: &Schema) -> bool {
        // JSON has nulls, CSV has not.
        self.is_plain || schema.fields().iter().all(|field| !field.is_nullable())
    }
}

/// Reads the CSV of a list of followers. No text in it contains a quote, a comma or a line end.
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
    let mut lines = Vec::new();
    MultiGzDecoder::new(content).read_to_end(&mut lines)?;
    json_rows(&lines)
}

fn json_rows(content: &[u8]) -> Result<Vec<Row>, ReadError> {
    str::from_utf8(content)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[tokio::test]
async fn a_program_in_python_keeps_every_promise() {
    if python().is_none() {
        return;
    }
    let options = |folder: &Path| {
        // With a window of 1 a batch is acknowledged before the next step. So a program that has
        // survived a crash of fanout writes nothing while the suite looks.
        let command = [python(), Some(example("python/csv_sink.py"))];
        json!({ "command": command, "settings": { "folder": folder }, "environment": environment(), "window": 1 })
    };
    let summary = run(&Example { options, extension: "csv", rows: csv_rows, is_plain: false }).await;
    let skipped: Vec<&str> = summary.skipped.iter().map(|skip| skip.case).collect();
    let expected = [
        // fanout does not know the roots of a program.
        "roots_lie_where_the_options_say",
        // CSV does not distinguish null from an empty text.
        "values_of_every_kind_come_back",
        "a_list_of_profiles_comes_back",
        "staging_stays_outside_the_roots",
        // A disk has no temporary errors.
        "a_batch_refused_for_now_is_accepted_later",
        "a_simulated_list_stays_apart",
    ];
    assert_eq!(skipped, expected);
}

#[tokio::test]
async fn a_program_in_python_receives_values_of_every_kind() {
    if python().is_none() {
        return;
    }
    let options = |folder: &Path| {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/json_sink.py");
        let command = [python().unwrap(), program.to_str().unwrap().to_owned()];
        json!({ "command": command, "settings": { "folder": folder }, "environment": environment() })
    };
    // Not CSV: it takes any column.
    let subject = Example { options, extension: "json", rows: json_rows, is_plain: true };
    for name in ["values_of_every_kind_come_back", "a_list_of_profiles_comes_back"] {
        let case = cases().find(|case| case.name() == name).unwrap();
        assert_eq!(case.run(&subject).await, Ok(Outcome::Kept));
    }
}

/// The program in Python that removes its data file when it is aborted.
struct LateSink;

#[async_trait]
impl Subject for LateSink {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/late_sink.py");
        let options = json!({
            "command": [python(), program.to_str()],
            "environment": environment(),
            "settings": { "folder": directory.join("out") },
        });
        ConfiguredSink::new(CommandFactory, serde_json::from_value(options).unwrap())
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let files = files_under(&directory.join("out"))?;
        let pointer = format!("{}-{}-{}.pointer", context.date, context.app_id, context.list);
        let Some(data) = files.get(&pointer) else { return Ok(None) };
        let data = files.get(str::from_utf8(data)?).ok_or("the pointer names a file that is gone")?;
        Ok(Some(ReadBack { rows: csv_rows(data)?, ..ReadBack::default() }))
    }
}

#[tokio::test]
async fn a_program_that_ends_late_and_removes_what_its_successor_has_published_is_caught() {
    if python().is_none() {
        return;
    }
    for name in ["a_crash_between_batches_is_forgotten", "a_crash_after_prepare_is_forgotten"] {
        let case = cases().find(|case| case.name() == name).unwrap();
        let failure = case.run(&LateSink).await.unwrap_err();
        let late = "after the attempts that crashed have ended failed: the pointer names a file that is gone";
        assert!(failure.message.contains(late), "{failure}");
    }
    let case = cases().find(|case| case.name() == "commit_may_be_repeated").unwrap();
    case.run(&LateSink).await.unwrap();
}

#[tokio::test]
async fn a_program_in_shell_keeps_every_promise_that_it_can() {
    let options = |folder: &Path| json!({ "command": [example("shell/gzip_sink.sh"), folder], "protocol": "plain" });
    let summary = run(&Example { options, extension: "ndjson.gz", rows: gzipped_rows, is_plain: true }).await;
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
        "a_list_of_profiles_comes_back",
        "equal_deliveries_write_equal_bytes",
        "commit_may_be_repeated",
        "two_accounts_at_once_do_not_disturb_each_other",
        // It cannot look, and says so.
        "what_was_published_is_held",
        "what_was_removed_is_gone",
        "what_another_owner_has_published_is_taken",
        "a_newer_list_has_replaced_the_older",
        "a_look_changes_nothing",
    ];
    assert_eq!(summary.kept, kept);
}
