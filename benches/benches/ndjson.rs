//! Batches into newline JSON: the sink's encoder, arrow-json's line writer, and `serde_json` row by
//! row.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use arrow::json::LineDelimitedWriter;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fanout_sink_ndjson::LineEncoder;
use serde::Serialize;

mod followers;

use followers::{FETCHED_AT, PAGE, Random, UTC};

fn records(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// Columns of every kind whose values vary from row to row: nulls, escapes, floats, times.
fn mixed() -> RecordBatch {
    let names = ["粉丝", "a \"quoted\" name", "plain", "", "two\nlines", "a somewhat longer name, without any escape"];
    let name = |number: u64| (number % 7 != 6).then(|| names[(number % 7) as usize]);
    let group = |number: u64| (!number.is_multiple_of(5)).then_some(number as i32);
    let mut random = Random::new();
    let openids: Vec<String> = (0..PAGE).map(|_| random.openid()).collect();
    let numbers: Vec<u64> = (0..PAGE).map(|_| random.next()).collect();
    let numbers = || numbers.iter().copied();
    let times = numbers().map(|number| FETCHED_AT + (number >> 24) as i64);
    records(vec![
        ("openid", Arc::new(StringArray::from(openids))),
        ("name", Arc::new(numbers().map(name).collect::<StringArray>())),
        ("subscribed", Arc::new(numbers().map(|number| Some(number.is_multiple_of(3))).collect::<BooleanArray>())),
        ("score", Arc::new(Float64Array::from_iter_values(numbers().map(|number| number as f64 / 1e12)))),
        ("group", Arc::new(numbers().map(group).collect::<Int32Array>())),
        ("scene", Arc::new(Int64Array::from_iter_values(numbers().map(|number| number as i64 >> 8)))),
        ("subscribed_at", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone(UTC))),
    ])
}

#[derive(Serialize)]
struct Follower<'a> {
    app_id: &'a str,
    openid: &'a str,
    position: i64,
    page: i32,
    fetched_at: &'a str,
}

#[derive(Serialize)]
struct Mixed<'a> {
    openid: &'a str,
    name: Option<&'a str>,
    subscribed: bool,
    score: f64,
    group: Option<i32>,
    scene: i64,
    subscribed_at: &'a str,
}

/// The rows as a program writes them with serde. Times are text from the start, which favours
/// `serde_json`.
fn serde_followers(records: &RecordBatch, lines: &mut Vec<u8>) {
    let [app_id, openid] = [0, 1].map(|column| records.column(column).as_string::<i32>());
    let position = records.column(2).as_primitive::<Int64Type>();
    let page = records.column(3).as_primitive::<Int32Type>();
    for row in 0..records.num_rows() {
        let follower = Follower {
            app_id: app_id.value(row),
            openid: openid.value(row),
            position: position.value(row),
            page: page.value(row),
            fetched_at: "2026-11-22T10:00:00.000000Z",
        };
        serde_json::to_writer(&mut *lines, &follower).expect("memory takes every write");
        lines.push(b'\n');
    }
}

fn serde_mixed(records: &RecordBatch, lines: &mut Vec<u8>) {
    let [openid, name] = [0, 1].map(|column| records.column(column).as_string::<i32>());
    let subscribed = records.column(2).as_boolean();
    let score = records.column(3).as_primitive::<Float64Type>();
    let group = records.column(4).as_primitive::<Int32Type>();
    let scene = records.column(5).as_primitive::<Int64Type>();
    for (row, (name, group)) in name.iter().zip(group).enumerate() {
        let mixed = Mixed {
            openid: openid.value(row),
            name,
            subscribed: subscribed.value(row),
            score: score.value(row),
            group,
            scene: scene.value(row),
            subscribed_at: "2026-11-22T10:00:00.000000Z",
        };
        serde_json::to_writer(&mut *lines, &mixed).expect("memory takes every write");
        lines.push(b'\n');
    }
}

fn arrow_json(records: &RecordBatch, lines: &mut Vec<u8>) {
    let mut writer = LineDelimitedWriter::new(lines);
    writer.write(records).and_then(|()| writer.finish()).expect("memory takes every write");
}

fn fanout(encoder: &mut LineEncoder, records: &RecordBatch, lines: &mut Vec<u8>) {
    let collect = |piece: &[u8]| {
        lines.extend_from_slice(piece);
        Ok(())
    };
    encoder.encode(records, collect).expect("memory takes every write");
}

type Writer<'a> = (&'a str, Box<dyn FnMut(&RecordBatch, &mut Vec<u8>)>);

/// Every writer appends the lines of one batch to a buffer that it has used before.
fn ndjson(criterion: &mut Criterion) {
    for (name, records, serde) in [
        ("followers", followers::page(345, &mut Random::new()), serde_followers as fn(&RecordBatch, &mut Vec<u8>)),
        ("mixed", mixed(), serde_mixed),
    ] {
        let mut encoder = LineEncoder::new(records.schema());
        let mut lines = Vec::new();
        fanout(&mut encoder, &records, &mut lines);
        let expected = lines.clone();
        let memcpy = move |_: &RecordBatch, lines: &mut Vec<u8>| lines.extend_from_slice(&expected);
        let writers: [Writer<'_>; 4] = [
            ("memcpy", Box::new(memcpy)),
            ("fanout", Box::new(move |records, lines| fanout(&mut encoder, records, lines))),
            ("serde_json", Box::new(serde)),
            ("arrow_json", Box::new(arrow_json)),
        ];
        let mut group = criterion.benchmark_group(format!("ndjson/{name}"));
        group.throughput(Throughput::ElementsAndBytes { elements: PAGE as u64, bytes: lines.len() as u64 });
        for (writer, mut write) in writers {
            group.bench_function(writer, |bencher| {
                bencher.iter(|| {
                    lines.clear();
                    write(black_box(&records), &mut lines);
                    black_box(lines.len())
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, ndjson);
criterion_main!(benches);
