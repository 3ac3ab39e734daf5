//! What the state on disk says: how accounts stand, what earlier runs came to, what can be removed. It runs nothing.

mod history;
mod prune;
mod status;

pub use history::{History, PastRun, history, past_runs};
pub use prune::{AccountPruning, Pruning, prune};
pub use status::{AccountStatus, LastStatus, Status, WalkStatus, status};
