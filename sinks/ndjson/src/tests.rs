//! Tests of the `ndjson` sink: every line is compared with what `serde_json` writes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use fanout_sink::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, LargeStringArray, ListArray, ListBuilder, NullArray, RecordBatchOptions,
    StringArray, StringBuilder, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use fanout_sink::arrow::compute::take;
use fanout_sink::arrow::datatypes::{Int32Type, Schema, SchemaRef};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::chrono::DateTime;
use fanout_sink::{
    Batch, ConfiguredSink, Delivery, Guarantee, Root, Sink, SinkContext, SinkErrorKind, SinkFactory, SinkReport,
    Snapshot, WalkId,
};
use serde_json::{Map, Value, json};

use crate::factory::NdjsonFactory;
use crate::options::{Compression, NdjsonOptions};
use crate::row::PIECE_BYTES;
use crate::sink::NdjsonSink;

const FETCHED_AT: i64 = 1_795_341_600_000_000;
const LEAF: &str = "out/dt=2026-11-22/account=main";

fn records(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// A list as the engine delivers it, in one batch.
fn followers(rows: usize) -> RecordBatch {
    let openids = (0..rows).map(|row| format!("o6_bmj{row:022}"));
    records(vec![
        ("app_id", Arc::new(StringArray::from(vec!["wx1"; rows]))),
        ("openid", Arc::new(StringArray::from_iter_values(openids))),
        ("position", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        ("page", Arc::new(Int32Array::from(vec![0; rows]))),
        ("fetched_at", Arc::new(TimestampMicrosecondArray::from(vec![FETCHED_AT; rows]).with_timezone("UTC"))),
    ])
}

fn context(directory: &Path, schema: SchemaRef) -> SinkContext {
    SinkContext::new("main", "wx1", schema)
        .with_names("followers", "lines")
        .with_walk(walk(7), "2026-11-22".parse().unwrap())
        .with_directory(directory)
}

fn walk(number: u64) -> WalkId {
    WalkId::new(number, DateTime::UNIX_EPOCH)
}

fn snapshot(context: &SinkContext, rows: u64) -> Snapshot {
    Snapshot {
        walk: context.walk,
        date: context.date,
        begun_at: context.walk.begun_at(),
        rows,
        first_fetched_at: DateTime::from_timestamp_micros(FETCHED_AT),
        last_fetched_at: DateTime::from_timestamp_micros(FETCHED_AT),
        digest: "sha256:d1ce".to_owned(),
        proof: Map::new(),
    }
}

async fn deliver(sink: &mut NdjsonSink, context: &SinkContext, batches: &[RecordBatch]) -> SinkReport {
    for (sequence, records) in batches.iter().enumerate() {
        sink.write(&Batch::new(sequence as u64, records.clone())).await.unwrap();
    }
    let rows = batches.iter().map(|records| records.num_rows() as u64).sum();
    sink.prepare(&snapshot(context, rows)).await.unwrap();
    sink.commit().await.unwrap()
}

async fn publish(options: &NdjsonOptions, context: &SinkContext, batches: &[RecordBatch]) -> SinkReport {
    let mut sink = NdjsonFactory.open(options.clone(), context.clone()).await.unwrap();
    deliver(&mut sink, context, batches).await
}

/// A stream whose content the test can read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the lines that the sink writes for `records`.
async fn lines(records: &RecordBatch) -> String {
    let shared = Shared::default();
    let context = context(Path::new("."), records.schema());
    let report = deliver(
        &mut NdjsonSink::to_stream(Box::new(shared.clone()), &context),
        &context,
        std::slice::from_ref(records),
    )
    .await;
    let written = shared.0.lock().unwrap().clone();
    assert_eq!((report.rows, report.bytes), (records.num_rows() as u64, written.len() as u64));
    String::from_utf8(written).unwrap()
}

/// Compares with what `serde_json` writes for each value of one column.
async fn assert_encoded(column: ArrayRef, expected: &[Value]) {
    let name = column.data_type().to_string();
    let expected: Vec<String> = expected.iter().map(|value| json!({ "value": value }).to_string()).collect();
    assert_eq!(lines(&records(vec![("value", column)])).await, expected.join("\n") + "\n", "{name}");
}

#[tokio::test]
async fn strings_have_the_escapes_of_serde_json() {
    let every_ascii: String = (0..0x80_u8).map(char::from).collect();
    let texts = ["", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", "a\"b\\c/d", &every_ascii, "粉丝 🎉", "\u{7f}\u{80}\u{2028}"];
    let expected: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    assert_encoded(Arc::new(StringArray::from(texts.to_vec())), &expected).await;
    assert_encoded(Arc::new(LargeStringArray::from(texts.to_vec())), &expected).await;
    assert_encoded(Arc::new(StringViewArray::from(texts.to_vec())), &expected).await;
    assert_encoded(Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()), &expected).await;
    // A slice encodes its own bytes, and no others.
    assert_encoded(Arc::new(StringArray::from(texts.to_vec()).slice(3, 2)), &expected[3..5]).await;
}

#[tokio::test]
async fn numbers_are_those_of_serde_json() {
    assert_encoded(Arc::new(Int8Array::from(vec![i8::MIN, 0, i8::MAX])), &[json!(i8::MIN), json!(0), json!(i8::MAX)])
        .await;
    assert_encoded(Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])), &[json!(i64::MIN), json!(i64::MAX)]).await;
    assert_encoded(Arc::new(UInt64Array::from(vec![u64::MAX])), &[json!(u64::MAX)]).await;
    // Neighbours with the same tens or not, short and long, and below zero.
    let numbers = [0, 9, 10, 19, 5, -5, 5, -10, 99_999_999, 100_000_000, 99_999_998, -99_999_999, 10_i64.pow(16), 0, 1];
    assert_encoded(Arc::new(Int64Array::from(numbers.to_vec())), &numbers.map(|number| json!(number))).await;
    let floats = [0.0, -0.0, 0.1, 1e300, f64::MIN_POSITIVE, 1.0 / 3.0, f64::NAN, f64::INFINITY];
    assert_encoded(Arc::new(Float64Array::from(floats.to_vec())), &floats.map(|float| json!(float))).await;
    let lines = lines(&records(vec![("value", Arc::new(Float32Array::from(vec![0.1])))])).await;
    assert_eq!(lines, "{\"value\":0.1}\n");
}

