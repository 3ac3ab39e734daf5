//! The lists that the suite delivers, computed from a seed: the batches for the sink, and the rows
//! that its readers must find.
//!
//! Before it: the cases, which choose an [`Occasion`] and the sizes of the batches. Behind it:
//! `scene`, which delivers a list and compares.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rows::Row;
use crate::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use crate::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use crate::batch::Batch;
use crate::context::SinkContext;
use crate::hexadecimal::hexadecimal;
use crate::snapshot::Snapshot;
use crate::walk_id::WalkId;

/// The identity of a list: account, list, walk and date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion {
    pub(super) account: &'static str,
    pub(super) app_id: &'static str,
    pub(super) list: &'static str,
    /// The number of the walk.
    pub(super) walk: u64,
    pub(super) date: NaiveDate,
}

impl Occasion {
    /// Returns when the walk began: on one date, later for a higher number.
    fn begun_at(self) -> DateTime<Utc> {
        self.date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(self.walk as i64)
    }

    pub(super) fn walk_id(self) -> WalkId {
        WalkId::new(self.walk, self.begun_at())
    }
}

/// The list that most cases deliver.
pub(super) const FIRST: Occasion =
    Occasion { account: "north", app_id: "wx00000000000000a1", list: "followers", walk: 1, date: date(2026, 1, 30) };
/// The same account and date, in a later walk.
pub(super) const LATER_WALK: Occasion = Occasion { walk: 2, ..FIRST };
/// The same account on another day.
pub(super) const LATER_DATE: Occasion = Occasion { walk: 3, date: date(2026, 2, 1), ..FIRST };
/// Another account on the same date, with the same `WalkId`: ids are unique only within the list of
/// an account.
pub(super) const OTHER_ACCOUNT: Occasion = Occasion { account: "south", app_id: "wx00000000000000b2", ..FIRST };
/// Another list of the same account on the same date, with the same `WalkId`.
pub(super) const OTHER_LIST: Occasion = Occasion { list: "blacklist", ..FIRST };

const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar")
}

/// 2026-01-30T00:00:00Z, in microseconds since 1970.
const FIRST_FETCH: i64 = 1_769_731_200_000_000;
const PAGE_ROWS: usize = 10_000;

/// One complete list: the input of a sink, and the rows that it must publish.
#[derive(Clone, Debug)]
pub(super) struct List {
    occasion: Occasion,
    app_id: String,
    schema: SchemaRef,
    pub(super) batches: Vec<Batch>,
    pub(super) rows: Arc<Vec<Row>>,
    pub(super) snapshot: Snapshot,
}

impl List {
    /// Makes a list in the columns of a follower list, in batches of `sizes` rows.
    #[cfg(test)]
    pub(super) fn followers(occasion: Occasion, sizes: &[usize]) -> Self {
        Self::followers_of(occasion.app_id, occasion, sizes)
    }

    /// Makes a list in the columns of a follower list, with an app id other than its occasion's.
    pub(super) fn followers_of(app_id: &str, occasion: Occasion, sizes: &[usize]) -> Self {
        let mut random = Random::of(occasion);
        let openids: Vec<String> = (0..sizes.iter().sum()).map(|_| random.openid()).collect();
        let page = |position: usize| (position / PAGE_ROWS) as i32 + 1;
        let fetched_at = |position: usize| FIRST_FETCH + i64::from(page(position)) * 1_234_567;
        let batch = |rows: Range<usize>| -> Vec<ArrayRef> {
            let fetched_at = TimestampMicrosecondArray::from_iter_values(rows.clone().map(fetched_at));
            vec![
                Arc::new(StringArray::from_iter_values(rows.clone().map(|_| app_id))),
                Arc::new(StringArray::from_iter_values(&openids[rows.clone()])),
                Arc::new(Int64Array::from_iter_values(rows.clone().map(|position| position as i64))),
                Arc::new(Int32Array::from_iter_values(rows.map(page))),
                Arc::new(fetched_at.with_timezone("UTC")),
            ]
        };
        let row = |position: usize| {
            row_of(json!({
                "app_id": app_id,
                "openid": openids[position],
                "position": position,
                "page": page(position),
                "fetched_at": fetched_at(position),
            }))
        };
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
        let schema = Arc::new(Schema::new(vec![
            Field::new("app_id", DataType::Utf8, false),
            Field::new("openid", DataType::Utf8, false),
            Field::new("position", DataType::Int64, false),
            Field::new("page", DataType::Int32, false),
            Field::new("fetched_at", instant, false),
        ]));
        let batches = batches(&schema, sizes, batch);
        let rows = Arc::new((0..openids.len()).map(row).collect());
        Self { occasion, app_id: app_id.to_owned(), schema, batches, rows, snapshot: snapshot(occasion, &openids) }
    }

