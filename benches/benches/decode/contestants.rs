//! The contestants that read the pages: fanout, the usual parsers, and a copy of the bytes.
//!
//! `main` writes the pages, checks the contestants, and holds the clock.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use fanout::wechat;
use fanout::wechat::{DecodePath, PageReply};
use serde_json::Value;

use super::{ONE_OF_OURS, Page, Wire};

/// Returns all contestants, fanout on each of its paths.
pub(super) fn contestants() -> Vec<Box<dyn Contestant>> {
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

/// A reader of pages.
pub(super) trait Contestant {
    fn name(&self) -> &'static str;

    /// Returns whether it reads strings with escapes. A contestant that only borrows does not.
    fn reads_escapes(&self) -> bool {
        true
    }

    /// Reads a page, and frees the result, because a program must do both.
    fn run(&mut self, body: &[u8]);

    /// Reads a page, and returns whether the result is what the page says.
    fn agrees(&mut self, page: &Page) -> bool;
}

/// The floor: every byte is read once and written once, into an existing buffer.
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

/// fanout, from bytes to an Arrow array, on one of its paths.
struct Decode {
    name: &'static str,
    path: DecodePath,
}

impl Contestant for Decode {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, body: &[u8]) {
        black_box(wechat::decode_with(self.path, body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        let (reply, openids) = wechat::decode_with(self.path, &page.body).expect(ONE_OF_OURS);
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
        black_box(wechat::summarize(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, page: &Page) -> bool {
        envelope_is(&wechat::summarize(&page.body).expect(ONE_OF_OURS), page)
    }
}

fn envelope_is(reply: &PageReply, page: &Page) -> bool {
    let PageReply::Page(summary) = reply else { return false };
    let next = summary.next.as_ref().map(wechat::Cursor::as_str);
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

/// `serde_json`, a `String` for each `OpenID`, and then the array, as in most programs.
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

/// simd-json, with strings that point into a copy: it unescapes in place, and the page must be kept
/// for the journal.
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

/// arrow-json, a batch of one row that holds a list.
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
