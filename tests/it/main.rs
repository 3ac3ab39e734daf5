//! Integration tests: one binary, a module for each part of the promise.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod cli;
mod conformance;
mod crash;
mod engine;
mod examples;
mod pipelines;
mod readers;
mod readme;
mod scaffold;
mod schema;
mod secrecy;
mod support;
mod transport;
