//! Reads the files with a decoder and byte by byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fanout_sink::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use fanout_sink::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use fanout_sink::chrono::{DateTime, Utc};
use fanout_sink::files::Manifest;
use fanout_sink::{Batch, ByteSize, ConfiguredSink, Sink, SinkContext, SinkError, SinkFactory, Snapshot, WalkId};
use kafka_protocol::records::{Record, RecordBatchDecoder};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::factory::KafkaFactory;
use crate::options::{Compression, KafkaOptions, KeyFormat, ValueFormat};
use crate::partitioner::partition_of;

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
const LEAF: &str = "out/dt=2026-11-22/account=main";
/// 2026-11-22T10:00:00.123456Z, in microseconds.
const FETCHED_AT: i64 = 1_795_341_600_123_456;

fn schema() -> SchemaRef {
    let fetched_at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("app_id", DataType::Utf8, false),
        Field::new("openid", DataType::Utf8, true),
        Field::new("position", DataType::Int64, false),
        Field::new("fetched_at", fetched_at, false),
    ]))
}

fn batch(first: usize, openids: &[Option<String>]) -> RecordBatch {
    let rows = openids.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["wx1"; rows])),
        Arc::new(StringArray::from(openids.to_vec())),
        Arc::new(Int64Array::from_iter_values((first..first + rows).map(|position| position as i64))),
        Arc::new(TimestampMicrosecondArray::from_value(FETCHED_AT + first as i64 * 1_000, rows).with_timezone("UTC")),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn context(directory: &Path) -> SinkContext {
    SinkContext::new("main", "wx1", schema())
        .with_names("followers", "stream")
        .with_walk(walk(), begun_at().date_naive())
        .with_directory(directory)
}

fn begun_at() -> DateTime<Utc> {
    "2026-11-22T01:02:03Z".parse().unwrap()
}

fn walk() -> WalkId {
    WalkId::new(7, begun_at())
}

fn snapshot(followers: usize) -> Snapshot {
    Snapshot {
        walk: walk(),
        date: begun_at().date_naive(),
        begun_at: begun_at(),
        rows: followers as u64,
        first_fetched_at: DateTime::from_timestamp_micros(FETCHED_AT),
        last_fetched_at: DateTime::from_timestamp_micros(FETCHED_AT),
        digest: "sha256:d1ce".to_owned(),
        proof: serde_json::Map::new(),
    }
}

fn openids(rows: usize) -> Vec<Option<String>> {
    // A multiplication by an odd number modulo a power of two makes OpenIDs that are all different,
    // and as hard to compress as real ones.
    let word = |row: u64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    (0..rows as u64).map(|row| Some(format!("o6_bmj{:016x}{:06x}", word(row), word(row) % 0xFF_FFFF))).collect()
}

/// Publishes a list of `openids` in batches of 1,000 rows, and returns its folder.
async fn publish(options: &KafkaOptions, directory: &Path, openids: &[Option<String>]) -> Result<PathBuf, SinkError> {
    let mut sink = KafkaFactory.open(options.clone(), context(directory)).await?;
    for (sequence, rows) in openids.chunks(1_000).enumerate() {
        sink.write(&Batch::new(sequence as u64, batch(sequence * 1_000, rows))).await?;
    }
    sink.prepare(&snapshot(openids.len())).await?;
    assert_eq!(sink.commit().await?.rows, openids.len() as u64);
    Ok(directory.join(LEAF))
}

fn manifest(leaf: &Path) -> Manifest {
    serde_json::from_slice(&fs::read(leaf.join("_manifest.json")).unwrap()).unwrap()
}

/// The fields of a batch that have a fixed place.
struct RawBatch<'a> {
    base_offset: i64,
    whole: &'a [u8],
}

impl RawBatch<'_> {
    fn integer<const N: usize>(&self, at: usize) -> i64 {
        let bytes = &self.whole[at..at + N];
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        bytes.iter().fold(sign, |value, &byte| (value << 8) | i64::from(byte))
    }

    fn records(&self) -> i64 {
        self.integer::<4>(57)
    }
}

