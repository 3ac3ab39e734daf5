//! The walk: one pass over a page list, from where the journal stands to the true end of the list.
//!
//! Before it: the account has chosen the walk, and [`source`](crate::source) makes its calls. Behind it: each page is in
//! the journal, and goes on to the [fan-out](super::deliver).

mod follow;
mod forecast;
mod group_sync;

pub(super) use follow::{Stopped, Walk};
