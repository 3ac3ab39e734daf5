//! Turns decoded pages into Arrow record batches, in the row schema of their list.
//!
//! Before it: [`wechat`](crate::wechat) has decoded a page. Behind it: the engine hands the batches
//! to the sinks.

mod followers;
mod schema;

pub use followers::{DEFAULT_COLUMNS, Rows, follower_schema};
pub use schema::{default_columns, row_schema};
