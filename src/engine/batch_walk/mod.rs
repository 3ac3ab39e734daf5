//! The batch walk: one pass over the elements of a decided list, from the first batch that has no
//! reply to the last element that is settled.
//!
//! Before it: the [unit](super::unit) has chosen the walk, and [`source`](crate::source) makes its
//! calls. Behind it: every reply is in the journal, and the list is delivered from there.

mod again;
mod answer;
mod begin;
mod binding;
mod call;
mod conflicts;
mod doubt;
mod followers_input;
mod forecast;
mod input;
mod known;
mod limiter;
mod openids;
mod own_input;
mod patience;
mod queue;
mod settling;
mod table;
#[cfg(test)]
mod tests;
mod trust;
mod walk;

pub(crate) use answer::cost as cost_in_label;
pub(super) use begin::{NewBatches, begin_batches};
pub(super) use forecast::with_batches_left;
pub(super) use input::Input;
pub(super) use patience::{check_failed, give_up};
pub(super) use settling::{Hints, SettledBatch, Settling, asked};
pub(super) use walk::{BatchWalk, Completed};
