//! Integration tests: one binary, one module an area.

#![expect(clippy::unwrap_used, reason = "clippy takes the functions that tests share for code that is no test")]

mod cli;
mod secrecy;
mod support;
