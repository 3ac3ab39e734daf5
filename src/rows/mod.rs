//! Pages become rows: the Arrow schema of each list, and its columns.
//!
//! Before it: [`wechat`](crate::wechat) has decoded a reply. Behind it: the engine hands the batches to the sinks.

mod followers;
mod schema;

pub use followers::{Rows, follower_schema};
pub use schema::row_schema;