#[tokio::test]
async fn every_other_type_has_its_text_and_nulls_are_null() {
    assert_encoded(
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        &[json!(true), json!(null), json!(false)],
    )
    .await;
    assert_encoded(Arc::new(StringArray::from(vec![None, Some("a\n")])), &[json!(null), json!("a\n")]).await;
    assert_encoded(Arc::new(Int32Array::from(vec![None, Some(1)])), &[json!(null), json!(1)]).await;
    assert_encoded(Arc::new(NullArray::new(1)), &[json!(null)]).await;
    assert_encoded(Arc::new(Date32Array::from(vec![Some(0), None])), &[json!("1970-01-01"), json!(null)]).await;
    let decimals = Decimal128Array::from(vec![12_345]).with_precision_and_scale(10, 2).unwrap();
    assert_encoded(Arc::new(decimals), &[json!("123.45")]).await;
    let times =
        TimestampMicrosecondArray::from(vec![Some(FETCHED_AT), None, Some(FETCHED_AT), Some(1)]).with_timezone("UTC");
    let expected = ["2026-11-22T10:00:00.000000Z", "", "2026-11-22T10:00:00.000000Z", "1970-01-01T00:00:00.000001Z"];
    let expected = expected.map(|text| if text.is_empty() { json!(null) } else { json!(text) });
    assert_encoded(Arc::new(times), &expected).await;
}

#[tokio::test]
async fn a_list_is_an_array_empty_or_null_and_its_items_have_their_text() {
    let tags = [Some(vec![Some(2), Some(100)]), Some(vec![]), None, Some(vec![None, Some(i32::MIN)])];
    let expected = [json!([2, 100]), json!([]), json!(null), json!([null, i32::MIN])];
    let column: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(tags.clone()));
    assert_encoded(Arc::clone(&column), &expected).await;
    // A part of a column, and a column that is all null.
    assert_encoded(column.slice(1, 3), &expected[1..]).await;
    assert_encoded(column.slice(2, 1), &expected[2..3]).await;
    let mut names = ListBuilder::new(StringBuilder::new());
    names.append_value([Some("粉丝"), Some("a")]);
    names.append_value([Some("\"\n")]);
    let names: ArrayRef = Arc::new(names.finish());
    // Without an escape in the whole column, and with one.
    assert_encoded(take(&names, &UInt64Array::from(vec![0]), None).unwrap(), &[json!(["粉丝", "a"])]).await;
    assert_encoded(names, &[json!(["粉丝", "a"]), json!(["\"\n"])]).await;
}

