//! The rules of the list `changes`: who came and who left between two complete lists.
//!
//! Everything here is a function of its arguments: no network, no disk, no clock. It sees the
//! facts about a person, not the person's OpenID.
//!
//! A **delta** compares two lists: its base and the newer one. The base is the list at which the
//! delta before ended, and the people whom that delta carried: the newer list lacked them, and they
//! had not left. The deltas of an account are a **chain**, which begins with a **baseline**.
//!
//! ```text
//! next: which lists are compared ──► the engine compares them (engine::difference)
//!                                      │ elements: controls, joined, missing, held
//!        guards: is this plausible? ◄──┤
//!                                      ▼
//!                     the engine asks WeChat about each element
//!                                      │ answers
//!                                      ▼
//!                     judge: the row of each element, and whom the next delta carries
//! ```
//!
//! Before it: the decided walks of followers. Behind it: the engine journals the elements and the
//! answers, and delivers the rows.

mod answered;
mod change;
mod element;
mod guards;
mod judge;
mod next;
#[cfg(test)]
mod tests;

pub use answered::Answered;
pub use change::Change;
pub use element::{Seen, Side};
pub use guards::{Implausible, TotalGap, check_prefix, check_share, total_gap};
pub use judge::{Delta, Judgement, Told};
pub use next::{ChainEnd, FollowersWalk, Step, next};
