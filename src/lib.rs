//! Reads the follower list of WeChat Official Accounts (获取用户列表) and delivers it, complete and
//! exactly once, to any number of sinks.
//!
//! ```text
//!   cli ──► config ──► registry                 what to read, and which sinks it goes to
//!    │
//!    ▼
//!   engine, for each account and list:
//!
//!     source ──page──► journal ──page──► wechat::decode ──► rows ──Batch──► Sink, Sink, …
//!       ▲                 │                                                 (a thread each)
//!       └── next cursor ──┘                     the next call leaves when the page is in the file
//!
//!     end of the list ──► staged sinks prepare ──► one decision on disk ──► each of them commits
//!                                                                                    │
//!                                               then each waiting sink gets the list ◄┘
//! ```
//!
//! A page is written to the file of the journal before the next call leaves. It is not synced at
//! that moment: a sync of several pages follows while the walk continues. The end of the list and
//! the decision are synced before anything is published.
//!
//! After a crash, the next run reads the journal first and continues with the last cursor: the rest
//! of the path is the same.
//!
//! The words of the code:
//!
//! - **walk**: one pass over a list, from the empty cursor to its end. Its pages are one journal.
//! - **logical date `dt`**: the day in Beijing that a list stands for, by default the day on which
//!   the first reply of its walk arrives. A walk without a reply does not exist. A walk that is
//!   resumed a day later keeps its date.
//! - **decided**: said of a walk whose list is fixed by `decision.json`. Nothing of an undecided
//!   walk is published.
//! - **staged sink**: it receives batches before the decision, prepares, and publishes at commit.
//! - **waiting sink**: it receives the list from the journal, after every required staged sink has
//!   committed. It cannot take back what it has sent, or its `deliver` is `when_complete`.
//! - **owed**: said of a decided walk that a sink of its decision has not published. The pipeline's
//!   next run delivers it, unless a newer walk of the same date is decided.
//! - **true end, accepted end**: an end is true if the distinct followers reach WeChat's `total`.
//!   If they do not, the end is read once more. It is then accepted all the same if no more than
//!   `source.max_shortfall_percent` are missing. The journal records the accepted end.
//! - **classic token**: an access token from `/cgi-bin/token`. A request for one invalidates the
//!   token before it, so one process owns it, under a lock. Other tokens need no lock.
//!
//! | module | its job | may import |
//! | --- | --- | --- |
//! | `wechat` | what WeChat says: lists, pages, cursors, error codes | nothing of ours |
//! | `batches` | which batches are asked for, and what came of each element | nothing of ours |
//! | `changes` | which lists are compared, and what is told of who came and who left | nothing of ours |
//! | `causes` | an error and its causes on one line | nothing of ours |
//! | `backoff` | the pause before another try | nothing of ours |
//! | `clock` | the time: the system's, or the one that a test sets | nothing of ours |
//! | `config` | the pipeline file, checked as a whole | `clock`, `wechat` |
//! | `registry` | `type` in the file → a sink | `config`, `wechat` |
//! | `source` | calls: HTTP, tokens, retries, quota | `backoff`, `causes`, `clock`, `config`, `wechat` |
//! | `journal` | the state on disk: pages, decisions, commits, locks | `config`, `wechat` |
//! | `rows` | pages → Arrow, with the row schema of each list | `wechat` |
//! | `error` | why a run failed, and its exit code | `causes`, `changes`, `config`, `journal`, `source`, `wechat` |
//! | `report` | the result of a run, as it is recorded and printed | `causes`, `config`, `error`, `journal`, `wechat` |
//! | `engine` | what runs concurrently, and in which order the sinks of a list publish | `backoff`, `batches`, `causes`, `changes`, `config`, `error`, `journal`, `registry`, `report`, `rows`, `source`, `wechat` |
//! | `inspect` | status, history, prune: reads the state, runs nothing | `batches`, `causes`, `config`, `engine`, `error`, `journal`, `registry`, `report`, `wechat` |
//! | `metrics` | what a run tells Prometheus | `config`, `engine`, `report`, `source`, `wechat` |
//! | `cli` | the command line; the only module that prints | `causes`, `config`, `engine`, `error`, `inspect`, `journal`, `metrics`, `registry`, `report`, `rows`, `simulator`, `source`, `wechat` |
//! | `simulator` | a WeChat API on loopback for the demo, the tests and the benches | `clock` |
//!
//! Every module may import the contract of sinks, [`fanout_sink`]. `journal` takes one constant
//! from `config`; `inspect` takes from `engine` the names that the state uses, the cost of a batch
//! that stands beside a reply, and the look at a sink. A sink is a
//! crate in `sinks/` and depends on `fanout-sink`, not on this crate. A test (`tests/it/rooms.rs`)
//! checks this table, and that the imports of the modules have no circle.

pub mod cli;
pub mod config;
pub mod registry;
pub mod wechat;
pub mod batches;
pub mod changes;
pub mod source;
pub mod journal;
pub mod rows;
pub mod engine;
pub mod inspect;
pub mod report;
pub mod metrics;
pub mod clock;
pub mod error;
mod backoff;
mod causes;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use registry::SinkRegistry;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
