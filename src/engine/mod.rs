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
mod account_context;
mod account_tokens;
mod budget;
mod check;
mod deliver;
pub(crate) mod keys;
mod plan;
mod progress;
mod proof;
mod replay;
mod run;
mod run_context;
mod run_options;
mod slots;
mod walk;

pub use check::{Check, CheckReport, Finding, Severity, check_connected};
pub use progress::{Progress, UnitProgress};
pub use replay::replay;
pub use run::{bind, check, run};
pub use run_options::RunOptions;