#[tokio::test]
async fn every_line_is_the_row_in_the_order_of_the_columns() {
    const ROWS: usize = 3_000;
    let records = followers(ROWS);
    let lines = lines(&records).await;
    assert!(lines.len() > 3 * PIECE_BYTES && lines.ends_with('\n') && lines.lines().count() == ROWS);
    for (row, line) in lines.lines().enumerate() {
        let expected = format!(
            r#"{{"app_id":"wx1","openid":"o6_bmj{row:022}","position":{row},"page":0,"fetched_at":"2026-11-22T10:00:00.000000Z"}}"#
        );
        assert_eq!(line, expected);
        assert_eq!(serde_json::from_str::<Map<String, Value>>(line).unwrap().len(), records.num_columns());
    }
}

#[tokio::test]
async fn a_value_longer_than_a_piece_is_whole() {
    let texts = ["a".repeat(3 * PIECE_BYTES), "b".to_owned(), "\u{1}".repeat(PIECE_BYTES), "c".to_owned()];
    let expected = texts.each_ref().map(|text| json!(text));
    assert_encoded(Arc::new(StringArray::from_iter_values(&texts)), &expected).await;
    // Without escapes in the column, and as the constant of a column.
    assert_encoded(Arc::new(StringArray::from_iter_values(&texts[..2])), &expected[..2]).await;
    assert_encoded(
        Arc::new(StringArray::from_iter_values([&texts[0], &texts[0]])),
        &[json!(texts[0]), json!(texts[0])],
    )
    .await;
}

#[tokio::test]
async fn a_name_that_needs_escapes_gets_them_and_a_row_without_columns_is_an_empty_object() {
    assert_eq!(lines(&records(vec![("a\"b", Arc::new(Int32Array::from(vec![1])))])).await, "{\"a\\\"b\":1}\n");
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    let nothing = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
    assert_eq!(lines(&nothing).await, "{}\n{}\n");
}

#[tokio::test]
async fn a_column_without_a_place_in_json_is_found_by_check() {
    let binary: ArrayRef = Arc::new(BinaryArray::from(vec![&b"x"[..]]));
    let context =
        context(Path::new("."), records(vec![("fine", Arc::new(NullArray::new(1))), ("blob", binary)]).schema());
    let error = ConfiguredSink::new(NdjsonFactory, NdjsonOptions::stdout()).check(&context).await.unwrap_err();
    assert!(error.to_string().contains("the column `blob` has the type `Binary`"), "{error}");
}

fn decompress(compression: Compression, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    match compression {
        Compression::None => content.extend_from_slice(data),
        Compression::Zstd => content = zstd::decode_all(data).unwrap(),
        Compression::Gzip => _ = flate2::read::GzDecoder::new(data).read_to_end(&mut content).unwrap(),
    }
    content
}

#[tokio::test]
async fn files_hold_the_lines_whatever_the_compression_and_equal_bytes_each_time() {
    let batches = [followers(3_000), followers(10)];
    let expected = lines(&batches[0]).await + &lines(&batches[1]).await;
    for (compression, extension) in [(Compression::None, ""), (Compression::Zstd, ".zst"), (Compression::Gzip, ".gz")] {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path(), batches[0].schema());
        let options = NdjsonOptions { compression: Some(compression), ..NdjsonOptions::new("out") };
        let report = publish(&options, &context, &batches).await;
        let file = directory.path().join(LEAF).join(format!("part-00000.ndjson{extension}"));
        let first = fs::read(&file).unwrap();
        assert_eq!(decompress(compression, &first), expected.as_bytes());
        assert_eq!((report.rows, report.bytes), (3_010, first.len() as u64));
        assert!(directory.path().join(LEAF).join("_SUCCESS").exists());
        assert_eq!(publish(&options, &context, &batches).await, report);
        fs::remove_dir_all(directory.path().join("out")).unwrap();
        publish(&options, &context, &batches).await;
        assert_eq!(fs::read(&file).unwrap(), first);
    }
}

