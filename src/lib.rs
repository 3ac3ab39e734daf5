//! Reads the follower list of WeChat Official Accounts (获取用户列表) and delivers it, complete and exactly once, to any
//! number of sinks.
//!
//! ```text
//!   cli ──► config ──► registry                    what to read, and where it goes
//!    │
//!    ▼
//!   engine, for each account and list:
//!
//!     source ──page──► journal ──page──► wechat::decode ──► rows ──Batch──► Sink, Sink, …   (a thread each)
//!       ▲                 │
//!       └── next cursor ──┘                        the next call leaves when the page is on disk
//!
//!     end of the list ──► all sinks prepare ──► one decision on disk ──► each sink commits
//! ```
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
//! | `error` | why a run did not reach its end, and the exit code | `causes`, `config`, `journal`, `source` |
//! | `report` | what came of a run, as it is recorded and printed | `causes`, `config`, `error`, `journal`, `wechat` |
//! | `engine` | what runs beside what, and in which order lists are published | `backoff`, `causes`, `config`, `error`, `journal`, `registry`, `report`, `rows`, `source`, `wechat` |
//! | `inspect` | status, history, prune: reads the state, runs nothing | `causes`, `config`, `engine`, `error`, `journal`, `report`, `wechat` |
//! | `metrics` | what a run tells Prometheus | `config`, `engine`, `report`, `source` |
//! | `cli` | the command line; the only module that prints | `causes`, `config`, `engine`, `error`, `inspect`, `journal`, `metrics`, `registry`, `report`, `rows`, `simulator`, `source`, `wechat` |
//! | `simulator` | a WeChat API on loopback for the demo, the tests and the benches | nothing of ours |
//!
//! Every module may use the contract, [`fanout_sink`]. Of `config` the journal takes one constant, and of `engine`
//! `inspect` takes the names of what lies in the state. A sink is a crate in `sinks/` and depends on `fanout-sink` alone.
//! After a crash the same way is taken again, from the journal. A test (`tests/it/rooms.rs`) holds this table, and that no
//! module imports another one in a circle.

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
