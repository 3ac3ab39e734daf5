//! The schema of profiles, and their rows: one for each OpenID of the walk that they rest on.
//!
//! Before it: [`wechat`](crate::wechat) has read the replies, and the engine has settled what came
//! of each OpenID. Behind it: the engine hands the batches to the sinks.

use std::sync::Arc;

use arrow::array::builder::{
    Int32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder, TimestampSecondBuilder,
};
use arrow::array::{ArrayBuilder, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use fanout_sink::arrow;

use super::constant::{Constant, UTC, few};
use super::texts::Texts;
use crate::wechat::Profile;

/// How many columns of a profile a sink receives if it chooses none. The others come last.
pub const DEFAULT_PROFILE_COLUMNS: usize = 14;

/// What came of one OpenID of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileOutcome {
    /// The person follows the account; the row has the profile.
    Follows,
    /// The person has left the account since the walk; two replies to different questions say so.
    Left,
    /// WeChat refused the OpenID, asked for alone.
    Refused,
    /// The reply could not be read, even when the OpenID was asked for alone.
    Unreadable,
    /// Two OpenIDs have one unionid, and still had it when each was asked for alone.
    Conflict,
}

impl ProfileOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Follows, Self::Left, Self::Refused, Self::Unreadable, Self::Conflict];

    /// Returns the value of the column `outcome`, which reports use too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::Left => "left",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Conflict => "conflict",
        }
    }
}

/// Returns the schema of a profile's row. A sink receives the columns from `account` on only if its
/// `columns` name them.
///
/// | column | type | meaning |
/// | --- | --- | --- |
/// | `app_id` | string | the account |
/// | `openid` | string | the follower, unique within the account |
/// | `outcome` | string | what came of the OpenID: [`ProfileOutcome::name`] |
/// | `unionid` | string, null | the person in all accounts of one Open Platform account |
/// | `subscribe_time` | timestamp, s, UTC, null | the last follow |
/// | `subscribe_scene` | string, null | how the person came to follow, an open set |
/// | `qr_scene` | 64-bit integer, null | the number of the QR code |
/// | `qr_scene_str` | string, null | the text of the QR code |
/// | `remark` | string, null | what the operator has noted |
/// | `tagid_list` | list of 32-bit integers, null | the tags of the person |
/// | `groupid` | 32-bit integer, null | the group of the person |
/// | `language` | string, null | the language of the person's WeChat |
/// | `position` | 64-bit integer | place in the list of followers, from 0 without gaps |
/// | `fetched_at` | timestamp, µs, UTC | when the reply was fetched that the row is from |
/// | `account` | string | the account's name in the pipeline file |
/// | `nickname`, `headimgurl` | string, null | empty since 2021 |
/// | `sex` | 32-bit integer, null | 0 since 2021 |
/// | `city`, `province`, `country` | string, null | empty since 2021 |
/// | `raw` | string, null | the row of the reply as it came |
///
/// A text that the reply leaves out is null; one that is empty stays empty.
pub fn profile_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        few(Field::new("app_id", DataType::Utf8, false)),
        Field::new("openid", DataType::Utf8, false),
        few(Field::new("outcome", DataType::Utf8, false)),
        text("unionid"),
        Field::new("subscribe_time", DataType::Timestamp(TimeUnit::Second, Some(UTC.into())), true),
        few(text("subscribe_scene")),
        Field::new("qr_scene", DataType::Int64, true),
        text("qr_scene_str"),
        text("remark"),
        Field::new("tagid_list", DataType::List(tag()), true),
        few(Field::new("groupid", DataType::Int32, true)),
        few(text("language")),
        Field::new("position", DataType::Int64, false),
        few(Field::new("fetched_at", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), false)),
        few(Field::new("account", DataType::Utf8, false)),
        text("nickname"),
        text("headimgurl"),
        few(Field::new("sex", DataType::Int32, true)),
        few(text("city")),
        few(text("province")),
        few(text("country")),
        text("raw"),
    ]))
}

/// The elements of `tagid_list`.
fn tag() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Int32, false))
}

/// Makes the rows of one list of profiles, batch by batch.
#[derive(Debug)]
pub struct ProfileRows {
    schema: SchemaRef,
    app_id: Constant,
    account: Constant,
    openid: StringBuilder,
    outcome: Texts,
    unionid: StringBuilder,
    subscribe_time: TimestampSecondBuilder,
    subscribe_scene: StringBuilder,
    qr_scene: Int64Builder,
    qr_scene_str: StringBuilder,
    remark: StringBuilder,
    tagid_list: ListBuilder<Int32Builder>,
    groupid: Int32Builder,
    language: Texts,
    position: Int64Builder,
    fetched_at: TimestampMicrosecondBuilder,
    nickname: Texts,
    headimgurl: Texts,
    sex: Int32Builder,
    city: Texts,
    province: Texts,
    country: Texts,
    raw: StringBuilder,
}

