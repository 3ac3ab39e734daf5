//! Tests of the `arrow` sink: what a reader gets of a run, and of one that was cut.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanout_sink::arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use fanout_sink::arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema};
use fanout_sink::arrow::error::ArrowError;
use fanout_sink::arrow::ipc::reader::StreamReader;
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::chrono::{DateTime, NaiveDate};
use fanout_sink::{Batch, ConfiguredSink, Root, Sink, SinkContext, SinkErrorKind, Snapshot, WalkId};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::factory::ArrowFactory;
use crate::options::ArrowOptions;

const DATES: [&str; 2] = ["2026-11-21", "2026-11-22"];

/// A run to one file.
struct Run {
    folder: TempDir,
    sink: ConfiguredSink,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { sink: sink_to(&folder.path().join("out/lists.arrow")), folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("out/lists.arrow")
    }

    async fn open(&self, app_id: &str, date: &str) -> Box<dyn Sink> {
        self.sink.open(context(app_id, date)).await.unwrap()
    }

    /// Delivers a whole list, in batches of two rows.
    async fn deliver(&self, app_id: &str, date: &str, rows: i64) {
        let mut sink = self.open(app_id, date).await;
        for (sequence, first) in (0..rows).step_by(2).enumerate() {
            sink.write(&batch(sequence as u64, app_id, first..rows.min(first + 2))).await.unwrap();
        }
        sink.prepare(&snapshot(date, rows as u64)).await.unwrap();
        let report = sink.commit().await.unwrap();
        assert_eq!((report.rows, report.outputs[0].location.as_str()), (rows as u64, self.path().to_str().unwrap()));
        assert_eq!(report.bytes > 0, rows > 0);
    }

    async fn end(&self) -> Result<(), String> {
        self.sink.end(&context("", DATES[0]), true).await.map_err(|error| error.to_string())
    }

    /// Ends a run that lacks a list.
    async fn end_early(&self) {
        self.sink.end(&context("", DATES[0]), false).await.unwrap();
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }
}

fn sink_to(path: &Path) -> ConfiguredSink {
    ConfiguredSink::new(ArrowFactory, ArrowOptions::new(path))
}

fn columns() -> Schema {
    Schema::new(vec![Field::new("app_id", DataType::Utf8, false), Field::new("position", DataType::Int64, false)])
}

fn context(app_id: &str, date: &str) -> SinkContext {
    SinkContext::new("north", app_id, Arc::new(columns())).with_walk(walk(), date.parse().unwrap())
}

fn walk() -> WalkId {
    WalkId::new(7, DateTime::UNIX_EPOCH)
}

fn batch(sequence: u64, app_id: &str, positions: std::ops::Range<i64>) -> Batch {
    let app_ids: ArrayRef = Arc::new(StringArray::from_iter_values(positions.clone().map(|_| app_id)));
    let positions: ArrayRef = Arc::new(Int64Array::from_iter_values(positions));
    Batch::new(sequence, RecordBatch::try_new(Arc::new(columns()), vec![app_ids, positions]).unwrap())
}

fn snapshot(date: &str, rows: u64) -> Snapshot {
    Snapshot {
        walk: walk(),
        date: date.parse().unwrap(),
        begun_at: DateTime::UNIX_EPOCH,
        rows,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: String::new(),
        proof: serde_json::Map::new(),
    }
}

type Row = (String, i64, NaiveDate);

fn rows_of(content: &[u8]) -> Result<Vec<Row>, ArrowError> {
    let mut rows = Vec::new();
    for records in StreamReader::try_new(content, None)? {
        let records = records?;
        let (app_ids, positions) =
            (records["app_id"].as_string::<i32>(), records["position"].as_primitive::<Int64Type>());
        let dates = records["dt"].as_primitive::<Date32Type>();
        rows.extend(
            (0..records.num_rows())
                .map(|row| (app_ids.value(row).to_owned(), positions.value(row), dates.value_as_date(row).unwrap())),
        );
    }
    Ok(rows)
}

fn list(app_id: &str, date: &str, rows: i64) -> impl Iterator<Item = Row> {
    let (app_id, date) = (app_id.to_owned(), date.parse().unwrap());
    (0..rows).map(move |position| (app_id.clone(), position, date))
}

