//! How fast a page becomes `OpenID`s: fanout's decoder, a copy of the same bytes, and the parsers that one would take
//! instead. Method and reading: `benches/README.md`.
//!
//! ```text
//! cargo bench --package fanout-benches --bench decode [-- FILTER]
//! ```
//!
//! Before the clock starts, each contestant reads each kind of page once, and must find the same `OpenID`s.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use fanout::simulator::Followers;
use fanout::source::{self, DecodePath, Reply};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most `OpenID`s that WeChat puts on a page.
const PAGE_OPENIDS: u64 = 10_000;

/// The pages of the long list: 20 million followers in 620 MB, which no cache holds, so that every page comes from memory.
const LIST_PAGES: u64 = 2_000;

/// The `OpenID`s of a page that are written with an escape, from the last one back: all of them, or the last one alone.
const EVERY: usize = PAGE_OPENIDS as usize;
const LAST: usize = 1;

const ONE_OF_OURS: &str = "a page that was written here is valid";

criterion_group!(benches, page, list, pretty, escaped, half_escaped, late_escape);
criterion_main!(benches);

/// One page, again and again: it stays in the cache.
fn page(criterion: &mut Criterion) {
    compare(criterion, "page", &pages(1, Style::Compact));
}

fn list(criterion: &mut Criterion) {
    compare(criterion, "list", &pages(LIST_PAGES, Style::Compact));
}

fn pretty(criterion: &mut Criterion) {
    compare(criterion, "pretty", &pages(1, Style::Pretty));
}

fn escaped(criterion: &mut Criterion) {
    compare(criterion, "escaped", &pages(1, Style::Escaped(EVERY)));
}

/// The fast path has done half of the page when it meets the first escape.
fn half_escaped(criterion: &mut Criterion) {
    compare(criterion, "half escaped", &pages(1, Style::Escaped(EVERY / 2)));
}

/// The fast path has done nearly all of the page.
fn late_escape(criterion: &mut Criterion) {
    compare(criterion, "late escape", &pages(1, Style::Escaped(LAST)));
}

fn contestants() -> Vec<Box<dyn Contestant>> {
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(Memcpy::default()),
        Box::new(Decode { name: "fanout decode", path: DecodePath::fastest() }),
        Box::new(Summarize),
        Box::new(SerdeValue),
        Box::new(SerdeStrings),
        Box::new(Borrowed {
            name: "serde_json Vec<&str>",
            read: |body| serde_json::from_slice(body).expect(ONE_OF_OURS),
        }),
        Box::new(Borrowed { name: "sonic-rs Vec<&str>", read: |body| sonic_rs::from_slice(body).expect(ONE_OF_OURS) }),
        Box::new(SimdJson::default()),
        Box::new(ArrowJson::new()),
    ];
    let paths = [
        ("fanout decode, AVX-512", DecodePath::Avx512),
        ("fanout decode, AVX2", DecodePath::Avx2),
        ("fanout decode, portable", DecodePath::Portable),
        ("fanout decode, general", DecodePath::General),
    ];
    let paths = paths.into_iter().filter(|(_, path)| path.is_available());
    contestants.extend(paths.map(|(name, path)| Box::new(Decode { name, path }) as Box<dyn Contestant>));
    contestants
}

fn compare(criterion: &mut Criterion, name: &str, pages: &[Page]) {
    let mut contestants = contestants();
    if pages.iter().any(|page| matches!(page.style, Style::Escaped(_))) {
        contestants.retain(|contestant| contestant.reads_escapes());
    }
    for contestant in &mut contestants {
        for page in pages {
            assert!(contestant.agrees(page), "`{}` reads another page than was written", contestant.name());
        }
    }

    let bytes = pages.iter().map(|page| page.body.len() as u64).sum();
    let elements = pages.iter().map(|page| page.openids().len() as u64).sum();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::ElementsAndBytes { elements, bytes });
    // An iteration over the long list takes up to some seconds: as many in each sample, and few samples.
    group.sampling_mode(SamplingMode::Flat).sample_size(if pages.len() > 1 { 10 } else { 20 });
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    for contestant in &mut contestants {
        group.bench_function(contestant.name(), |bencher| {
            bencher.iter(|| pages.iter().for_each(|page| contestant.run(black_box(&page.body))));
        });
    }
    group.finish();
}