#[tokio::test]
async fn a_list_without_followers_is_an_empty_file() {
    for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
        let directory = tempfile::tempdir().unwrap();
        let context = context(directory.path(), followers(1).schema());
        let layout = Some("list".to_owned());
        let options = NdjsonOptions { compression: Some(compression), layout, ..NdjsonOptions::new("out") };
        assert_eq!(publish(&options, &context, &[]).await.rows, 0);
        let written = fs::read(directory.path().join("out/list")).unwrap();
        assert_eq!(decompress(compression, &written), b"");
        assert!(directory.path().join("out/_list.SUCCESS").exists());
    }
}

#[tokio::test]
async fn abort_leaves_no_trace_and_a_crash_none_after_the_next_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path(), followers(1).schema());
    let options = NdjsonOptions::new("out");
    let mut sink = NdjsonFactory.open(options.clone(), context.clone()).await.unwrap();
    sink.write(&Batch::new(0, followers(10))).await.unwrap();
    drop(sink);
    assert!(!directory.path().join("out").exists());
    let mut sink = NdjsonFactory.open(options.clone(), context.clone()).await.unwrap();
    sink.write(&Batch::new(0, followers(10))).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_eq!(publish(&options, &context, &[followers(10)]).await.rows, 10);
}

/// A pipe that its reader has closed.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _data: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test]
async fn a_closed_stdout_fails_the_sink_for_good() {
    let context = context(Path::new("."), followers(1).schema());
    let mut sink = NdjsonSink::to_stream(Box::new(Closed), &context);
    let error = sink.write(&Batch::new(0, followers(1))).await.unwrap_err();
    assert_eq!(error.kind(), SinkErrorKind::Permanent);
    assert!(error.to_string().contains("closed by its reader"), "{error}");
    assert!(sink.prepare(&snapshot(&context, 1)).await.is_err());
}

#[tokio::test]
async fn options_that_contradict_each_other_are_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path(), followers(1).schema());
    let stdout = NdjsonOptions::stdout();
    for (options, key) in [
        (NdjsonOptions::default(), "root"),
        (NdjsonOptions { root: Some("out".into()), ..stdout.clone() }, "root"),
        (NdjsonOptions { layout: Some("x".to_owned()), ..stdout.clone() }, "layout"),
        (NdjsonOptions { compression: Some(Compression::Gzip), ..stdout.clone() }, "compression"),
        (NdjsonOptions { path: Some("out.ndjson".to_owned()), ..stdout.clone() }, "path"),
        (NdjsonOptions { layout: Some("{date}/../{account}/x".to_owned()), ..NdjsonOptions::new("out") }, "layout"),
    ] {
        assert_eq!(NdjsonFactory.check(&options, &context).await.unwrap_err().key(), Some(key));
    }
    for options in [stdout, NdjsonOptions::new("out")] {
        NdjsonFactory.check(&options, &context).await.unwrap();
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn stdout_is_delivered_when_the_list_is_complete_and_has_no_root() {
    let at_least_once = Delivery::WhenComplete { guarantee: Guarantee::AtLeastOnce };
    assert_eq!(NdjsonFactory.delivery(&NdjsonOptions::stdout()), at_least_once);
    assert!(NdjsonFactory.roots(&NdjsonOptions::stdout()).is_empty());
    assert_eq!(NdjsonFactory.delivery(&NdjsonOptions::new("out")), Delivery::Staged);
    assert_eq!(NdjsonFactory.roots(&NdjsonOptions::new("out")), [Root::from("out")]);
}

#[test]
fn options_are_strict() {
    let parse = |text: &str| serde_json::from_str::<NdjsonOptions>(text);
    assert_eq!(parse(r#"{"root": "out", "compression": "zstd"}"#).unwrap().compression, Some(Compression::Zstd));
    assert!(parse(r#"{"compresion": "zstd"}"#).unwrap_err().to_string().contains("compression"));
    assert!(parse(r#"{"compression": "lz4"}"#).unwrap_err().to_string().contains("gzip"));
}
