//! Integration tests: one binary, a module for each subject. `support` has the fixture that they
//! share.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod agencies;
mod api_faults;
mod blacklist;
mod changes;
mod chaos;
mod check_connect;
mod cli;
mod crash_safety;
mod engine;
mod examples;
mod help;
mod inspection;
mod lists;
mod many_accounts;
mod metrics;
mod midnight;
mod new_sink;
mod nights;
mod path_keys;
mod people;
mod pipelines;
mod places;
mod power_cuts;
mod profiles;
mod prose;
mod published;
mod readers;
mod readme;
mod rooms;
mod schema;
mod secrecy;
mod shards;
mod signals;
mod sinks_test;
mod state;
mod stderr;
mod support;
mod tags;
mod told;
#[cfg(feature = "otel")]
mod traces;
mod transport;
mod wechatpy;
