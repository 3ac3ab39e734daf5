//! The lists that the suite delivers, computed from a seed: the batches for the sink, and the rows
//! that its readers must find.
//!
//! Before it: the cases, which choose an [`Occasion`] and the sizes of the batches. Behind it:
//! `scene`, which delivers a list and compares.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::rows::Row;
use super::values::{array, hard_texts, hardest_texts, value};
use crate::arrow::array::RecordBatch;
use crate::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
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
        Self::of_columns(occasion.app_id, &follower_columns(), occasion, sizes)
    }

    /// Makes a list with columns of other types: nulls, booleans, floats, and texts that are easily
    /// damaged.
    pub(super) fn mixed(occasion: Occasion) -> Self {
        let columns = Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("text", DataType::Utf8, true),
            Field::new("flag", DataType::Boolean, true),
            Field::new("score", DataType::Float64, true),
            Field::new("count", DataType::Int64, true),
        ]);
        let texts = hardest_texts();
        let rows = 2 * texts.len();
        Self::new(occasion.app_id, &Arc::new(columns), occasion, &[rows / 2, rows - rows / 2], &texts)
    }

    /// Makes a list in the columns of a list of profiles: most of them may be null, and one has
    /// lists.
    pub(super) fn profiles(app_id: &str, occasion: Occasion) -> Self {
        // Batches of one row: all of a column is null there, or nothing.
        Self::of_columns(app_id, &profile_columns(), occasion, &[1, 1, 1, 1, 0, 300])
    }

    /// Makes a list of any columns, in batches of `sizes` rows. The columns of a follower list have
    /// their usual values.
    pub(super) fn of_columns(app_id: &str, columns: &SchemaRef, occasion: Occasion, sizes: &[usize]) -> Self {
        Self::new(app_id, columns, occasion, sizes, &hard_texts())
    }

    fn new(app_id: &str, columns: &SchemaRef, occasion: Occasion, sizes: &[usize], texts: &[String]) -> Self {
        let mut random = Random::of(occasion);
        let openids: Vec<String> = (0..sizes.iter().sum()).map(|_| random.openid()).collect();
        let page = |position: usize| (position / PAGE_ROWS) as i32 + 1;
        let row = |position: usize| -> Row {
            let cell = |(place, field): (usize, &FieldRef)| {
                let cell = match field.name().as_str() {
                    "app_id" => json!(app_id),
                    "openid" => json!(openids[position]),
                    "position" => json!(position),
                    "page" => json!(page(position)),
                    "fetched_at" => json!(FIRST_FETCH + i64::from(page(position)) * 1_234_567),
                    _ => value(field, place, position, texts),
                };
                (field.name().clone(), cell)
            };
            columns.fields().iter().enumerate().map(cell).collect()
        };
        let rows: Vec<Row> = (0..openids.len()).map(row).collect();
        let batches = batches(columns, sizes, &rows);
        let (app_id, schema) = (app_id.to_owned(), Arc::clone(columns));
        Self { occasion, app_id, schema, batches, rows: Arc::new(rows), snapshot: snapshot(occasion, &openids) }
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

/// Returns the columns of a follower list.
pub(super) fn follower_columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("app_id", DataType::Utf8, false),
        Field::new("openid", DataType::Utf8, false),
        Field::new("position", DataType::Int64, false),
        Field::new("page", DataType::Int32, false),
        Field::new("fetched_at", instant(TimeUnit::Microsecond), false),
    ]))
}

/// Returns the columns of a list of profiles.
fn profile_columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("app_id", DataType::Utf8, false),
        Field::new("openid", DataType::Utf8, false),
        Field::new("outcome", DataType::Utf8, false),
        Field::new("unionid", DataType::Utf8, true),
        Field::new("subscribe_time", instant(TimeUnit::Second), true),
        Field::new("qr_scene", DataType::Int64, true),
        Field::new("remark", DataType::Utf8, true),
        Field::new_list("tagid_list", Field::new_list_field(DataType::Int32, true), true),
        Field::new("groupid", DataType::Int32, true),
        Field::new("position", DataType::Int64, false),
        Field::new("fetched_at", instant(TimeUnit::Microsecond), false),
    ]))
}

fn instant(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some(Arc::from("UTC")))
}

fn batches(schema: &SchemaRef, sizes: &[usize], rows: &[Row]) -> Vec<Batch> {
    let mut rest = rows;
    let mut batch = |(sequence, size): (usize, &usize)| {
        let (rows, later) = rest.split_at(*size);
        rest = later;
        let column = |field: &FieldRef| array(field, &rows.iter().map(|row| &row[field.name()]).collect::<Vec<_>>());
        let columns = schema.fields().iter().map(column).collect();
        let records = RecordBatch::try_new(Arc::clone(schema), columns).expect("columns of the schema");
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
        proof: [("pages", pages), ("total", keys.len() as u64), ("duplicates", 0), ("empty", 0)]
            .map(|(key, number)| (key.to_owned(), number.into()))
            .into_iter()
            .collect(),
    }
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
    use serde_json::Value;

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
            List::profiles("wx1", FIRST),
        ];
        for list in lists {
            same_rows(list.schema(), &list.rows, &rows_of_batches(&list)).unwrap();
            assert_eq!(list.snapshot.rows, list.rows.len() as u64);
            let sequence: Vec<u64> = list.batches.iter().map(Batch::sequence).collect();
            assert_eq!(sequence, (0..list.batches.len() as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_column_that_may_be_null_has_nulls_and_values_and_lists_are_empty_too() {
        for list in [List::mixed(FIRST), List::profiles("wx1", FIRST)] {
            for field in list.schema().fields() {
                let nulls = list.rows.iter().filter(|row| row[field.name()].is_null()).count();
                assert_eq!(nulls > 0, field.is_nullable(), "{field}");
                assert!(nulls < list.rows.len(), "{field}");
            }
        }
        let rows = List::profiles("wx1", FIRST).rows;
        let holds = |column: &str, expected: &Value| rows.iter().any(|row| &row[column] == expected);
        assert!(holds("tagid_list", &json!([])) && holds("tagid_list", &json!([100, 2, 101])));
        for text in hard_texts() {
            assert!(holds("remark", &json!(text)) && holds("unionid", &json!(text)), "{text:?}");
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
