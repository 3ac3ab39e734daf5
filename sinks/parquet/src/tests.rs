//! Tests of the `parquet` sink: its files are read back with the Parquet library's reader.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fanout_sink::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampSecondArray, UInt32Array,
};
use fanout_sink::arrow::compute::concat_batches;
use fanout_sink::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use fanout_sink::arrow::record_batch::RecordBatch;
use fanout_sink::chrono::DateTime;
use fanout_sink::{
    Batch, ByteSize, CARDINALITY, ConfiguredSink, LOW_CARDINALITY, Sink, SinkContext, SinkError, SinkFactory,
    SinkReport, Snapshot, WalkId,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Encoding, GzipLevel, LogicalType, TimeUnit as StoredUnit, ZstdLevel};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::factory::ParquetFactory;
use crate::options::{ColumnEncoding, Compression, ParquetOptions};
use crate::part::PartEncoder;
use crate::sink::ParquetSink;

const BATCH_ROWS: usize = 10_000;
const FETCHED_AT: i64 = 1_795_305_600_000_000;
const LEAF: &str = "out/dt=2026-11-22/account=main";

fn schema() -> SchemaRef {
    let low = HashMap::from([(CARDINALITY.to_owned(), LOW_CARDINALITY.to_owned())]);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("app_id", DataType::Utf8, false).with_metadata(low),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        Field::new("page", DataType::Int32, false),
        Field::new("fetched_at", time, false),
    ]))
}

/// Random `OpenID`s of the usual form: a prefix that an account's followers share, and 22
/// characters of base64url.
struct OpenIds(u64);

impl Iterator for OpenIds {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut openid = "o6_bmj".to_owned();
        for _ in 0..22 {
            // SplitMix64.
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            openid.push(ALPHABET[(bits >> 58) as usize].into());
        }
        Some(openid)
    }
}

fn batches(rows: usize) -> Vec<RecordBatch> {
    let mut openids = OpenIds(7);
    let batch = |page: usize| {
        let first = page * BATCH_ROWS;
        let count = BATCH_ROWS.min(rows - first);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["wx0123456789abcdef"; count])),
            Arc::new(StringArray::from_iter_values(openids.by_ref().take(count))),
            Arc::new(Int64Array::from_iter_values((first as i64..).take(count))),
            Arc::new(Int32Array::from(vec![page as i32; count])),
            Arc::new(TimestampMicrosecondArray::from(vec![FETCHED_AT + page as i64; count]).with_timezone("UTC")),
        ];
        RecordBatch::try_new(schema(), columns).unwrap()
    };
    (0..rows.div_ceil(BATCH_ROWS)).map(batch).collect()
}

fn context(directory: &Path) -> SinkContext {
    SinkContext::new("main", "wx0123456789abcdef", schema())
        .with_names("followers", "archive")
        .with_walk(walk(7), "2026-11-22".parse().unwrap())
        .with_directory(directory)
}

fn walk(number: u64) -> WalkId {
    WalkId::new(number, "2026-11-22T01:02:03Z".parse().unwrap())
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
        proof: [("duplicates".to_owned(), 2.into())].into_iter().collect(),
    }
}

async fn prepared(options: &ParquetOptions, context: &SinkContext, batches: &[RecordBatch]) -> ParquetSink {
    let mut sink = ParquetFactory.open(options.clone(), context.clone()).await.unwrap();
    for (sequence, records) in batches.iter().enumerate() {
        sink.write(&Batch::new(sequence as u64, records.clone())).await.unwrap();
    }
    let rows = batches.iter().map(|records| records.num_rows() as u64).sum();
    sink.prepare(&snapshot(context, rows)).await.unwrap();
    sink
}

async fn publish(options: &ParquetOptions, context: &SinkContext, batches: &[RecordBatch]) -> SinkReport {
    prepared(options, context, batches).await.commit().await.unwrap()
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    paths.sort();
    paths
}

fn read(path: &Path) -> (RecordBatch, Arc<ParquetMetaData>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let (metadata, schema) = (builder.metadata().clone(), builder.schema().clone());
    let batches = builder.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    (concat_batches(&schema, &batches).unwrap(), metadata)
}

fn footer(metadata: &ParquetMetaData, key: &str) -> Option<String> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == key)?.value.clone()
}