/// Splits a file into its batches, and checks the header of each.
fn raw_batches(mut content: &[u8]) -> Vec<RawBatch<'_>> {
    let mut batches = Vec::new();
    while !content.is_empty() {
        let length = 12 + u32::from_be_bytes(content[8..12].try_into().unwrap()) as usize;
        let (whole, rest) = content.split_at(length);
        let batch = RawBatch { base_offset: i64::from_be_bytes(whole[..8].try_into().unwrap()), whole };
        assert_eq!(batch.integer::<4>(12), -1, "leader epoch");
        assert_eq!(whole[16], 2, "magic");
        assert_eq!(batch.integer::<4>(17) as u32, crc32c::crc32c(&whole[21..]), "checksum");
        assert_eq!(batch.integer::<4>(23), batch.records() - 1, "last offset");
        assert_eq!([batch.integer::<8>(43), batch.integer::<2>(51), batch.integer::<4>(53)], [-1; 3], "producer");
        batches.push(batch);
        content = rest;
    }
    batches
}

fn decode(content: &[u8]) -> Vec<Record> {
    let batches = RecordBatchDecoder::decode_all(&mut Bytes::copy_from_slice(content)).unwrap();
    batches.into_iter().flat_map(|batch| batch.records).collect()
}

fn header<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    let found = record.headers.iter().find(|(key, _)| key.as_str() == name);
    found.unwrap_or_else(|| panic!("no header `{name}`")).1.as_deref().unwrap()
}

/// Compares every file of `leaf` with the list: the manifest, the bytes, the decoded records.
fn assert_holds(leaf: &Path, options: &KafkaOptions, openids: &[Option<String>]) {
    let manifest = manifest(leaf);
    let partitions = options.partitions.unwrap_or(1);
    assert_eq!(manifest.files.len(), partitions as usize);
    let mut seen = vec![false; openids.len()];
    for (partition, file) in manifest.files.iter().enumerate() {
        let content = fs::read(leaf.join(&file.path)).unwrap();
        let raw = raw_batches(&content);
        let records = decode(&content);
        assert_eq!(records.len() as u64, file.rows);
        let mut next = records.iter().enumerate();
        let mut start = 0;
        let entries = file.details.as_ref().unwrap()["batches"].as_array().unwrap();
        assert_eq!(entries.len(), raw.len());
        for (entry, raw) in entries.iter().zip(&raw) {
            assert!(raw.whole.len() as u64 <= options.max_batch_bytes.0);
            assert_eq!((&entry["offset"], &entry["records"]), (&json!(start), &json!(raw.records())));
            start += raw.whole.len();
            let of_batch: Vec<_> = next.by_ref().take(raw.records() as usize).collect();
            assert_eq!(raw.base_offset, of_batch[0].0 as i64);
            let positions = of_batch.iter().map(|(offset, record)| {
                assert_eq!(record.offset, *offset as i64);
                let value: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
                let position = value["position"].as_u64().unwrap() as usize;
                assert!(!std::mem::replace(&mut seen[position], true), "row {position} is there twice");
                let openid = openids[position].as_ref().unwrap();
                assert_eq!(record.key.as_ref().unwrap(), format!("wx1:{openid}").as_bytes());
                assert_eq!(partition_of(record.key.as_ref().unwrap(), partitions), partition as u32);
                assert_eq!((&value["app_id"], &value["openid"]), (&json!("wx1"), &json!(openid)));
                let fetched_at = FETCHED_AT + (position / 1_000 * 1_000) as i64 * 1_000;
                assert_eq!(record.timestamp, fetched_at / 1_000);
                assert_eq!(header(record, "list"), b"followers");
                assert_eq!(header(record, "walk"), walk().to_string().as_bytes());
                position
            });
            let positions: Vec<usize> = positions.collect();
            assert!(positions.is_sorted());
            let ends = (&json!(positions[0]), &json!(positions[positions.len() - 1]));
            assert_eq!((&entry["first_position"], &entry["last_position"]), ends);
        }
    }
    assert!(seen.iter().all(|seen| *seen), "a row is missing");
}

