//! The contestants that read profiles: fanout, serde, and a copy of the bytes.
//!
//! `main` writes the replies, checks the contestants, and holds the clock.

use std::hint::black_box;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type, TimestampSecondType};
use fanout::rows::{ProfileOutcome, ProfileRows};
use fanout::wechat::{self, ProfileReply};
use serde_json::Value;

use super::{Reply, Row};

const ONE_OF_OURS: &str = "a reply that was written here is valid";

/// Returns all contestants.
pub(super) fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        Box::new(Memcpy::default()),
        Box::new(Read),
        Box::new(Rows(ProfileRows::new("wx0000000000000000", "brand"))),
        Box::new(Derived),
        Box::new(SerdeValue),
    ]
}

/// A reader of profiles.
pub(super) trait Contestant {
    fn name(&self) -> &'static str;

    /// Reads a reply, and frees the result, because a program must do both.
    fn run(&mut self, body: &[u8]);

    /// Reads a reply, and returns whether the result is what was written.
    fn agrees(&mut self, body: &[u8], expected: &Reply) -> bool;
}

/// The floor: every byte is read once and written once, into an existing buffer.
#[derive(Default)]
struct Memcpy(Vec<u8>);

impl Memcpy {
    fn copy(&mut self, body: &[u8]) -> &[u8] {
        self.0.clear();
        self.0.extend_from_slice(body);
        &self.0
    }
}

impl Contestant for Memcpy {
    fn name(&self) -> &'static str {
        "memcpy"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(self.copy(body));
    }

    fn agrees(&mut self, body: &[u8], _: &Reply) -> bool {
        self.copy(body) == body
    }
}

/// fanout, from bytes to profiles that point into them.
struct Read;

impl Contestant for Read {
    fn name(&self) -> &'static str {
        "fanout profiles"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(wechat::read_profiles(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, body: &[u8], expected: &Reply) -> bool {
        let ProfileReply { rows, lenient, .. } = wechat::read_profiles(body).expect(ONE_OF_OURS);
        let same = |(row, expected): (&wechat::Profile<'_>, &Row)| {
            row.openid == *expected.openid
                && row.unionid.as_deref() == Some(&*expected.unionid)
                && row.nickname.as_deref() == Some(&*expected.nickname)
        };
        lenient == 0
            && rows.len() == expected.user_info_list.len()
            && rows.iter().zip(&expected.user_info_list).all(same)
    }
}

/// The rows of a batch of the engine.
const BATCH_ROWS: usize = 5_000;

/// fanout, from bytes to Arrow columns.
struct Rows(ProfileRows);

impl Rows {
    fn read(&mut self, body: &[u8]) {
        let reply = wechat::read_profiles(body).expect(ONE_OF_OURS);
        let fetched_at = std::time::UNIX_EPOCH.into();
        for (position, row) in (0..).zip(&reply.rows) {
            self.0.push(position, &row.openid, ProfileOutcome::Follows, fetched_at, Some(row));
        }
    }
}

impl Contestant for Rows {
    fn name(&self) -> &'static str {
        "fanout profiles, RecordBatch"
    }

    fn run(&mut self, body: &[u8]) {
        self.read(body);
        if self.0.len() >= BATCH_ROWS {
            black_box(self.0.finish());
        }
    }

    fn agrees(&mut self, body: &[u8], expected: &Reply) -> bool {
        self.read(body);
        let batch = self.0.finish();
        let expected = &expected.user_info_list;
        let text = |column: &str, field: fn(&Row) -> &str| {
            batch[column].as_string::<i32>().iter().eq(expected.iter().map(|row| Some(field(row))))
        };
        let seconds = batch["subscribe_time"].as_primitive::<TimestampSecondType>();
        let codes = batch["qr_scene"].as_primitive::<Int64Type>();
        let tags = batch["tagid_list"].as_list::<i32>();
        let groups = batch["groupid"].as_primitive::<Int32Type>();
        batch.num_rows() == expected.len()
            && text("openid", |row| &row.openid)
            && text("unionid", |row| &row.unionid)
            && text("remark", |row| &row.remark)
            && text("language", |row| &row.language)
            && text("subscribe_scene", |row| &row.subscribe_scene)
            && text("qr_scene_str", |row| &row.qr_scene_str)
            && text("city", |row| &row.city)
            && seconds.values().iter().eq(expected.iter().map(|row| &row.subscribe_time))
            && codes.values().iter().eq(expected.iter().map(|row| &row.qr_scene))
            && groups.values().iter().eq(expected.iter().map(|row| &row.groupid))
            && tags.values().as_primitive::<Int32Type>().values().iter().eq(expected.iter().flat_map(|r| &r.tagid_list))
    }
}

/// serde, into derived types that own their strings; no array.
struct Derived;

impl Contestant for Derived {
    fn name(&self) -> &'static str {
        "serde_json derived"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(serde_json::from_slice::<Reply>(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, body: &[u8], expected: &Reply) -> bool {
        let reply: Reply = serde_json::from_slice(body).expect(ONE_OF_OURS);
        serde_json::to_value(reply).ok() == serde_json::to_value(expected).ok()
    }
}

/// serde, into its own tree.
struct SerdeValue;

impl Contestant for SerdeValue {
    fn name(&self) -> &'static str {
        "serde_json Value"
    }

    fn run(&mut self, body: &[u8]) {
        black_box(serde_json::from_slice::<Value>(body).expect(ONE_OF_OURS));
    }

    fn agrees(&mut self, body: &[u8], expected: &Reply) -> bool {
        let value: Value = serde_json::from_slice(body).expect(ONE_OF_OURS);
        Some(value) == serde_json::to_value(expected).ok()
    }
}
