//! How fast a page becomes `OpenID`s: fanout's decoder, a copy of the same bytes, and the usual
//! parsers. Method and reading: `benches/README.md`.
//!
//! ```text
//! cargo bench --package fanout-benches --bench decode [-- FILTER]
//! ```
//!
//! Before the clock starts, each contestant reads each kind of page once, and must find the same
//! `OpenID`s.

mod contestants;

use std::hint::black_box;
use std::time::Duration;

use contestants::contestants;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use fanout::simulator::Followers;
use serde::{Deserialize, Serialize};

/// The most `OpenID`s on a page of WeChat.
const PAGE_OPENIDS: u64 = 10_000;

/// The pages of the long list: 20 million followers in 620 MB. No cache holds them, so every page
/// comes from memory.
const LIST_PAGES: u64 = 2_000;

/// The `OpenID`s of a page that have an escape, counted from the last one back: all of them, or the
/// last one alone.
const EVERY: usize = PAGE_OPENIDS as usize;
const LAST: usize = 1;

const ONE_OF_OURS: &str = "a page that was written here is valid";

criterion_group!(benches, page, list, pretty, escaped, half_escaped, late_escape);
criterion_main!(benches);

/// One page, read again and again, so it stays in the cache.
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

/// The fast path has read half of the page before it meets an escape.
fn half_escaped(criterion: &mut Criterion) {
    compare(criterion, "half escaped", &pages(1, Style::Escaped(EVERY / 2)));
}

/// The fast path has read nearly all of the page before it meets an escape.
fn late_escape(criterion: &mut Criterion) {
    compare(criterion, "late escape", &pages(1, Style::Escaped(LAST)));
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
    // An iteration over the long list takes seconds, so every sample has the same number of
    // iterations, and there are few samples.
    group.sampling_mode(SamplingMode::Flat).sample_size(if pages.len() > 1 { 10 } else { 20 });
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    for contestant in &mut contestants {
        group.bench_function(contestant.name(), |bencher| {
            bencher.iter(|| pages.iter().for_each(|page| contestant.run(black_box(&page.body))));
        });
    }
    group.finish();
}

/// A page as it is written, and its content.
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
    /// The `o` of this many `OpenID`s, the last ones, as `\u006f`.
    Escaped(usize),
}

/// The reply of `user/get`, as a program declares it for serde.
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

/// Returns the first pages of a list, all different.
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

/// Escapes the first character of the last `last` `OpenID`s in a page.
fn escape(page: &str, reply: &Wire<String>, last: usize) -> String {
    let openids = &reply.data.openid;
    let first = &openids[openids.len() - last];
    let (before, behind) = page.split_at(page.find(first).expect("the page has all of its OpenIDs"));
    // All OpenIDs of an account begin with the same characters, and no key does.
    let prefix = &first[..6];
    before.to_owned() + &behind.replace(prefix, &prefix.replacen('o', "\\u006f", 1))
}
