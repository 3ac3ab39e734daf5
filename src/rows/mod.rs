//! Turns decoded replies into Arrow record batches, in the row schema of their list.
//!
//! Before it: [`wechat`](crate::wechat) has decoded a reply. Behind it: the engine hands the
//! batches to the sinks.

mod changes;
mod constant;
mod followers;
mod profiles;
mod schema;
mod tags;
mod texts;

pub use changes::{ChangeRow, ChangeRows, DEFAULT_CHANGE_COLUMNS, change_schema};
pub use followers::{DEFAULT_COLUMNS, Rows, follower_schema};
pub use profiles::{DEFAULT_PROFILE_COLUMNS, ProfileOutcome, ProfileRows, profile_schema};
pub use schema::{default_columns, row_schema};
pub use tags::{
    DEFAULT_TAG_COLUMNS, DEFAULT_TAG_MEMBER_COLUMNS, TagMemberRows, TagRow, tag_member_schema, tag_rows, tag_schema,
};
