//! The walk: one pass over a page list, from the last page in the journal to the true end.
//!
//! Before it: the [unit](super::unit) has chosen the walk, and [`source`](crate::source) makes its
//! calls. Behind it: each page is in the journal, and goes on to the [fan-out](super::deliver).

mod begin;
mod end;
mod follow;
mod forecast;
mod group_sync;

pub(super) use begin::begin;
pub(super) use end::{Goal, is_far_too_short};
pub(super) use follow::{Stopped, Walk};
pub(super) use forecast::{Earlier, Forecast};
pub(super) use group_sync::GroupSync;
