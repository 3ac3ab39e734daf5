//! Integration tests: one binary, a module for each part of the promise.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod chaos;
mod cli;
mod conformance;
mod cores;
mod crash;
mod doctor;
mod engine;
mod examples;
mod kafka;
mod lists;
mod metrics;
mod moods;
mod morning;
mod night;
mod pipelines;
mod readers;
mod readme;
mod scaffold;
mod rooms;
mod schema;
mod secrecy;
mod shards;
mod shell;
mod stderr;
mod stopping;
mod support;
#[cfg(feature = "otel")]
mod traces;
mod transport;
mod wechatpy;
