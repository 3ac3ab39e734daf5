//! Copies rows from the list of profiles before into a new walk, so that only a part of the
//! followers is asked for (`profiles.refresh_days`).
//!
//! ```text
//! base (the list before) ──► rows that follow ──┐
//!                                               ├─ join by OpenID ──► matches by position
//! input (the followers now) ──► OpenIDs ────────┘                         │
//!                                                        ages: too old? ──┤
//!                      canary: are the unionids the same? no: ask for all ┤
//!                                                                         ▼
//!                        copying: the rows, as they came, into the draft of the walk
//! ```
//!
//! A row is copied, never referred to: the base may be pruned as soon as the walk has begun. Until
//! then it stays without a pin, because only the holder of the list's lock prunes.
//!
//! | row of the base | what comes of it |
//! | --- | --- |
//! | another outcome than `follows` | its follower is asked for |
//! | its follower is no longer in the input | nothing |
//! | among the oldest 1/n, n = `refresh_days` | asked for |
//! | n days old or older | asked for |
//! | any other | copied, with the time at which it was fetched |
//!
//! Before it: [`open_batches`](super::open_batches) begins a walk. Behind it: the
//! [batch walk](super::batch_walk) asks for everybody else; the delivery puts the copied rows
//! between its rows.

mod ages;
mod base;
mod canary;
mod copying;
mod join;
mod partitions;
mod place;

pub(super) use canary::{Binding, look};
pub(super) use copying::Copying;
