//! Integration tests: one binary, a module for each part of the promise.

mod cli;
mod engine;
mod support;
