//! Integration tests: one binary, a module for each area.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod pipelines;
mod readers;
mod readme;