#[tokio::test]
async fn what_was_written_is_read_back_in_order_at_17_bytes_a_follower() {
    const FOLLOWERS: usize = 200_000;
    let directory = tempfile::tempdir().unwrap();
    let written = batches(FOLLOWERS);
    let report = publish(&ParquetOptions::new("out"), &context(directory.path()), &written).await;
    let (found, _) = read(&directory.path().join(LEAF).join("part-00000.parquet"));
    assert_eq!(found.columns(), concat_batches(&schema(), &written).unwrap().columns());
    assert_eq!(report.rows, FOLLOWERS as u64);
    assert!(report.bytes <= 17 * FOLLOWERS as u64, "{} bytes a follower", report.bytes as f64 / FOLLOWERS as f64);
}

const COMPRESSIONS: [Compression; 5] =
    [Compression::Zstd, Compression::Snappy, Compression::Gzip, Compression::Lz4Raw, Compression::None];

/// What a file's footer says of a compression.
fn codec(compression: Compression) -> parquet::basic::Compression {
    match compression {
        Compression::Zstd => parquet::basic::Compression::ZSTD(ZstdLevel::default()),
        Compression::Snappy => parquet::basic::Compression::SNAPPY,
        Compression::Gzip => parquet::basic::Compression::GZIP(GzipLevel::default()),
        Compression::Lz4Raw => parquet::basic::Compression::LZ4_RAW,
        Compression::None => parquet::basic::Compression::UNCOMPRESSED,
    }
}

/// The encodings of a column's data pages; levels are encoded as RLE in all of them.
fn encodings_of(column: &ColumnChunkMetaData) -> Vec<Encoding> {
    let mut encodings: Vec<_> = column.encodings().filter(|encoding| *encoding != Encoding::RLE).collect();
    if column.dictionary_page_offset().is_some() {
        // That of the dictionary itself.
        encodings.retain(|encoding| *encoding != Encoding::PLAIN);
    }
    encodings
}

#[tokio::test]
async fn columns_are_stored_by_encoding_type_and_cardinality_and_the_mark_is_not_written() {
    const DICTIONARY: Encoding = Encoding::RLE_DICTIONARY;
    let directory = tempfile::tempdir().unwrap();
    for (encoding, few, text, integer) in [
        (ColumnEncoding::Mixed, DICTIONARY, Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED),
        (ColumnEncoding::Plain, Encoding::PLAIN, Encoding::PLAIN, Encoding::PLAIN),
        (ColumnEncoding::Delta, DICTIONARY, Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_BINARY_PACKED),
    ] {
        let options = ParquetOptions { encoding, ..ParquetOptions::new(format!("{encoding:?}")) };
        let report = publish(&options, &context(directory.path()), &batches(BATCH_ROWS)).await;
        let (found, metadata) = read(Path::new(&report.outputs[0].location));
        assert!(found.schema().fields().iter().all(|field| field.metadata().is_empty()));
        assert_eq!(found.schema().field(4).data_type(), schema().field(4).data_type());
        let columns = metadata.row_group(0).columns();
        let [app_id, openid, position, page, fetched_at] = columns else { panic!("five columns") };
        for (column, expected) in
            [(app_id, few), (openid, text), (position, integer), (page, integer), (fetched_at, integer)]
        {
            assert_eq!(encodings_of(column), [expected], "{encoding:?} {}", column.column_path());
            assert_eq!(column.dictionary_page_offset().is_some(), expected == DICTIONARY);
            // Those of random text tell a reader nothing.
            assert_eq!(column.statistics().is_some(), !std::ptr::eq(column, openid));
            assert!(column.column_index_offset().is_none() && column.offset_index_offset().is_none());
        }
        assert!(metadata.file_metadata().created_by().unwrap().starts_with("fanout version "));
    }
}

