//! Sinks of files that write to object stores, against servers that are started here: moto, which
//! speaks S3, and Azurite, Microsoft's emulator of Azure Blob.
//!
//! Neither is the real store. moto checks no signatures, so the unit tests of `fanout-sink` look at
//! what is sent; a gate before moto fails on demand, as real stores do.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod calls;
mod crashes;
mod faults;
mod gate;
mod memory;
mod project;
mod servers;
mod sinks_test;
mod stores;
mod support;
