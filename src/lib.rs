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
//!       └── next cursor ──┘                     the next call leaves when the page is on disk
//!
//!     end of the list ──► all sinks prepare ──► one decision on disk ──► each sink commits
//! ```
//!
//! After a crash, the next run reads the journal first and continues with the last cursor: the rest
//! of the path is the same.
//!
//! | module | its job | may import |
//! | --- | --- | --- |
//! | `wechat` | what WeChat says: lists, pages, cursors, error codes | nothing of ours |
//! | `causes` | an error and its causes on one line | nothing of ours |
//! | `backoff` | the pause before another try | nothing of ours |
//! | `config` | the pipeline file, checked as a whole | `wechat` |
//! | `registry` | `type` in the file → a sink | `config`, `wechat` |
//! | `source` | calls: HTTP, tokens, retries, quota | `backoff`, `causes`, `config`, `wechat` |
//! | `journal` | the state on disk: pages, decisions, commits, locks | `config`, `wechat` |
//! | `rows` | pages → Arrow, with the row schema of each list | `wechat` |
//! | `error` | why a run failed, and its exit code | `causes`, `config`, `journal`, `source` |
//! | `report` | the result of a run, as it is recorded and printed | `causes`, `config`, `error`, `journal`, `wechat` |
//! | `engine` | what runs concurrently, and in which order the sinks of a list publish | `backoff`, `causes`, `config`, `error`, `journal`, `registry`, `report`, `rows`, `source`, `wechat` |
//! | `inspect` | status, history, prune: reads the state, runs nothing | `causes`, `config`, `engine`, `error`, `journal`, `report`, `wechat` |
//! | `metrics` | what a run tells Prometheus | `config`, `engine`, `report`, `source` |
//! | `cli` | the command line; the only module that prints | `causes`, `config`, `engine`, `error`, `inspect`, `journal`, `metrics`, `registry`, `report`, `rows`, `simulator`, `source`, `wechat` |
//! | `simulator` | a WeChat API on loopback for the demo, the tests and the benches | nothing of ours |
//!
//! Every module may import the contract of sinks, [`fanout_sink`]. `journal` takes one constant
//! from `config`, and `inspect` takes from `engine` only the names that the state uses. A sink is a
//! crate in `sinks/` and depends on `fanout-sink`, not on this crate. A test (`tests/it/rooms.rs`)
//! checks this table, and that the imports of the modules have no circle.

pub mod cli;
pub mod config;
pub mod registry;
pub mod wechat;
pub mod source;
pub mod journal;
pub mod rows;
pub mod engine;
pub mod inspect;
pub mod report;
pub mod metrics;
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