impl ProfileRows {
    /// Begins the rows of a list of the account `app_id`, whose name is `account`.
    pub fn new(app_id: &str, account: &str) -> Self {
        Self {
            schema: profile_schema(),
            app_id: Constant::new(app_id),
            account: Constant::new(account),
            openid: StringBuilder::new(),
            outcome: Texts::new(ProfileOutcome::Follows.name()),
            unionid: StringBuilder::new(),
            subscribe_time: TimestampSecondBuilder::new().with_timezone(UTC),
            subscribe_scene: StringBuilder::new(),
            qr_scene: Int64Builder::new(),
            qr_scene_str: StringBuilder::new(),
            remark: StringBuilder::new(),
            tagid_list: ListBuilder::new(Int32Builder::new()).with_field(tag()),
            groupid: Int32Builder::new(),
            language: Texts::new("zh_CN"),
            position: Int64Builder::new(),
            fetched_at: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            nickname: Texts::new(""),
            headimgurl: Texts::new(""),
            sex: Int32Builder::new(),
            city: Texts::new(""),
            province: Texts::new(""),
            country: Texts::new(""),
            raw: StringBuilder::new(),
        }
    }

    /// Adds the row of `openid`, which stands at `position` of the walk that the list rests on.
    /// `profile` is what the reply that was fetched at `fetched_at` says of it, if it says
    /// anything.
    pub fn push(
        &mut self,
        position: u64,
        openid: &str,
        outcome: ProfileOutcome,
        fetched_at: DateTime<Utc>,
        profile: Option<&Profile<'_>>,
    ) {
        self.openid.append_value(openid);
        self.outcome.push(Some(outcome.name()));
        self.position.append_value(position as i64);
        self.fetched_at.append_value(fetched_at.timestamp_micros());
        match profile {
            Some(profile) => self.push_profile(profile),
            None => self.push_nulls(),
        }
    }

    fn push_profile(&mut self, profile: &Profile<'_>) {
        self.unionid.append_option(profile.unionid.as_deref());
        self.subscribe_time.append_option(profile.subscribe_time);
        self.subscribe_scene.append_option(profile.subscribe_scene.as_deref());
        self.qr_scene.append_option(profile.qr_scene);
        self.qr_scene_str.append_option(profile.qr_scene_str.as_deref());
        self.remark.append_option(profile.remark.as_deref());
        if let Some(tags) = &profile.tagid_list {
            self.tagid_list.values().append_slice(tags);
        }
        self.tagid_list.append(profile.tagid_list.is_some());
        self.groupid.append_option(profile.groupid);
        self.language.push(profile.language.as_deref());
        self.nickname.push(profile.nickname.as_deref());
        self.headimgurl.push(profile.headimgurl.as_deref());
        self.sex.append_option(profile.sex);
        self.city.push(profile.city.as_deref());
        self.province.push(profile.province.as_deref());
        self.country.push(profile.country.as_deref());
        self.raw.append_value(&profile.raw);
    }

    fn push_nulls(&mut self) {
        for column in
            [&mut self.unionid, &mut self.subscribe_scene, &mut self.qr_scene_str, &mut self.remark, &mut self.raw]
        {
            column.append_null();
        }
        for column in [
            &mut self.language,
            &mut self.nickname,
            &mut self.headimgurl,
            &mut self.city,
            &mut self.province,
            &mut self.country,
        ] {
            column.push(None);
        }
        self.subscribe_time.append_null();
        self.qr_scene.append_null();
        self.tagid_list.append_null();
        self.groupid.append_null();
        self.sex.append_null();
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
            finish(&mut self.openid),
            self.outcome.finish(),
            finish(&mut self.unionid),
            Arc::new(self.subscribe_time.finish()),
            finish(&mut self.subscribe_scene),
            Arc::new(self.qr_scene.finish()),
            finish(&mut self.qr_scene_str),
            finish(&mut self.remark),
            Arc::new(self.tagid_list.finish()),
            Arc::new(self.groupid.finish()),
            self.language.finish(),
            Arc::new(self.position.finish()),
            Arc::new(self.fetched_at.finish()),
            self.account.rows(rows),
            self.nickname.finish(),
            self.headimgurl.finish(),
            Arc::new(self.sex.finish()),
            self.city.finish(),
            self.province.finish(),
            self.country.finish(),
            finish(&mut self.raw),
        ];
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("the columns have one length and the schema's types")
    }
}

