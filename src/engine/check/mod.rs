//! `fanout check --connect`: everything that can be tried before a run, and what was found.
//!
//! It goes the way of a run as far as that costs next to nothing, and publishes nothing.

mod account;
mod connected;
mod finding;
mod place;
mod room;

pub use connected::check_connected;
pub use finding::{Check, CheckReport, Finding, Severity};
