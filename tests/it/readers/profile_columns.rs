//! Other programs read columns that may be null, lists, and times in seconds, as a list of profiles
//! has them, from Parquet and from lines of JSON.
//!
//! The list is made here and given to the sinks, so that the truth is not computed by what is
//! tested. `tests/parquet-readers/run` adds Spark.

use std::sync::Arc;

use fanout_sink::arrow::array::{
    ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampSecondArray,
};
use fanout_sink::arrow::datatypes::Int32Type;
use fanout_sink::chrono::DateTime;
use fanout_sink::{Batch, ConfiguredSink, SinkContext, SinkFactory, Snapshot, WalkId};
use fanout_sink_ndjson::NdjsonFactory;
use fanout_sink_parquet::ParquetFactory;
use serde_json::{Map, Value, json};

use crate::readers::read_with;
use crate::support::{Project, run_script, variable};

const SCRIPT: &str = "tests/it/profile_columns.py";
const HOW_TO_GET_THEM: &str =
    "pip install pyarrow pandas duckdb polars datafusion, and name that Python in READERS_PYTHON";

const ROWS: usize = 1_000;
const BATCH_ROWS: usize = 300;
const FETCHED_AT: i64 = 1_795_341_600_123_456;

/// Each sink with its type and options.
const SINKS: [(&str, &str, &str); 5] = [
    ("mixed", "parquet", r#"{"encoding": "mixed"}"#),
    ("plain", "parquet", r#"{"encoding": "plain", "compression": "snappy"}"#),
    ("delta", "parquet", r#"{"encoding": "delta", "compression": "gzip"}"#),
    ("lines", "ndjson", "{}"),
    ("gzip", "ndjson", r#"{"compression": "gzip"}"#),
];

const TEXTS: [Option<&str>; 9] = [
    Some("plain"),
    None,
    Some(""),
    Some("first\nsecond"),
    Some("first\r\nsecond"),
    Some("\"quoted\", 'too'; \\ and \\n"),
    Some("{\"a\": [1]}"),
    Some("粉丝 👩\u{200d}👧 \u{2028}"),
    Some("\u{1}\u{1f}\u{7f}"),
];

fn text(row: usize) -> Option<&'static str> {
    TEXTS[row % TEXTS.len()]
}

fn seconds(row: usize) -> Option<i64> {
    [Some(1_451_577_600 + row as i64 * 7_919), None, Some(0), Some(4_294_967_295)][row % 4]
}

fn tags(row: usize) -> Option<Vec<i32>> {
    [Some(vec![]), Some(vec![2]), None, Some(vec![row as i32, 100, -1])][row / 3 % 4].clone()
}

fn scene(row: usize) -> Option<i64> {
    (row % 5 > 1).then_some(4_294_967_295 - row as i64)
}

fn group(row: usize) -> Option<i32> {
    (!row.is_multiple_of(3)).then_some(row as i32 % 7)
}

/// Returns the row as `truth` has it: times are microseconds since 1970.
fn truth(row: usize) -> Value {
    json!({
        "openid": format!("o{row:027}"),
        "unionid": text(row / 2),
        "subscribe_time": seconds(row).map(|seconds| seconds * 1_000_000),
        "qr_scene": scene(row),
        "remark": text(row),
        "tagid_list": tags(row),
        "groupid": group(row),
        "position": row,
        "fetched_at": FETCHED_AT + row as i64,
    })
}

fn records(rows: std::ops::Range<usize>) -> RecordBatch {
    let rows = || rows.clone();
    let tags = rows().map(|row| tags(row).map(|tags| tags.into_iter().map(Some)));
    let fetched_at = TimestampMicrosecondArray::from_iter_values(rows().map(|row| FETCHED_AT + row as i64));
    let columns: [(&str, ArrayRef, bool); 9] = [
        ("openid", Arc::new(StringArray::from_iter_values(rows().map(|row| format!("o{row:027}")))), false),
        ("unionid", Arc::new(rows().map(|row| text(row / 2)).collect::<StringArray>()), true),
        ("subscribe_time", Arc::new(rows().map(seconds).collect::<TimestampSecondArray>().with_timezone("UTC")), true),
        ("qr_scene", Arc::new(rows().map(scene).collect::<Int64Array>()), true),
        ("remark", Arc::new(rows().map(text).collect::<StringArray>()), true),
        ("tagid_list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(tags)), true),
        ("groupid", Arc::new(rows().map(group).collect::<Int32Array>()), true),
        ("position", Arc::new(Int64Array::from_iter_values(rows().map(|row| row as i64))), false),
        ("fetched_at", Arc::new(fetched_at.with_timezone("UTC")), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn configured<F: SinkFactory>(factory: F, options: Value) -> ConfiguredSink {
    ConfiguredSink::new(factory, serde_json::from_value(options).unwrap())
}

/// Publishes the list to every sink, below `out/<sink>`, and writes the file `truth`.
async fn publish() -> Project {
    let project = Project::new("name = 'columns'\n[source]\nsimulate = { followers = 1 }\n");
    for (name, kind, options) in SINKS {
        let mut options: Value = serde_json::from_str(options).unwrap();
        options["root"] = format!("out/{name}").into();
        let sink = match kind {
            "parquet" => configured(ParquetFactory, options),
            _ => configured(NdjsonFactory, options),
        };
        let walk = WalkId::new(1, DateTime::UNIX_EPOCH);
        let context = SinkContext::new("main", "wx1", records(0..0).schema())
            .with_names("columns", name)
            .with_list("profiles")
            .with_walk(walk, "2026-11-22".parse().unwrap())
            .with_directory(project.path("."));
        sink.check(&context).await.unwrap();
        let mut open = sink.open(context.clone()).await.unwrap();
        for (sequence, start) in (0..ROWS).step_by(BATCH_ROWS).enumerate() {
            let records = records(start..ROWS.min(start + BATCH_ROWS));
            open.write(&Batch::new(sequence as u64, records)).await.unwrap();
        }
        let snapshot = Snapshot {
            walk,
            date: context.date,
            begun_at: walk.begun_at(),
            rows: ROWS as u64,
            first_fetched_at: None,
            last_fetched_at: None,
            digest: String::new(),
            proof: Map::new(),
        };
        open.prepare(&snapshot).await.unwrap();
        assert_eq!(open.commit().await.unwrap().rows, ROWS as u64);
    }
    let lines: Vec<String> = (0..ROWS).map(|row| truth(row).to_string()).collect();
    let lines = lines.join("\n") + "\n";
    std::fs::write(project.path("truth"), lines).unwrap();
    project
}

fn outputs() -> Vec<String> {
    SINKS.iter().flat_map(|(name, kind, _)| [(*kind).to_owned(), format!("out/{name}")]).collect()
}

#[tokio::test]
async fn other_programs_read_nulls_lists_and_times_in_seconds() {
    let project = publish().await;
    // Other readers of Parquet, in a Python of their own.
    if let Some(readers) = variable("COLUMN_READERS") {
        let parquet: Vec<String> =
            outputs().chunks(2).filter(|output| output[0] == "parquet").flatten().cloned().collect();
        let arguments = [vec!["truth".to_owned()], parquet].concat();
        let readers: Vec<String> = readers.split_whitespace().map(|reader| format!("--{reader}")).collect();
        let not_done = "other programs were not asked to read lists in columns";
        let (code, said) =
            run_script(&project, SCRIPT, &[readers, arguments].concat(), not_done, HOW_TO_GET_THEM).unwrap();
        assert_eq!(code, 0, "{said}");
        return;
    }
    if let Some((code, said)) = read_with(&project, SCRIPT, &outputs(), HOW_TO_GET_THEM) {
        assert_eq!(code, 0, "{said}");
        let read = |form: &str| said.lines().filter(|line| line.starts_with(&format!("ok      {form} "))).count();
        // Five readers of three lists, and four of two.
        assert_eq!((read("parquet"), read("ndjson")), (15, 8), "{said}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_the_truth_is_noticed() {
    let project = publish().await;
    let truth = std::fs::read_to_string(project.path("truth")).unwrap();
    for (right, wrong) in [("\"tagid_list\":[]", "\"tagid_list\":null"), ("\"remark\":\"\"", "\"remark\":null")] {
        std::fs::write(project.path("truth"), truth.replacen(right, wrong, 1)).unwrap();
        if let Some((code, said)) = read_with(&project, SCRIPT, &outputs(), HOW_TO_GET_THEM) {
            assert_eq!(code, 1, "{said}");
            assert!(!said.lines().any(|line| line.starts_with("ok ")), "{said}");
        }
    }
}
