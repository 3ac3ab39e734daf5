//! fanout reads the follower list of WeChat Official Accounts (获取用户列表) and delivers it, complete and exactly once,
//! to any number of sinks.
//!
//! The modules stand in the order of the data's way: the pipeline file is read ([`config`]), its sinks are bound
//! ([`registry`]), the pages of a list are fetched ([`source`]), written to disk ([`journal`]), turned into Arrow
//! ([`batch`]) and delivered ([`engine`]); what comes of it is told to Prometheus ([`metrics`]).

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
mod causes;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use registry::SinkRegistry;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
