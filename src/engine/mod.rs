//! Everything concurrent, and nothing else: what runs beside what, what waits for what, and in which order the sinks of
//! a list publish it.
//!
//! ```text
//! run ──► account (a few at once, longest first)
//!           │ plan: which walk        journal
//!           ▼                            ▲ write, then the next request
//!         walking ── pages, leases ──────┤
//!                                        ▼
//!         delivery (a thread): decode, count, digest ──► bounded queues ──► sink_task (a thread each)
//!           │ measure
//!           ▼
//!         publication: prepare all ──► decision ──► commit each ──► those that wait for a complete list
//! ```

mod account;
mod budget;
mod census;
mod delivery;
mod doctor;
mod forecast;
mod history;
mod plan;
mod progress;
mod prune;
mod proof;
mod publication;
mod replay;
mod report;
mod run;
mod shared;
mod sink_task;
mod slots;
mod stage;
mod status;
mod walking;

pub use doctor::{Check, Diagnosis, Finding, Severity, diagnose};
pub use history::{History, PastRun, history, past_runs};
pub use plan::Selection;
pub use progress::{AccountProgress, Progress};
pub use prune::{AccountPruning, Pruning, prune};
pub use replay::replay;
pub use report::{AccountReport, RunReport, SinkOutcome, SinkState, Verdict};
pub use run::{bind, check, run};
pub use status::{AccountStatus, ListStatus, Status, WalkStatus, status};