/// A page as it is written, and what it says.
struct Page {
    style: Style,
    body: Vec<u8>,
    reply: Wire<String>,
}

impl Page {
    fn openids(&self) -> &[String] {
        &self.reply.data.openid
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// As WeChat sends it.
    Compact,
    /// A line for each `OpenID`, indented.
    Pretty,
    /// The `o` of the last so many `OpenID`s as `\u006f`.
    Escaped(usize),
}

/// The reply of `user/get`, as one writes it down for serde.
#[derive(Serialize, Deserialize)]
struct Wire<S> {
    total: u64,
    count: u64,
    data: Data<S>,
    next_openid: S,
}

#[derive(Serialize, Deserialize)]
struct Data<S> {
    openid: Vec<S>,
}

impl<S: AsRef<str>> Wire<S> {
    fn is(&self, page: &Page) -> bool {
        (self.total, self.count) == (page.reply.total, page.reply.count)
            && self.next_openid.as_ref() == page.reply.next_openid
            && self.data.openid.iter().map(AsRef::as_ref).eq(page.openids())
    }
}

/// Returns the first pages of a list, no two alike.
fn pages(count: u64, style: Style) -> Vec<Page> {
    let followers = Followers::new(1, "wx0000000000000000", count * PAGE_OPENIDS);
    let starts = (0..count).map(|page| page * PAGE_OPENIDS);
    starts
        .map(|start| {
            let openid: Vec<String> = followers.range(start..start + PAGE_OPENIDS).collect();
            let next_openid = openid.last().cloned().unwrap_or_default();
            let data = Data { openid };
            let reply = Wire { total: followers.count(), count: PAGE_OPENIDS, data, next_openid };
            Page { style, body: write(&reply, style), reply }
        })
        .collect()
}

fn write(reply: &Wire<String>, style: Style) -> Vec<u8> {
    let written = match style {
        Style::Compact => serde_json::to_string(reply),
        Style::Pretty => serde_json::to_string_pretty(reply),
        Style::Escaped(last) => serde_json::to_string(reply).map(|page| escape(&page, reply, last)),
    };
    written.expect("strings and numbers can be written").into_bytes()
}

/// Escapes the first character of the last so many `OpenID`s in a page.
fn escape(page: &str, reply: &Wire<String>, last: usize) -> String {
    let openids = &reply.data.openid;
    let first = &openids[openids.len() - last];
    let (before, behind) = page.split_at(page.find(first).expect("the page has all of its OpenIDs"));
    // All OpenIDs of an account begin alike, and no key begins like them.
    let tag = &first[..6];
    before.to_owned() + &behind.replace(tag, &tag.replacen('o', "\\u006f", 1))
}

/// Something that reads pages.
trait Contestant {
    fn name(&self) -> &'static str;

    /// Returns whether it takes strings with escapes; what only borrows does not.
    fn reads_escapes(&self) -> bool {
        true
    }

    /// Reads a page, and frees what it was read into: a program must do both.
    fn run(&mut self, body: &[u8]);

    /// Reads a page, and returns whether that is what the page says.
    fn agrees(&mut self, page: &Page) -> bool;
}

/// The floor: every byte is read once and written once, into a buffer that is there already.
#[derive(Default)]
struct Memcpy {
    buffer: Vec<u8>,
}

impl Memcpy {
    fn copy(&mut self, body: &[u8]) -> &[u8] {
        self.buffer.clear();
        self.buffer.extend_from_slice(body);
        &self.buffer
    }
}

impl Contestant for Memcpy {
    fn name(&self) -> &'static str {
        "memcpy"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(self.copy(body));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        self.copy(&page.body) == page.body
    }
}

/// fanout, bytes to an Arrow array, on one of its paths.
struct Decode {
    name: &'static str,
    path: DecodePath,
}

