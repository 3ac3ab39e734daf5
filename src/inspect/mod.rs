//! Reads the state on disk for `fanout status`, `history`, `report` and `prune`. It runs nothing.
//!
//! Before it: the [`journal`](crate::journal), with walks, records and the reports of runs. Behind
//! it: [`cli`](crate::cli) prints what these functions return.

mod forget;
mod history;
mod look;
mod prune;
mod status;

pub use forget::{Forget, forget};
pub use history::{History, PastRun, history, past_runs};
pub use look::SinkLook;
pub use prune::{AccountPruning, Pruning, prune};
pub use status::{AccountStatus, LastStatus, Status, WalkStatus, status};
