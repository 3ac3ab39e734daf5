//! The schema of changes, and their rows: one for each person who has come or left.
//!
//! Before it: the engine has compared two walks of followers, and settled what WeChat says of each
//! difference. Behind it: the engine hands the batches to the sinks.

use std::sync::Arc;

use arrow::array::builder::{BooleanBuilder, StringBuilder, TimestampMicrosecondBuilder, TimestampSecondBuilder};
use arrow::array::{ArrayBuilder, ArrayRef};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::{WalkId, arrow};

use super::constant::{Constant, UTC, few};
use super::texts::Texts;
use crate::wechat::Profile;

/// How many columns of a change a sink receives if it chooses none. The others come last.
pub const DEFAULT_CHANGE_COLUMNS: usize = 12;

/// A change, as its row tells it.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRow<'a> {
    /// The person.
    pub openid: &'a str,
    /// The value of the column `change`.
    pub change: &'static str,
    /// The earliest moment at which it may have happened.
    pub not_before: Option<DateTime<Utc>>,
    /// The latest moment at which it may have happened.
    pub not_after: DateTime<Utc>,
    /// Whether WeChat was asked about this person alone or in a batch, and the answer agrees.
    pub is_verified: bool,
    /// The profile of the answer, if there is one that tells of this follow.
    pub profile: Option<&'a Profile<'a>>,
    /// When the reply was fetched that the row is from.
    pub fetched_at: DateTime<Utc>,
}

/// Returns the schema of a change's row. A sink receives the last column, `account`, only if its
/// `columns` name it.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `openid` | string | the person |
/// | `change` | string | `followed`, `unfollowed`, `refollowed`, `reappeared`, `baseline` |
/// | `from_walk` | string, null | the walk of followers at which the change begins; null for `baseline` |
/// | `to_walk` | string | the walk of followers at which it ends |
/// | `not_before` | timestamp, µs, UTC, null | the earliest moment of the change; null for `baseline` |
/// | `not_after` | timestamp, µs, UTC | the latest moment of the change |
/// | `verified` | boolean | whether WeChat was asked about the person, and the answer agrees |
/// | `unionid` | string, null | the person in all accounts of one Open Platform account |
/// | `subscribe_time` | timestamp, s, UTC, null | the last follow |
/// | `subscribe_scene` | string, null | how the person came to follow, an open set |
/// | `fetched_at` | timestamp, µs, UTC | when the reply was fetched that the row is from |
/// | `account` | string | the account's name in the pipeline file |
pub fn change_schema() -> SchemaRef {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("openid", DataType::Utf8, false),
        few(Field::new("change", DataType::Utf8, false)),
        few(Field::new("from_walk", DataType::Utf8, true)),
        few(Field::new("to_walk", DataType::Utf8, false)),
        Field::new("not_before", moment.clone(), true),
        Field::new("not_after", moment.clone(), false),
        Field::new("verified", DataType::Boolean, false),
        Field::new("unionid", DataType::Utf8, true),
        Field::new("subscribe_time", DataType::Timestamp(TimeUnit::Second, Some(UTC.into())), true),
        few(Field::new("subscribe_scene", DataType::Utf8, true)),
        few(Field::new("fetched_at", moment, false)),
        few(Field::new("account", DataType::Utf8, false)),
    ]))
}

/// Makes the rows of one list of changes, batch by batch.
#[derive(Debug)]
pub struct ChangeRows {
    schema: SchemaRef,
    app_id: Constant,
    account: Constant,
    from: Option<String>,
    from_walk: Texts,
    to_walk: Constant,
    openid: StringBuilder,
    change: Texts,
    not_before: TimestampMicrosecondBuilder,
    not_after: TimestampMicrosecondBuilder,
    verified: BooleanBuilder,
    unionid: StringBuilder,
    subscribe_time: TimestampSecondBuilder,
    subscribe_scene: StringBuilder,
    fetched_at: TimestampMicrosecondBuilder,
}