#[tokio::test]
async fn every_row_is_one_record_of_its_partition_in_every_codec() {
    const ROWS: usize = 20_000;
    let openids = openids(ROWS);
    for compression in CODECS {
        let directory = tempfile::tempdir().unwrap();
        let options = KafkaOptions {
            compression,
            partitions: Some(3),
            max_batch_bytes: ByteSize(100_000),
            ..KafkaOptions::files("followers", "out")
        };
        let leaf = publish(&options, directory.path(), &openids).await.unwrap();
        assert_holds(&leaf, &options, &openids);
        let batches: usize = manifest(&leaf)
            .files
            .iter()
            .map(|file| file.details.as_ref().unwrap()["batches"].as_array().unwrap().len())
            .sum();
        assert!(batches < ROWS / 200, "{compression:?}: {batches} batches: each of them has few records");
    }
}

#[tokio::test]
async fn a_second_delivery_is_equal_to_the_byte() {
    let openids = openids(5_000);
    for compression in CODECS {
        let directory = tempfile::tempdir().unwrap();
        let options = KafkaOptions { compression, partitions: Some(2), ..KafkaOptions::files("followers", "out") };
        let read = |leaf: &Path| {
            let names = ["_SUCCESS", "_manifest.json", "partition-00000.batches", "partition-00001.batches"];
            names.map(|name| fs::read(leaf.join(name)).unwrap())
        };
        let first = read(&publish(&options, directory.path(), &openids).await.unwrap());
        fs::remove_dir_all(directory.path().join("out")).unwrap();
        assert!(read(&publish(&options, directory.path(), &openids).await.unwrap()) == first, "{compression:?}");
    }
}

#[tokio::test]
async fn the_manifest_says_what_a_loader_must_know() {
    let directory = tempfile::tempdir().unwrap();
    let options = KafkaOptions {
        partitions: Some(2),
        compression: Compression::Lz4,
        key: KeyFormat::Openid,
        value: ValueFormat::Columns(vec!["position".to_owned()]),
        ..KafkaOptions::files("brand.followers", "out")
    };
    let leaf = publish(&options, directory.path(), &openids(10)).await.unwrap();
    let details = manifest(&leaf).details.unwrap();
    for (key, value) in [
        ("topic", json!("brand.followers")),
        ("partitions", json!(2)),
        ("partitioner", json!("murmur2")),
        ("key", json!("openid")),
        ("value", json!("json:position")),
        ("compression", json!("lz4")),
    ] {
        assert_eq!(details[key], value, "{key}");
    }
    let records = decode(&fs::read(leaf.join("partition-00000.batches")).unwrap());
    let schema = details["headers"]["schema"].as_str().unwrap().as_bytes();
    assert!(records.iter().all(|record| header(record, "schema") == schema));
}

#[tokio::test]
async fn an_empty_list_is_a_file_without_a_batch_for_each_partition() {
    let directory = tempfile::tempdir().unwrap();
    let options = KafkaOptions { partitions: Some(3), ..KafkaOptions::files("followers", "out") };
    let leaf = publish(&options, directory.path(), &[]).await.unwrap();
    assert_eq!(manifest(&leaf).files.iter().map(|file| file.bytes).collect::<Vec<_>>(), [0; 3]);
}