/// Returns the values of a column, and leaves room for as many: the next batch has the same size,
/// and texts that grow bit by bit are copied again and again.
fn finish(column: &mut StringBuilder) -> ArrayRef {
    let next = StringBuilder::with_capacity(column.len(), column.values_slice().len());
    Arc::new(std::mem::replace(column, next).finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, RecordBatch};
    use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType, TimestampSecondType};

    use super::*;
    use crate::rows::schema::{default_columns, row_schema};
    use crate::wechat::{List, read_profile};

    /// A row with every field.
    const FULL: &str = r#"{"subscribe":1,"openid":"oA","nickname":"n","sex":2,"language":"zh_CN","city":"广州","province":"广东","country":"中国","headimgurl":"h","subscribe_time":1705999105,"unionid":"oU","remark":"重要","groupid":3,"tagid_list":[128,2],"subscribe_scene":"ADD_SCENE_QR_CODE","qr_scene":98765,"qr_scene_str":"s"}"#;

    fn text<'a>(batch: &'a RecordBatch, column: &str) -> Vec<Option<&'a str>> {
        batch[column].as_string::<i32>().iter().collect()
    }

    fn tags(batch: &RecordBatch) -> Vec<Option<Vec<i32>>> {
        let values = |list: &dyn Array| list.as_primitive::<Int32Type>().values().to_vec();
        batch["tagid_list"].as_list::<i32>().iter().map(|list| list.as_deref().map(values)).collect()
    }

    #[test]
    fn every_field_stands_in_the_column_of_its_name_and_the_rest_is_null() {
        let reply = read_profile(FULL.as_bytes()).unwrap();
        let left = read_profile(br#"{"subscribe":0,"openid":"oB","tagid_list":[],"remark":""}"#).unwrap();
        let at = DateTime::from_timestamp_micros(1_706_000_000_123_456).unwrap();
        let mut rows = ProfileRows::new("wx1", "品牌");
        rows.push(7, "oA", ProfileOutcome::Follows, at, Some(&reply.rows[0]));
        rows.push(8, "oB", ProfileOutcome::Left, at, Some(&left.rows[0]));
        rows.push(9, "oC", ProfileOutcome::Refused, at, None);
        assert_eq!(rows.len(), 3);
        let batch = rows.finish();
        assert_eq!(batch.schema(), profile_schema());
        for (column, expected) in [
            ("app_id", [Some("wx1"); 3]),
            ("account", [Some("品牌"); 3]),
            ("openid", [Some("oA"), Some("oB"), Some("oC")]),
            ("outcome", [Some("follows"), Some("left"), Some("refused")]),
            ("unionid", [Some("oU"), None, None]),
            ("subscribe_scene", [Some("ADD_SCENE_QR_CODE"), None, None]),
            ("qr_scene_str", [Some("s"), None, None]),
            ("remark", [Some("重要"), Some(""), None]),
            ("language", [Some("zh_CN"), None, None]),
            ("nickname", [Some("n"), None, None]),
            ("headimgurl", [Some("h"), None, None]),
            ("city", [Some("广州"), None, None]),
            ("province", [Some("广东"), None, None]),
            ("country", [Some("中国"), None, None]),
            ("raw", [Some(FULL), Some(&*left.rows[0].raw), None]),
        ] {
            assert_eq!(text(&batch, column), expected, "{column}");
        }
        let seconds = batch["subscribe_time"].as_primitive::<TimestampSecondType>();
        assert_eq!(seconds.iter().collect::<Vec<_>>(), [Some(1_705_999_105), None, None]);
        let codes = batch["qr_scene"].as_primitive::<Int64Type>();
        assert_eq!(codes.iter().collect::<Vec<_>>(), [Some(98765), None, None]);
        for (column, expected) in [("groupid", 3), ("sex", 2)] {
            let values: Vec<_> = batch[column].as_primitive::<Int32Type>().iter().collect();
            assert_eq!(values, [Some(expected), None, None], "{column}");
        }
        assert_eq!(tags(&batch), [Some(vec![128, 2]), Some(vec![]), None]);
        assert_eq!(batch["position"].as_primitive::<Int64Type>().values(), &[7, 8, 9]);
        let fetched_at = batch["fetched_at"].as_primitive::<TimestampMicrosecondType>();
        assert_eq!(fetched_at.values(), &[1_706_000_000_123_456; 3]);
    }

    #[test]
    fn a_batch_has_nothing_of_the_one_before() {
        let reply = read_profile(FULL.as_bytes()).unwrap();
        let mut rows = ProfileRows::new("wx1", "a");
        let mut sizes = Vec::new();
        for size in [3_u64, 0, 5, 1] {
            for position in 0..size {
                rows.push(position, "oA", ProfileOutcome::Follows, DateTime::UNIX_EPOCH, Some(&reply.rows[0]));
            }
            let batch = rows.finish();
            assert!(rows.is_empty());
            assert!(tags(&batch).iter().all(|tags| *tags == Some(vec![128, 2])));
            assert!(batch["position"].as_primitive::<Int64Type>().values().iter().copied().eq(0..size as i64));
            sizes.push(batch.num_rows() as u64);
        }
        assert_eq!(sizes, [3, 0, 5, 1]);
    }

    #[test]
    fn the_default_columns_are_those_before_the_account() {
        let schema = row_schema(List::PROFILES);
        assert_eq!(schema.index_of("account").unwrap(), default_columns(List::PROFILES));
        assert_eq!(row_schema(List::FOLLOWERS).index_of("account").unwrap(), default_columns(List::FOLLOWERS));
        assert_eq!(schema.field(default_columns(List::PROFILES) - 1).name(), "fetched_at");
    }

    #[test]
    fn the_outcomes_have_names_that_differ() {
        let names: std::collections::BTreeSet<_> = ProfileOutcome::ALL.map(ProfileOutcome::name).into();
        assert_eq!(names.len(), ProfileOutcome::ALL.len());
    }
}