impl Contestant for Decode {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, body: &[u8]) {
        black_box(source::decode_with(self.path, body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        let (reply, openids) = source::decode_with(self.path, &page.body).expect(ONE_OF_OURS);
        envelope_is(&reply, page) && openids.iter().flatten().eq(page.openids())
    }
}

/// fanout, the check of a page before it goes to the journal.
struct Summarize;

impl Contestant for Summarize {
    fn name(&self) -> &'static str {
        "fanout summarize"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(source::summarize(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        envelope_is(&source::summarize(&page.body).expect(ONE_OF_OURS), page)
    }
}

fn envelope_is(reply: &Reply, page: &Page) -> bool {
    let Reply::Page(summary) = reply else { return false };
    let next = summary.next.as_ref().map(source::Cursor::as_str);
    (summary.total, summary.count) == (Some(page.reply.total), Some(page.reply.count))
        && (summary.openids, summary.empty) == (page.openids().len() as u64, 0)
        && next == Some(&*page.reply.next_openid)
}

/// `serde_json`, into its own tree.
struct SerdeValue;

impl Contestant for SerdeValue {
    fn name(&self) -> &'static str {
        "serde_json Value"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(serde_json::from_slice::<Value>(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        let value: Value = serde_json::from_slice(&page.body).expect(ONE_OF_OURS);
        serde_json::from_value::<Wire<String>>(value).is_ok_and(|reply| reply.is(page))
    }
}

/// `serde_json`, a `String` for each `OpenID`, and then the array: what most programs do.
struct SerdeStrings;

impl SerdeStrings {
    fn read(body: &[u8]) -> (Wire<String>, StringArray) {
        let reply: Wire<String> = serde_json::from_slice(body).expect(ONE_OF_OURS);
        let openids = StringArray::from_iter_values(&reply.data.openid);
        (reply, openids)
    }
}

impl Contestant for SerdeStrings {
    fn name(&self) -> &'static str {
        "serde_json Vec<String>, StringArray"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(Self::read(body));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        let (reply, openids) = Self::read(&page.body);
        reply.is(page) && openids.iter().flatten().eq(page.openids())
    }
}

/// Strings that point into the page.
struct Borrowed {
    name: &'static str,
    read: for<'page> fn(&'page [u8]) -> Wire<&'page str>,
}

impl Contestant for Borrowed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reads_escapes(&self) -> bool {
        false
    }

    fn run(&mut self, body: &[u8]) {
        black_box((self.read)(body));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        (self.read)(&page.body).is(page)
    }
}

/// simd-json, strings that point into a copy: it unescapes in place, and the page must stay for the journal.
#[derive(Default)]
struct SimdJson {
    copy: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl SimdJson {
    fn read(&mut self, body: &[u8]) -> Wire<&str> {
        self.copy.clear();
        self.copy.extend_from_slice(body);
        simd_json::serde::from_slice_with_buffers(&mut self.copy, &mut self.buffers).expect(ONE_OF_OURS)
    }
}

impl Contestant for SimdJson {
    fn name(&self) -> &'static str {
        "simd-json Vec<&str>"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(self.read(body));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        self.read(&page.body).is(page)
    }
}

/// arrow-json, a batch of one row with a list in it.
struct ArrowJson(Decoder);

impl ArrowJson {
    fn new() -> Self {
        let openid = Field::new("openid", DataType::new_list(DataType::Utf8, false), false);
        let schema = Schema::new(vec![
            Field::new("total", DataType::UInt64, false),
            Field::new("count", DataType::UInt64, false),
            Field::new("data", DataType::Struct([openid].into_iter().collect()), false),
            Field::new("next_openid", DataType::Utf8, false),
        ]);
        Self(ReaderBuilder::new(Arc::new(schema)).build_decoder().expect("the schema has types that JSON can hold"))
    }

    fn read(&mut self, body: &[u8]) -> RecordBatch {
        let read = self.0.decode(body).expect(ONE_OF_OURS);
        assert_eq!(read, body.len(), "a page is one row");
        self.0.flush().expect(ONE_OF_OURS).expect("a page is one row")
    }
}

impl Contestant for ArrowJson {
    fn name(&self) -> &'static str {
        "arrow-json"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(self.read(body));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        let row = self.read(&page.body);
        let numbers = ["total", "count"].map(|name| row[name].as_primitive::<UInt64Type>().value(0));
        let openids = row["data"].as_struct()["openid"].as_list::<i32>().value(0);
        numbers == [page.reply.total, page.reply.count]
            && row["next_openid"].as_string::<i32>().value(0) == page.reply.next_openid
            && openids.as_string::<i32>().iter().flatten().eq(page.openids())
    }
}
