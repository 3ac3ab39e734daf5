//! The walks of the list `changes`: which are begun and delivered, and how one begins.
//!
//! Before it: a [unit](super::unit) plans its walks, and begins one of them. Behind it: the
//! [batch walk](super::batch_walk) asks about the elements, and the list is
//! [delivered](super::deliver) as a [`ChangeList`](super::deliver::ChangeList).
//!
//! ```text
//! choose: what is owed, what is open, who is late, the delta of the date
//!  │
//!  ▼
//! begin: chain (the end, the people it carries) ──► difference ──► guards ──► draft: elements, pin
//!  │                                                                             │
//!  ▼                                                                             ▼
//! pins: what only earlier deltas rested on is let go            the first reply, or the end
//! ```

mod base;
mod begin;
mod chain;
mod choose;
mod draft;
mod pins;

pub(super) use begin::{begin_baseline, begin_changes};
pub(super) use choose::{check_begin, choose, replays};
pub(super) use pins::unpin;