#[tokio::test]
async fn all_lists_of_a_run_are_one_stream_and_their_dates_tell_them_apart() {
    let run = Run::new();
    run.deliver("wx1", DATES[0], 5).await;
    run.deliver("wx2", DATES[1], 0).await;
    run.deliver("wx1", DATES[1], 3).await;
    run.end().await.unwrap();
    let expected: Vec<Row> = list("wx1", DATES[0], 5).chain(list("wx1", DATES[1], 3)).collect();
    assert_eq!(rows_of(&run.content()).unwrap(), expected);
    assert_eq!(run.end().await, Ok(()), "an end is safe to repeat");
    assert_eq!(rows_of(&run.content()).unwrap(), expected);
}

#[tokio::test]
async fn a_run_without_a_list_is_an_empty_stream_with_its_columns() {
    let run = Run::new();
    run.end().await.unwrap();
    let content = run.content();
    let reader = StreamReader::try_new(content.as_slice(), None).unwrap();
    let schema = reader.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["app_id", "position", "dt"]);
    assert_eq!(reader.count(), 0);
    assert!(content.ends_with(&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_run_that_lacks_a_list_is_no_complete_stream_also_if_it_has_delivered_none() {
    let run = Run::new();
    run.deliver("wx1", DATES[0], 3).await;
    run.end().await.unwrap();
    rows_of(&run.content()).unwrap();

    let next = Run { sink: sink_to(&run.path()), folder: run.folder };
    next.end_early().await;
    rows_of(&next.content()).unwrap_err();

    let next = Run { sink: sink_to(&next.path()), folder: next.folder };
    next.deliver("wx1", DATES[0], 3).await;
    next.end_early().await;
    next.end_early().await;
    rows_of(&next.content()).unwrap_err();
}

#[tokio::test]
async fn a_pipe_without_a_reader_can_be_given_up_and_is_written_once_there_is_one() {
    let run = Run::new();
    fs::create_dir(run.folder.path().join("out")).unwrap();
    assert!(Command::new("mkfifo").arg(run.path()).status().unwrap().success());
    let given_up = timeout(Duration::from_millis(100), run.open("wx1", DATES[0])).await;
    assert!(given_up.is_err(), "it waits");
    let begun = Instant::now();
    run.end_early().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "nobody waits for the end of nothing");

    let (path, rows) = (run.path(), 100_000);
    let reader = std::thread::spawn(move || fs::read(path).unwrap());
    run.deliver("wx1", DATES[0], rows).await;
    run.end().await.unwrap();
    assert_eq!(rows_of(&reader.join().unwrap()).unwrap(), list("wx1", DATES[0], rows).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_end_of_a_run_without_a_list_fails_if_no_reader_of_the_pipe_comes() {
    let run = Run::new();
    fs::create_dir(run.folder.path().join("out")).unwrap();
    assert!(Command::new("mkfifo").arg(run.path()).status().unwrap().success());
    assert_eq!(run.end().await, Err(format!("`{}` has no reader", run.path().display())));
}

#[tokio::test]
async fn the_next_run_writes_the_file_anew() {
    let run = Run::new();
    run.deliver("wx1", DATES[0], 9).await;
    run.end().await.unwrap();
    let next = sink_to(&run.path());
    let next = Run { folder: run.folder, sink: next };
    next.deliver("wx2", DATES[1], 1).await;
    next.end().await.unwrap();
    assert_eq!(rows_of(&next.content()).unwrap(), list("wx2", DATES[1], 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_looks_complete_only_with_its_last_byte() {
    let run = Run::new();
    run.deliver("wx1", DATES[0], 3).await;
    run.deliver("wx2", DATES[0], 2).await;
    run.end().await.unwrap();
    let whole = run.content();
    rows_of(&whole).unwrap();
    for length in 0..whole.len() {
        // This reader takes fewer than the four bytes of a message for the end. They are written
        // together with the message before: only a process that dies within that call leaves less.
        let is_within_them =
            (1..=4).any(|missing| whole.get(..length + missing).is_some_and(|bytes| bytes.ends_with(&[0xFF; 4])));
        let is_read = rows_of(&whole[..length]).is_ok();
        assert!(!is_read || is_within_them, "the first {length} of {} bytes look complete", whole.len());
    }
}

#[tokio::test]
async fn a_list_that_is_cut_cuts_the_stream_and_every_list_behind_it() {
    for is_dropped in [false, true] {
        let run = Run::new();
        run.deliver("wx1", DATES[0], 4).await;
        let mut cut = run.open("wx2", DATES[0]).await;
        cut.write(&batch(0, "wx2", 0..2)).await.unwrap();
        if !is_dropped {
            cut.abort().await.unwrap();
        }
        drop(cut);
        let why = "the stream of the run is not complete: the list `followers` of `north` was cut after 2 rows";
        let refused = run.sink.open(context("wx3", DATES[0])).await.err().unwrap();
        assert_eq!((refused.to_string().as_str(), refused.kind()), (why, SinkErrorKind::Permanent));
        assert_eq!(run.end().await, Err(why.to_owned()));
        rows_of(&run.content()).unwrap_err();
    }
}

#[tokio::test]
async fn a_list_that_is_given_up_before_its_first_row_cuts_nothing() {
    let run = Run::new();
    run.open("wx1", DATES[0]).await.abort().await.unwrap();
    run.deliver("wx2", DATES[0], 1).await;
    run.end().await.unwrap();
    assert_eq!(rows_of(&run.content()).unwrap(), list("wx2", DATES[0], 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_that_lacks_rows_is_refused() {
    let run = Run::new();
    let mut sink = run.open("wx1", DATES[0]).await;
    sink.write(&batch(0, "wx1", 0..2)).await.unwrap();
    let error = sink.prepare(&snapshot(DATES[0], 3)).await.unwrap_err();
    assert_eq!(error.to_string(), "2 rows of the list were received, expected 3");
}

#[tokio::test]
async fn a_check_finds_what_cannot_be_written_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let check =
        async |path: &Path| sink_to(path).check(&context("wx1", DATES[0])).await.map_err(|error| error.to_string());
    let missing = folder.path().join("not/yet/there.arrow");
    assert_eq!(check(&missing).await, Ok(()));
    assert!(!folder.path().join("not").exists());

    let error = check(folder.path()).await.unwrap_err();
    assert_eq!(error, format!("`{}` is a folder", folder.path().display()));
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    assert_eq!(check(&file).await, Ok(()));
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    let error = check(&file.join("below.arrow")).await.unwrap_err();
    assert!(error.starts_with("cannot look at `") && error.ends_with("below.arrow`"), "{error}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    // Root may write everything.
    if fs::File::options().write(true).open(&file).is_err() {
        let error = check(&file).await.unwrap_err();
        assert_eq!(error, format!("cannot write to `{}`", file.display()));
    }
}

#[tokio::test]
async fn a_list_with_a_column_named_dt_is_refused_before_anything_is_written() {
    let run = Run::new();
    let schema = Schema::new(vec![Field::new("dt", DataType::Utf8, false)]);
    let error = run.sink.check(&SinkContext::new("north", "wx1", Arc::new(schema))).await.unwrap_err();
    assert!(error.to_string().contains("dt"), "{error}");
    assert!(!run.path().exists());
}

#[test]
fn options_have_a_path_and_a_compression_and_nothing_else() {
    let options = |json| serde_json::from_value::<ArrowOptions>(json);
    let read = options(json!({ "path": "-", "compression": "zstd" })).unwrap();
    assert!(ConfiguredSink::new(ArrowFactory, read.clone()).uses_stdout());
    assert!(ConfiguredSink::new(ArrowFactory, read).roots().is_empty());
    let file = ConfiguredSink::new(ArrowFactory, options(json!({ "path": "a/b.arrow" })).unwrap());
    assert_eq!((file.uses_stdout(), file.roots()), (false, vec![Root::from(PathBuf::from("a/b.arrow"))]));
    for wrong in [json!({}), json!({ "path": "-", "streams": {} }), json!({ "path": "s3://a/b" })] {
        options(wrong.clone()).unwrap_err();
    }
}