#[tokio::test]
async fn a_column_of_any_type_is_read_back_in_every_encoding_and_plain_has_no_dictionary() {
    let directory = tempfile::tempdir().unwrap();
    // Every seventh value is null.
    let numbers = || (0..100_i32).map(|number| (number % 7 != 0).then_some(number % 10));
    let texts: Vec<_> = numbers().map(|number| number.map(|number| format!("text {number}"))).collect();
    let inner: ArrayRef = Arc::new(StringArray::from_iter(&texts));
    let columns: [(&str, ArrayRef); 8] = [
        ("large_text", Arc::new(LargeStringArray::from_iter(&texts))),
        ("text_view", Arc::new(StringViewArray::from_iter(&texts))),
        ("binary", Arc::new(texts.iter().map(Option::as_ref).collect::<BinaryArray>())),
        ("number", Arc::new(numbers().map(|number| number.map(|number| number as u32)).collect::<UInt32Array>())),
        ("float", Arc::new(numbers().map(|number| number.map(f64::from)).collect::<Float64Array>())),
        ("truth", Arc::new(numbers().map(|number| number.map(|number| number > 5)).collect::<BooleanArray>())),
        ("day", Arc::new(numbers().collect::<Date32Array>())),
        ("nested", Arc::new(StructArray::from(vec![(Arc::new(Field::new("text", DataType::Utf8, true)), inner)]))),
    ];
    let written = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let mut context = context(directory.path());
    context.schema = written.schema();
    for encoding in [ColumnEncoding::Mixed, ColumnEncoding::Plain, ColumnEncoding::Delta] {
        for compression in COMPRESSIONS {
            let root = format!("{encoding:?}-{compression:?}");
            let options = ParquetOptions { encoding, compression, ..ParquetOptions::new(root) };
            let report = publish(&options, &context, std::slice::from_ref(&written)).await;
            let (found, metadata) = read(Path::new(&report.outputs[0].location));
            assert_eq!(found.columns(), written.columns(), "{encoding:?} {compression:?}");
            for column in metadata.row_group(0).columns() {
                assert_eq!(column.compression(), codec(compression));
                if encoding == ColumnEncoding::Plain {
                    assert_eq!(encodings_of(column), [Encoding::PLAIN], "{}", column.column_path());
                    assert_eq!(column.dictionary_page_offset(), None);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_list_is_one_of_the_format_and_seconds_are_stored_as_milliseconds() {
    let directory = tempfile::tempdir().unwrap();
    let seconds = [Some(0), None, Some(-1), Some(4_294_967_295)];
    let tags = [Some(vec![Some(2), Some(100)]), Some(vec![]), None, Some(vec![Some(i32::MIN)])];
    let time: ArrayRef = Arc::new(TimestampSecondArray::from_iter(seconds).with_timezone("UTC"));
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(tags));
    let written = RecordBatch::try_from_iter_with_nullable([("at", time, true), ("tags", Arc::clone(&list), true)]);
    let written = written.unwrap();
    let mut context = context(directory.path());
    context.schema = written.schema();
    for encoding in [ColumnEncoding::Mixed, ColumnEncoding::Plain, ColumnEncoding::Delta] {
        let options = ParquetOptions { encoding, ..ParquetOptions::new(format!("{encoding:?}")) };
        let report = publish(&options, &context, &[written.slice(0, 1), written.slice(1, 3)]).await;
        let (found, metadata) = read(Path::new(&report.outputs[0].location));
        let milliseconds = seconds.map(|seconds| seconds.map(|seconds| seconds * 1_000));
        assert_eq!(
            found["at"].as_ref(),
            &TimestampMillisecondArray::from_iter(milliseconds).with_timezone("UTC") as &dyn Array
        );
        // Lists of another name of their items are not equal to Arrow.
        assert!(found["tags"].as_list::<i32>().iter().eq(list.as_list::<i32>().iter()), "{found:?}");
        let schema = metadata.file_metadata().schema_descr();
        let leaves = [0, 1].map(|leaf| schema.column(leaf));
        assert_eq!(leaves.each_ref().map(|leaf| leaf.path().string()), ["at", "tags.list.element"]);
        assert_eq!(leaves[0].logical_type_ref(), Some(&LogicalType::timestamp(true, StoredUnit::MILLIS)));
    }
    // A time that has no milliseconds is an error, and no other time.
    let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
    let far = RecordBatch::try_from_iter_with_nullable([("at", far, true)]).unwrap();
    let mut part = PartEncoder::new(&far.schema(), &ParquetOptions::new("out"), Vec::new()).unwrap();
    assert!(part.write(&far).unwrap_err().to_string().contains("too far for milliseconds"));
}

#[tokio::test]
async fn the_footer_says_what_the_list_is() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    publish(&ParquetOptions::new("out"), &context, &batches(3)).await;
    let (_, metadata) = read(&directory.path().join(LEAF).join("part-00000.parquet"));
    for (key, expected) in [
        ("fanout.list", "followers"),
        ("fanout.walk", "000007-20261122T010203Z"),
        ("fanout.app_id", "wx0123456789abcdef"),
        ("fanout.account", "main"),
        ("fanout.date", "2026-11-22"),
        ("fanout.verdict", "complete"),
        ("fanout.rows", "3"),
        ("fanout.digest", "sha256:d1ce"),
        ("fanout.proof", r#"{"duplicates":2}"#),
        ("fanout.version", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(footer(&metadata, key).as_deref(), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn a_list_without_followers_is_a_valid_file_without_rows() {
    let directory = tempfile::tempdir().unwrap();
    let report = publish(&ParquetOptions::new("out"), &context(directory.path()), &[]).await;
    let (found, metadata) = read(&directory.path().join(LEAF).join("part-00000.parquet"));
    assert_eq!((found.num_rows(), found.num_columns(), report.rows), (0, 5, 0));
    assert_eq!(footer(&metadata, "fanout.verdict").as_deref(), Some("complete"));
}

#[tokio::test]
async fn a_file_ends_at_its_rows_and_the_last_one_carries_the_verdict() {
    const FILE_ROWS: usize = 7_500;
    let directory = tempfile::tempdir().unwrap();
    let written = batches(4 * FILE_ROWS);
    let options = ParquetOptions { max_file_rows: Some(FILE_ROWS as u64), ..ParquetOptions::new("out") };
    let report = publish(&options, &context(directory.path()), &written).await;
    let files: Vec<_> = parts(&directory.path().join(LEAF)).iter().map(|path| read(path)).collect();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|(records, _)| records.num_rows() == FILE_ROWS));
    let found = concat_batches(&files[0].0.schema(), files.iter().map(|(records, _)| records)).unwrap();
    assert_eq!(found.columns(), concat_batches(&schema(), &written).unwrap().columns());
    assert_eq!(report.outputs.len(), 4);
    for (index, (_, metadata)) in files.iter().enumerate() {
        assert_eq!(footer(metadata, "fanout.walk").as_deref(), Some("000007-20261122T010203Z"));
        assert_eq!(footer(metadata, "fanout.verdict").is_some(), index == 3);
    }
}

#[tokio::test]
async fn a_file_ends_when_it_has_reached_its_size() {
    const FILE_BYTES: u64 = 500_000;
    let directory = tempfile::tempdir().unwrap();
    let options = ParquetOptions { max_file_bytes: Some(ByteSize(FILE_BYTES)), ..ParquetOptions::new("out") };
    let report = publish(&options, &context(directory.path()), &batches(100_000)).await;
    let batch_bytes = 20 * BATCH_ROWS as u64;
    let (last, full) = report.outputs.split_last().unwrap();
    assert!(full.len() >= 2 && last.bytes < FILE_BYTES + batch_bytes);
    // The size in memory is an estimate before compression, so a file may also fall short of it.
    assert!(full.iter().all(|file| (FILE_BYTES / 2..FILE_BYTES + batch_bytes).contains(&file.bytes)), "{report:?}");
}

#[tokio::test]
async fn row_groups_are_bounded_in_rows_and_in_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let written = batches(100_000);
    for (options, most_rows, most_bytes) in [
        (ParquetOptions { row_group_rows: 30_000, ..ParquetOptions::new("rows") }, 30_000, i64::MAX),
        (ParquetOptions { row_group_bytes: ByteSize(300_000), ..ParquetOptions::new("bytes") }, i64::MAX, 310_000),
    ] {
        let report = publish(&options, &context, &written).await;
        let (_, metadata) = read(Path::new(&report.outputs[0].location));
        assert!(metadata.num_row_groups() >= 4);
        for group in metadata.row_groups() {
            assert!(group.num_rows() <= most_rows && group.compressed_size() <= most_bytes, "{group:?}");
        }
    }
}

#[tokio::test]
async fn a_second_delivery_is_equal_to_the_byte() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let written = batches(25_000);
    let snapshot_of = |report: &SinkReport| {
        let folder = directory.path().join(LEAF);
        let names = ["_SUCCESS", "_manifest.json", "part-00000.parquet"];
        (report.clone(), names.map(|name| fs::read(folder.join(name)).unwrap()))
    };
    let first = snapshot_of(&publish(&ParquetOptions::new("out"), &context, &written).await);
    let again = snapshot_of(&publish(&ParquetOptions::new("out"), &context, &written).await);
    fs::remove_dir_all(directory.path().join("out")).unwrap();
    let fresh = snapshot_of(&publish(&ParquetOptions::new("out"), &context, &written).await);
    assert!(first == again && first == fresh);
}

#[tokio::test]
async fn a_crash_or_an_abort_at_any_point_leaves_the_published_list_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let options = ParquetOptions::new("out");
    let file = directory.path().join(LEAF).join("part-00000.parquet");
    publish(&options, &context, &batches(10)).await;
    let before = fs::read(&file).unwrap();
    let newer = context.with_walk(walk(8), "2026-11-22".parse().unwrap());
    drop(prepared(&options, &newer, &batches(20)).await);
    let mut sink = ParquetFactory.open(options.clone(), newer.clone()).await.unwrap();
    sink.write(&Batch::new(0, batches(20).remove(0))).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!directory.path().join("out.staging").exists());
    publish(&options, &newer, &batches(20)).await;
    assert_eq!(read(&file).0.num_rows(), 20);
}

#[tokio::test]
async fn a_plain_file_name_makes_a_single_file() {
    let directory = tempfile::tempdir().unwrap();
    let options = ParquetOptions {
        layout: "{account}.parquet".to_owned(),
        compression: Compression::None,
        ..ParquetOptions::new("out")
    };
    publish(&options, &context(directory.path()), &batches(10)).await;
    assert_eq!(read(&directory.path().join("out/main.parquet")).0.num_rows(), 10);
    assert!(directory.path().join("out/_main.parquet.SUCCESS").exists());
}

async fn check_error(options: &ParquetOptions, context: &SinkContext) -> SinkError {
    ParquetFactory.check(options, context).await.unwrap_err()
}

#[tokio::test]
async fn wrong_options_are_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let valid = ParquetOptions::new("out");
    ParquetFactory.check(&valid, &context).await.unwrap();
    for (options, key) in [
        (ParquetOptions { row_group_rows: 0, ..valid.clone() }, "row_group_rows"),
        (ParquetOptions { row_group_bytes: ByteSize(0), ..valid.clone() }, "row_group_bytes"),
        (ParquetOptions { max_file_rows: Some(0), ..valid.clone() }, "max_file_rows"),
        (ParquetOptions { max_file_bytes: Some(ByteSize(0)), ..valid.clone() }, "max_file_bytes"),
        (ParquetOptions { zstd_level: 10, ..valid.clone() }, "zstd_level"),
        (ParquetOptions { layout: "../{date}/{account}/x".to_owned(), ..valid.clone() }, "layout"),
        (ParquetOptions { layout: "x.parquet".to_owned(), max_file_rows: Some(1), ..valid.clone() }, "layout"),
    ] {
        assert_eq!(check_error(&options, &context).await.key(), Some(key));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_foreign_target_and_a_type_without_a_place_are_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    fs::create_dir_all(directory.path().join(LEAF)).unwrap();
    fs::write(directory.path().join(LEAF).join("x.csv"), "theirs").unwrap();
    let error = check_error(&ParquetOptions::new("out"), &context).await;
    assert!(error.to_string().contains("in the way"), "{error}");

    let nothing = Field::new("nothing", DataType::Struct(Vec::<Field>::new().into()), true);
    let context =
        SinkContext::new("main", "wx1", Arc::new(Schema::new(vec![nothing]))).with_directory(directory.path());
    let sink = ConfiguredSink::new(ParquetFactory, ParquetOptions::new("other"));
    let error = sink.check(&context).await.unwrap_err();
    assert!(error.to_string().contains("the column `nothing` has the type `Struct("), "{error}");
}

#[test]
fn options_are_strict_and_have_defaults() {
    let parse = |text: &str| serde_json::from_str::<ParquetOptions>(text);
    let options = parse(r#"{"root": "out", "row_group_bytes": "4 MiB", "compression": "lz4_raw"}"#).unwrap();
    assert_eq!((options.row_group_bytes, options.compression), (ByteSize(4 << 20), Compression::Lz4Raw));
    assert_eq!(options.encoding, ColumnEncoding::Mixed);
    assert_eq!((options.row_group_rows, options.zstd_level), (1_048_576, 1));
    assert!(parse(r#"{"root": "out", "row_grup_bytes": 1}"#).unwrap_err().to_string().contains("row_group_bytes"));
    assert!(parse("{}").unwrap_err().to_string().contains("root"));
}
