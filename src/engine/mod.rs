//! What runs concurrently, what waits for what, and in which order the sinks of a list publish it.
//! `keys`, `proof`, `plan` and `check/disk_space` run nothing: they name, prove, choose and compare
//! for the files that do.
//!
//! Before it: `cli` has read the command line and the pipeline file. Behind it: the lists are
//! published, and a [`RunReport`](crate::report::RunReport) has the verdict on each.
//!
//! ```text
//! run ──► bind: sinks, memory ──► run_context: what the units of a run share
//!  │
//!  ▼
//! unit: one list of one account (at most `limits.accounts` at once, longest first)
//!  │  plan: chooses the walks          journal
//!  ▼                                      ▲ the first reply: date, name and folder of the walk
//! walk_run ── walk/begin ─────────────────┤
//!  ▼                                      │ write, then the next request
//! walk/follow ── pages, leases ───────────┤
//!                                         ▼
//! deliver/fan_out (a thread): decode, count, digest ──► queues ──► sink_task (a thread each)
//!  │  DistinctCount
//!  ▼
//! deliver/publication: prepare all ──► decision ──► commit each ──► sinks that wait
//! ```
//!
//! The diagram shows the way of the data. The calls go another way: `run` starts each `unit`, which
//! starts each `walk_run`, which begins its walk and starts `publication`, which starts
//! `list_delivery`, which runs the walk and the fan-out and returns to `publication` when every
//! open sink has the list.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run`, `replay`, `check/` | what `cli` calls: a run, a replay, `check --connect` |
//! | `run_options` | what the command line says about a run |
//! | `bind`, `limits`, `run_context` | the sinks of a run; its memory and deliveries; what its units share |
//! | `account_tokens` | the tokens of an account, which its lists share |
//! | `unit`, `unit_context` | one list of one account: its walks; what their steps need |
//! | `walk_run` | one walk of a unit, and its report |
//! | `plan` | which walks a unit delivers, resumes and begins |
//! | `walk/` | from WeChat to the journal |
//! | `deliver/` | from the journal to published sinks |
//! | `budget`, `slots` | the bytes that are under way at the same time, and the deliveries |
//! | `needs`, `threads` | the threads and open files of a run, counted before the first call; the engine's threads |
//! | `proof` | what proves that a follower list is complete |
//! | `progress` | how far a run is; `cli` and `metrics` show it |
//! | `at_once` | work on several accounts at once |
//! | `keys` | the names of pipelines, sinks and lists in the state |

mod account_tokens;
mod at_once;
mod bind;
mod budget;
mod check;
mod deliver;
pub(crate) mod keys;
mod limits;
mod needs;
mod plan;
mod progress;
mod proof;
mod replay;
mod run;
mod run_context;
mod run_options;
mod slots;
mod threads;
mod unit;
mod unit_context;
mod walk;
mod walk_run;

pub(crate) use at_once::at_once;
pub use bind::bind;
pub(crate) use bind::bind_one;
pub use check::{Check, CheckReport, Finding, Severity, check_connected, reader_warnings};
pub(crate) use deliver::{Look, look};
pub use progress::{Progress, UnitProgress, WalkProgress};
pub use replay::replay;
pub use run::{check, run};
pub use run_options::RunOptions;
pub(crate) use threads::possible as possible_threads;
