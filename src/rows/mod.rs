//! Pages become rows: the Arrow schema of each list, and its columns.
//!
//! Before it: [`wechat`](crate::wechat) has decoded a reply. Behind it: the engine hands the batches to the sinks.

mod followers;

pub use followers::{Rows, follower_schema};
