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
//! A list that is read in batches rests on a decided walk of another one, its input. So its unit
//! begins when that of the input has ended, and its walk is complete before the first sink is open:
//!
//! ```text
//! unit ──► walk_run ──► begin_profiles: input, pin ──► batch_walk ──replies──► journal, in any order
//!                                                                              │ complete
//!                          sinks ◄── deliver/publication ◄── deliver/row_feed ◄─────┘ by position
//! ```
//!
//! | file | what it is |
//! | --- | --- |
//! | `run`, `replay`, `check/` | what `cli` calls: a run, a replay, `check --connect` |
//! | `run_options` | what the command line says about a run |
//! | `bind`, `limits`, `run_context` | the sinks of a run; its memory and deliveries; what its units share |
//! | `account_tokens` | the tokens of an account, which its lists share |
//! | `unit`, `unit_context` | one list of one account: its walks; what their steps need |
//! | `walk_run`, `open_batches` | one walk of a unit, and its report; a walk of batches with what it rests on |
//! | `begin_profiles` | how a walk of profiles begins |
//! | `list_source` | the source of a list, read by pages or in batches |
//! | `pinned_draft` | a walk that is to rest on one of another list |
//! | `list_walks`, `plan` | how the walks of a list belong together; which walks a unit delivers, resumes and begins |
//! | `walk/`, `batch_walk/`, `tag_walk/` | from WeChat to the journal, by pages, in batches, or tag after tag |
//! | `tags` | the list of tags, from a decided walk of their people |
//! | `deliver/` | from the journal to published sinks |
//! | `one_shot`, `end_one_shot` | the sinks that get one list after the other; their end of a run |
//! | `budget`, `slots` | the bytes that are under way at the same time, and the deliveries |
//! | `needs`, `threads` | the threads and open files of a run, counted before the first call; the engine's threads |
//! | `proof` | what proves that a list is complete |
//! | `refresh/` | from the list of profiles before to the new walk: rows that are copied |
//! | `changes/` | the walks of changes: which are begun and delivered, and how one begins |
//! | `difference/` | which followers only one of two lists has |
//! | `element` | the elements of a walk of changes, as its journal keeps them |
//! | `hash_runs`, `nameless` | many hashes in order; temporary files |
//! | `progress` | how far a run is; `cli` and `metrics` show it |
//! | `at_once` | work on several accounts at once |
//! | `keys` | the names of pipelines, sinks and lists in the state |

mod account_tokens;
mod at_once;
mod batch_walk;
mod begin_profiles;
mod bind;
mod budget;
mod changes;
mod check;
mod deliver;
mod difference;
mod element;
mod end_one_shot;
mod hash_runs;
pub(crate) mod keys;
mod limits;
mod list_source;
mod list_walks;
mod nameless;
mod needs;
mod one_shot;
mod open_batches;
mod pinned_draft;
mod plan;
mod progress;
mod proof;
mod refresh;
mod replay;
mod run;
mod run_context;
mod run_options;
mod slots;
mod tag_walk;
mod tags;
mod threads;
mod unit;
mod unit_context;
mod walk;
mod walk_run;

pub(crate) use at_once::at_once;
pub(crate) use batch_walk::cost_in_label;
pub use bind::bind;
pub(crate) use bind::{bind_one, load, takes_stdout};
pub use check::{Check, CheckReport, Finding, Severity, check_connected, reader_warnings};
pub(crate) use deliver::{Look, look};
pub use progress::{Progress, UnitProgress, WalkProgress};
pub use replay::replay;
pub use run::{check, run};
pub use run_options::RunOptions;
pub(crate) use threads::possible as possible_threads;
