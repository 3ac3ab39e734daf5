//! The Postgres sink against a real server, which the tests start: the contract, the table, and
//! what `check` finds.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod conformance;
mod find;
mod preflight;
mod server;
mod support;
mod table;
mod tls;
