//! Integration tests: one binary, a module for each area.

mod pipelines;
mod readers;
mod readme;
