//! The digest of a list whose rows have many columns.
//!
//! Before it: [`row_feed`](super::row_feed) has gathered a batch of rows. Behind it: the
//! snapshot has the digest, which a later delivery of the list must have, too.
//!
//! Each column is digested on its own, and the digest of the list is that of all columns: so it
//! does not depend on how the rows fall into batches.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampSecondType,
    ToByteSlice,
};
use arrow::record_batch::RecordBatch;
use fanout_sink::arrow;

use super::list_digest::{Algorithm, Digester};

/// The columns that say whose list it is, not what is in it. An account may get another name.
const OF_THE_ACCOUNT: [&str; 2] = ["app_id", "account"];

/// The digest of the rows so far.
#[derive(Debug)]
pub(super) struct RowDigest {
    algorithm: Algorithm,
    columns: Vec<Digester>,
    bytes: Vec<u8>,
}

impl RowDigest {
    /// Begins a list without rows.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, columns: Vec::new(), bytes: Vec::new() }
    }

    /// Adds rows. Each call has the same columns.
    pub(super) fn add(&mut self, rows: &RecordBatch) {
        let schema = rows.schema();
        let columns = schema.fields().iter().zip(rows.columns());
        let columns = columns.filter(|(field, _)| !OF_THE_ACCOUNT.contains(&field.name().as_str()));
        for (place, (field, column)) in columns.enumerate() {
            if self.columns.len() == place {
                let mut begun = self.algorithm.begin();
                begun.update(format!("{}\n", field.name()).as_bytes());
                self.columns.push(begun);
            }
            self.bytes.clear();
            write(column, &mut self.bytes);
            self.columns[place].update(&self.bytes);
        }
    }

    /// Returns the digest of all rows, as a snapshot has it.
    pub(super) fn finish(self) -> String {
        let mut whole = self.algorithm.begin();
        self.columns.into_iter().for_each(|column| whole.update(&column.finish()));
        self.algorithm.text(&whole.finish())
    }
}

/// Writes the values of a column so that no two columns give the same bytes: 0 for no value, else 1
/// and the value; a text or a list comes after its length.
fn write(column: &ArrayRef, bytes: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Utf8 => {
            for text in column.as_string::<i32>() {
                begin(text.is_some(), bytes);
                if let Some(text) = text {
                    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
        }
        DataType::List(_) => {
            for list in column.as_list::<i32>() {
                begin(list.is_some(), bytes);
                if let Some(list) = list {
                    bytes.extend_from_slice(&(list.len() as u32).to_le_bytes());
                    write(&list, bytes);
                }
            }
        }
        DataType::Boolean => {
            for value in column.as_boolean() {
                begin(value.is_some(), bytes);
                bytes.extend(value.map(u8::from));
            }
        }
        DataType::Int32 => numbers(column.as_primitive::<Int32Type>(), bytes),
        DataType::Int64 => numbers(column.as_primitive::<Int64Type>(), bytes),
        DataType::Timestamp(TimeUnit::Second, _) => numbers(column.as_primitive::<TimestampSecondType>(), bytes),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers(column.as_primitive::<TimestampMicrosecondType>(), bytes);
        }
        other => unreachable!("no list has a column of the type {other}"),
    }
}

fn numbers<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, bytes: &mut Vec<u8>) {
    for value in column {
        begin(value.is_some(), bytes);
        if let Some(value) = value {
            bytes.extend_from_slice(value.to_byte_slice());
        }
    }
}

fn begin(has_value: bool, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(has_value));
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use chrono::DateTime;

    use super::*;
    use crate::rows::{ProfileOutcome, ProfileRows};
    use crate::wechat::Profile;

    fn rows(profiles: &[Profile<'_>]) -> RecordBatch {
        let mut rows = ProfileRows::new("wx1", "brand");
        for (position, profile) in (0..).zip(profiles) {
            let openid = format!("o{position}");
            rows.push(position, &openid, ProfileOutcome::Follows, DateTime::UNIX_EPOCH, Some(profile));
        }
        rows.finish()
    }

    fn digest(batches: &[RecordBatch]) -> String {
        let mut digest = RowDigest::new(Algorithm::default());
        for batch in batches {
            digest.add(batch);
        }
        digest.finish()
    }

    #[test]
    fn the_digest_tells_every_value_apart_and_not_how_the_rows_fall_into_batches() {
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        let base = || Profile {
            unionid: text("u"),
            remark: text(""),
            tagid_list: Some(vec![1]),
            subscribe_time: Some(1),
            ..Profile::default()
        };
        let lists = [
            vec![base(), base()],
            vec![base()],
            vec![base(), Profile { remark: None, ..base() }],
            vec![Profile { remark: None, ..base() }, base()],
            vec![base(), Profile { remark: text("\0"), ..base() }],
            vec![base(), Profile { tagid_list: Some(Vec::new()), ..base() }],
            vec![base(), Profile { tagid_list: None, ..base() }],
            vec![base(), Profile { tagid_list: Some(vec![1, 2]), ..base() }],
            vec![base(), Profile { subscribe_time: None, ..base() }],
            vec![base(), Profile { qr_scene: Some(0), ..base() }],
            vec![base(), Profile { qr_scene_str: text("u"), unionid: None, ..base() }],
        ];
        let digests: Vec<String> = lists.iter().map(|list| digest(&[rows(list)])).collect();
        for (place, one) in digests.iter().enumerate() {
            assert!(digests[place + 1..].iter().all(|other| other != one), "list {place}");
        }
        for list in &lists {
            let whole = rows(list);
            let parts = [whole.slice(0, 1), whole.slice(1, whole.num_rows() - 1)];
            assert_eq!(digest(&parts), digest(&[whole]));
        }
    }

    #[test]
    fn an_account_may_get_another_name() {
        let named = |account| {
            let mut rows = ProfileRows::new("wx1", account);
            rows.push(0, "o0", ProfileOutcome::Left, DateTime::UNIX_EPOCH, None);
            digest(&[rows.finish()])
        };
        assert_eq!(named("brand"), named("商店"));
    }
}