#[tokio::test]
async fn keys_and_values_are_what_the_options_say() {
    let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let fetched_at = "2026-11-22T10:00:00.123456Z";
    let all = format!(r#"{{"app_id":"wx1","openid":"a\"b","position":0,"fetched_at":"{fetched_at}"}}"#);
    for (key, value, expected) in [
        (KeyFormat::AppIdAndOpenid, ValueFormat::Json, ("wx1:a\"b", Some(all.as_str()))),
        (KeyFormat::Openid, ValueFormat::None, ("a\"b", None)),
        (
            KeyFormat::Columns(columns(&["position", "openid"])),
            ValueFormat::Columns(columns(&["openid"])),
            (r#"{"position":0,"openid":"a\"b"}"#, Some(r#"{"openid":"a\"b"}"#)),
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let options = KafkaOptions { key, value, ..KafkaOptions::files("followers", "out") };
        let leaf = publish(&options, directory.path(), &[Some("a\"b".to_owned())]).await.unwrap();
        let records = decode(&fs::read(leaf.join("partition-00000.batches")).unwrap());
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let found = (text(records[0].key.as_ref().unwrap()), records[0].value.as_ref().map(text));
        assert_eq!((found.0.as_str(), found.1.as_deref()), expected);
    }
}

#[tokio::test]
async fn a_row_that_makes_no_record_is_named() {
    let mut openids = openids(3_000);
    let written = async |options: &KafkaOptions, openids: &[Option<String>]| {
        let directory = tempfile::tempdir().unwrap();
        publish(options, directory.path(), openids).await.unwrap_err().to_string()
    };
    let options = KafkaOptions::files("followers", "out");
    let json_key = KafkaOptions { key: KeyFormat::Columns(vec!["openid".to_owned()]), ..options.clone() };
    openids[2_345] = None;
    for options in [&options, &json_key] {
        let expected = "row 2345 of the list has no `openid`, and the key of a record is never null";
        assert_eq!(written(options, &openids).await, expected);
    }
    openids[2_345] = Some("x".repeat(500_000));
    let error = written(&options, &openids).await;
    assert!(error.starts_with("row 2345 of the list makes a record of 1000"), "{error}");
    assert!(error.ends_with("and a batch has room for 920575"), "{error}");
}

#[tokio::test]
async fn wrong_options_are_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(directory.path());
    let valid = KafkaOptions::files("followers", "out");
    let check = async |options: &KafkaOptions| KafkaFactory.check(options, &context).await;
    check(&valid).await.unwrap();
    let missing = KeyFormat::Columns(vec!["unionid".to_owned()]);
    for (options, key) in [
        (KafkaOptions { topic: "fol lowers".to_owned(), ..valid.clone() }, "topic"),
        (KafkaOptions { topic: "..".to_owned(), ..valid.clone() }, "topic"),
        (KafkaOptions { topic: "x".repeat(250), ..valid.clone() }, "topic"),
        (KafkaOptions { root: None, ..valid.clone() }, "root"),
        (KafkaOptions { partitions: Some(0), ..valid.clone() }, "partitions"),
        (KafkaOptions { max_batch_bytes: ByteSize(1_048_577), ..valid.clone() }, "max_batch_bytes"),
        (KafkaOptions { max_batch_bytes: ByteSize(999), ..valid.clone() }, "max_batch_bytes"),
        (KafkaOptions { key: missing, ..valid.clone() }, "key"),
        (KafkaOptions { value: ValueFormat::Columns(vec!["x".to_owned()]), ..valid.clone() }, "value"),
        (KafkaOptions { transaction_rows: Some(5), ..valid.clone() }, "transaction_rows"),
        (KafkaOptions { brokers: Some(vec!["x:1".to_owned()]), ..valid.clone() }, "root"),
        (KafkaOptions { partitions: Some(2), layout: Some("x".to_owned()), ..valid.clone() }, "layout"),
    ] {
        assert_eq!(check(&options).await.unwrap_err().key(), Some(key), "{options:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_key_whose_column_is_left_out_is_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let schema = Arc::new(schema().project(&[2]).unwrap());
    let context = SinkContext::new("main", "wx1", schema).with_directory(directory.path());
    let error = KafkaFactory.check(&KafkaOptions::files("followers", "out"), &context).await.unwrap_err();
    assert_eq!(error.to_string(), "the key of a record needs the column `openid`, which the sink does not receive");
    assert!(error.hint().unwrap().contains("`columns`"));
}

#[tokio::test]
async fn a_column_without_a_place_in_json_is_refused_where_it_is_written_and_only_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut fields = schema().fields().to_vec();
    fields.push(Arc::new(Field::new("blob", DataType::Binary, true)));
    fields.push(Arc::new(Field::new_list("tags", Field::new_list_field(DataType::Int32, true), true)));
    let context = SinkContext::new("main", "wx1", Arc::new(Schema::new(fields))).with_directory(directory.path());
    let check = async |options: KafkaOptions| ConfiguredSink::new(KafkaFactory, options).check(&context).await;
    let valid = KafkaOptions::files("followers", "out");
    let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for options in [
        valid.clone(),
        KafkaOptions { value: ValueFormat::Columns(columns(&["openid", "blob"])), ..valid.clone() },
        KafkaOptions { value: ValueFormat::None, key: KeyFormat::Columns(columns(&["blob"])), ..valid.clone() },
    ] {
        let error = check(options).await.unwrap_err();
        assert_eq!(error.to_string(), "the column `blob` has the type `Binary`, which this sink cannot take");
    }
    check(KafkaOptions { value: ValueFormat::None, ..valid.clone() }).await.unwrap();
    check(KafkaOptions { value: ValueFormat::Columns(columns(&["openid", "tags"])), ..valid }).await.unwrap();
}

#[test]
fn options_are_strict_and_have_defaults() {
    let parse = |text: &str| serde_json::from_str::<KafkaOptions>(text).map_err(|error| error.to_string());
    let options = parse(r#"{"topic": "t", "root": "out", "key": ["openid"], "value": "none"}"#).unwrap();
    assert_eq!((options.key, options.value), (KeyFormat::Columns(vec!["openid".to_owned()]), ValueFormat::None));
    let options = parse(r#"{"topic": "t", "properties": {"a": 1, "b": true, "c": "text", "d": 0.5}}"#).unwrap();
    let properties: Vec<_> = options.properties.values().map(|property| property.0.as_str()).collect();
    assert_eq!(properties, ["1", "true", "text", "0.5"]);
    for (wrong, expected) in [
        (r#"{"root": "out"}"#, "topic"),
        (r#"{"topic": "t", "key": "open"}"#, "`app_id:openid`, `openid` or a list of columns"),
        (r#"{"topic": "t", "value": []}"#, "`json`, `none` or a list of columns"),
        (r#"{"topic": "t", "sasl": {"mechanism": "PLAIN", "username": "u", "password": "hunter2"}}"#, "reference"),
        (r#"{"topic": "t", "brokerz": []}"#, "brokerz"),
    ] {
        let error = parse(wrong).unwrap_err();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[cfg(not(feature = "broker"))]
#[tokio::test]
async fn a_program_that_cannot_reach_brokers_says_how_to_build_one_that_can() {
    let directory = tempfile::tempdir().unwrap();
    let options = KafkaOptions::brokers("t", ["x:1".to_owned()]);
    for error in [
        KafkaFactory.check(&options, &context(directory.path())).await.unwrap_err(),
        KafkaFactory.open(options.clone(), context(directory.path())).await.unwrap_err(),
    ] {
        assert_eq!(error.key(), Some("brokers"));
        assert!(error.hint().unwrap().contains("cargo install --path . --features kafka-broker"), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Texts of any script and length, in batches of any size.
    #[test]
    fn any_list_comes_back(
        texts in prop::collection::vec(".{0,60}", 0..300),
        codec in 0..CODECS.len(),
        partitions in 1_u32..9,
        max_batch_bytes in 2_000_u64..20_000,
    ) {
        let openids: Vec<_> = texts.into_iter().map(Some).collect();
        let options = KafkaOptions {
            compression: CODECS[codec],
            partitions: Some(partitions),
            max_batch_bytes: ByteSize(max_batch_bytes),
            ..KafkaOptions::files("followers", "out")
        };
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let leaf = runtime.block_on(publish(&options, directory.path(), &openids)).unwrap();
        assert_holds(&leaf, &options, &openids);
    }
}