    /// Makes a list with columns of other types: nulls, booleans, floats, and texts that are easily
    /// damaged.
    pub(super) fn mixed(occasion: Occasion) -> Self {
        let texts = hard_texts();
        let flags = [Some(true), None, Some(false)];
        let scores = [Some(0.0), Some(-2.5), None, Some(1e21), Some(1e-7), Some(123_456_789.125), Some(3.0)];
        let counts = [Some(0), Some(i64::MAX), Some(i64::MIN), None, Some(-1)];
        let keys: Vec<String> = (0..texts.len()).map(|number| format!("key {number}")).collect();
        let flag = |number: usize| flags[number % flags.len()];
        let score = |number: usize| scores[number % scores.len()];
        let count = |number: usize| counts[number % counts.len()];
        let batch = |rows: Range<usize>| -> Vec<ArrayRef> {
            vec![
                Arc::new(StringArray::from_iter_values(&keys[rows.clone()])),
                Arc::new(StringArray::from_iter(&texts[rows.clone()])),
                Arc::new(rows.clone().map(flag).collect::<BooleanArray>()),
                Arc::new(rows.clone().map(score).collect::<Float64Array>()),
                Arc::new(rows.map(count).collect::<Int64Array>()),
            ]
        };
        let row = |number: usize| {
            row_of(json!({
                "key": keys[number],
                "text": texts[number],
                "flag": flag(number),
                "score": score(number),
                "count": count(number),
            }))
        };
        let schema = Arc::new(Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("text", DataType::Utf8, true),
            Field::new("flag", DataType::Boolean, true),
            Field::new("score", DataType::Float64, true),
            Field::new("count", DataType::Int64, true),
        ]));
        let sizes = [texts.len() / 2, texts.len() - texts.len() / 2];
        let batches = batches(&schema, &sizes, batch);
        let rows = Arc::new((0..texts.len()).map(row).collect());
        let app_id = occasion.app_id.to_owned();
        Self { occasion, app_id, schema, batches, rows, snapshot: snapshot(occasion, &keys) }
    }

    /// Returns the names of the columns.
    pub(super) fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Returns the columns.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the same list with only these columns, in this order.
    pub(super) fn only(mut self, columns: &[&str]) -> Self {
        let indices: Vec<usize> = columns.iter().map(|column| self.schema.index_of(column).expect(column)).collect();
        self.schema = Arc::new(self.schema.project(&indices).expect("the columns are there"));
        for batch in &mut self.batches {
            *batch = batch.with_records(batch.records().project(&indices).expect("the columns are there"));
        }
        for row in Arc::make_mut(&mut self.rows) {
            row.retain(|column, _| columns.contains(&column.as_str()));
        }
        self
    }

    /// Returns the context with which a sink is opened for this list in `directory`.
    pub(super) fn context(&self, directory: &Path) -> SinkContext {
        let Occasion { account, list, date, .. } = self.occasion;
        SinkContext::new(account, &self.app_id, Arc::clone(&self.schema))
            .with_names("conformance", "subject")
            .with_list(list)
            .with_walk(self.occasion.walk_id(), date)
            // A sink that only appends may refuse a second list of a date, unless it is delivered
            // on purpose.
            .with_again(self.occasion.walk == LATER_WALK.walk)
            .with_directory(directory)
    }
}

fn row_of(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => unreachable!("a row is an object, not {other}"),
    }
}

fn batches(schema: &SchemaRef, sizes: &[usize], columns: impl Fn(Range<usize>) -> Vec<ArrayRef>) -> Vec<Batch> {
    let mut end = 0;
    let mut batch = |(sequence, size): (usize, &usize)| {
        let rows = end..end + size;
        end = rows.end;
        let records = RecordBatch::try_new(Arc::clone(schema), columns(rows)).expect("columns of the schema");
        Batch::new(sequence as u64, records)
    };
    sizes.iter().enumerate().map(&mut batch).collect()
}