impl ChangeRows {
    /// Begins the rows of a list of the account `app_id`, whose name is `account`: of what has
    /// changed between the walks `from` and `to`.
    pub fn new(app_id: &str, account: &str, from: Option<WalkId>, to: WalkId) -> Self {
        let from = from.map(|walk| walk.to_string());
        let moments = || TimestampMicrosecondBuilder::new().with_timezone(UTC);
        Self {
            schema: change_schema(),
            app_id: Constant::new(app_id),
            account: Constant::new(account),
            from_walk: Texts::new(from.as_deref().unwrap_or_default()),
            from,
            to_walk: Constant::new(&to.to_string()),
            openid: StringBuilder::new(),
            change: Texts::new(""),
            not_before: moments(),
            not_after: moments(),
            verified: BooleanBuilder::new(),
            unionid: StringBuilder::new(),
            subscribe_time: TimestampSecondBuilder::new().with_timezone(UTC),
            subscribe_scene: StringBuilder::new(),
            fetched_at: moments(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: &ChangeRow<'_>) {
        self.openid.append_value(row.openid);
        self.change.push(Some(row.change));
        self.from_walk.push(self.from.as_deref());
        self.not_before.append_option(row.not_before.map(|moment| moment.timestamp_micros()));
        self.not_after.append_value(row.not_after.timestamp_micros());
        self.verified.append_value(row.is_verified);
        self.unionid.append_option(row.profile.and_then(|profile| profile.unionid.as_deref()));
        self.subscribe_time.append_option(row.profile.and_then(|profile| profile.subscribe_time));
        self.subscribe_scene.append_option(row.profile.and_then(|profile| profile.subscribe_scene.as_deref()));
        self.fetched_at.append_value(row.fetched_at.timestamp_micros());
    }

    /// Returns the number of rows since the last [`finish`](Self::finish).
    pub fn len(&self) -> usize {
        self.openid.len()
    }

    /// Returns whether there are no rows since the last [`finish`](Self::finish).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the rows since the last call, in the order in which they were added.
    ///
    /// # Panics
    ///
    /// Never: every push adds one value to each column, and the columns have the types of the
    /// schema.
    pub fn finish(&mut self) -> RecordBatch {
        let rows = self.len();
        let columns: Vec<ArrayRef> = vec![
            self.app_id.rows(rows),
            Arc::new(self.openid.finish()),
            self.change.finish(),
            self.from_walk.finish(),
            self.to_walk.rows(rows),
            Arc::new(self.not_before.finish()),
            Arc::new(self.not_after.finish()),
            Arc::new(self.verified.finish()),
            Arc::new(self.unionid.finish()),
            Arc::new(self.subscribe_time.finish()),
            Arc::new(self.subscribe_scene.finish()),
            Arc::new(self.fetched_at.finish()),
            self.account.rows(rows),
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("the columns have one length and the schema's types")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::TimestampMicrosecondType;

    use super::*;

    #[test]
    fn a_row_has_what_is_known_and_nulls_for_the_rest() {
        let walk = |number, second| WalkId::new(number, DateTime::from_timestamp(second, 0).unwrap());
        let mut rows = ChangeRows::new("wx1", "品牌", Some(walk(1, 10)), walk(2, 20));
        let moment = |second| DateTime::from_timestamp(second, 0).unwrap();
        let profile = Profile {
            unionid: Some("u1".into()),
            subscribe_time: Some(15),
            subscribe_scene: Some("ADD_SCENE_SEARCH".into()),
            ..Profile::default()
        };
        for (openid, change, profile) in [("o1", "followed", Some(&profile)), ("o2", "unfollowed", None)] {
            let (not_before, not_after, fetched_at) = (Some(moment(10)), moment(20), moment(21));
            rows.push(&ChangeRow { openid, change, not_before, not_after, is_verified: true, profile, fetched_at });
        }
        let batch = rows.finish();
        assert_eq!(batch.schema(), change_schema());
        let text = |column: &str, row| {
            let column = batch[column].as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        assert_eq!((text("change", 0), text("change", 1)), (Some("followed".into()), Some("unfollowed".into())));
        assert_eq!((text("unionid", 0), text("unionid", 1)), (Some("u1".into()), None));
        assert_eq!(text("from_walk", 1), Some(walk(1, 10).to_string()));
        assert_eq!(batch["not_before"].as_primitive::<TimestampMicrosecondType>().value(1), 10_000_000);
        assert!(batch["subscribe_time"].is_null(1) && rows.is_empty());
    }
}