/// Returns the facts of a list, as the engine states them; `keys` identify its rows.
fn snapshot(occasion: Occasion, keys: &[String]) -> Snapshot {
    let mut digest = Sha256::new();
    for key in keys {
        digest.update((key.len() as u32).to_le_bytes());
        digest.update(key);
    }
    let pages = keys.len().div_ceil(PAGE_ROWS) as u64;
    let fetched_at = |page: u64| {
        let instant = DateTime::from_timestamp_micros(FIRST_FETCH + page as i64 * 1_234_567);
        instant.filter(|_| pages > 0)
    };
    Snapshot {
        walk: occasion.walk_id(),
        date: occasion.date,
        begun_at: occasion.begun_at(),
        rows: keys.len() as u64,
        first_fetched_at: fetched_at(1),
        last_fetched_at: fetched_at(pages),
        digest: format!("sha256:{}", hexadecimal(&digest.finalize())),
        proof: row_of(json!({ "pages": pages, "total": keys.len(), "duplicates": 0, "empty": 0 })),
    }
}

/// Texts that quoting, escaping, splitting or truncating would damage; `None` is a null.
fn hard_texts() -> Vec<Option<String>> {
    let mut texts: Vec<Option<String>> = [
        "",
        " ",
        "null",
        "\"",
        "\\",
        "\\n",
        "/",
        "'",
        "a,b;c\td",
        "{\"openid\":\"o\"}",
        "</script>",
        "first\nsecond",
        "first\r\nsecond",
        "\n",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}\u{2029}",
        "\u{feff}bom",
        "粉丝",
        "e\u{301}é",
        "👩\u{200d}👩\u{200d}👧",
        "🇨🇳",
        "\u{10ffff}",
    ]
    .into_iter()
    .map(|text| Some(text.to_owned()))
    .collect();
    texts.extend((0..0x20_u8).map(|control| Some(format!("before{}after", char::from(control)))));
    texts.push(Some("长".repeat(50_000)));
    texts.push(None);
    texts.push(Some("the one before is null, the one after is empty".to_owned()));
    texts.push(Some(String::new()));
    texts
}

/// `SplitMix64`: random enough for test data, in a few lines and without a dependency.
struct Random(u64);

impl Random {
    /// Seeds with the names of the occasion (FNV-1a), so that two lists share no follower.
    fn of(occasion: Occasion) -> Self {
        let names = format!("{}{}{}", occasion.app_id, occasion.list, occasion.walk_id());
        Self(
            names
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Makes a text that looks like an `OpenID`: `o` and 27 letters of base64url.
    fn openid(&mut self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letters = (0..27).map(|_| char::from(LETTERS[(self.next() % 64) as usize]));
        std::iter::once('o').chain(letters).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::rows::{rows_of, same_rows};

    fn rows_of_batches(list: &List) -> Vec<Row> {
        list.batches.iter().flat_map(|batch| rows_of(batch.records()).unwrap()).collect()
    }

    #[test]
    fn rows_and_batches_say_the_same() {
        let lists = [
            List::followers(FIRST, &[3, 0, 25_000]),
            List::followers(OTHER_ACCOUNT, &[2]).only(&["position", "openid"]),
            List::mixed(FIRST),
        ];
        for list in lists {
            same_rows(list.schema(), &list.rows, &rows_of_batches(&list)).unwrap();
            assert_eq!(list.snapshot.rows, list.rows.len() as u64);
            let sequence: Vec<u64> = list.batches.iter().map(Batch::sequence).collect();
            assert_eq!(sequence, (0..list.batches.len() as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn lists_are_repeatable_and_share_no_follower() {
        let openids = |occasion| -> Vec<Value> {
            List::followers(occasion, &[100]).rows.iter().map(|row| row["openid"].clone()).collect()
        };
        assert_eq!(openids(FIRST), openids(FIRST));
        for other in [LATER_WALK, LATER_DATE, OTHER_ACCOUNT, OTHER_LIST] {
            assert!(openids(other).iter().all(|openid| !openids(FIRST).contains(openid)));
        }
    }
}
