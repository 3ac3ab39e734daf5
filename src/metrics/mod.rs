//! What a run tells [Prometheus](https://prometheus.io): on a port while it lasts, and in a file
//! when it has ended.
//!
//! Both have the [text
//! format](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format), which a
//! Prometheus server, the textfile collector of `node_exporter` and people read. It only reads what
//! the engine counts and reports: no part of a run depends on it.

mod exposition;
mod families;
mod server;

pub use exposition::Metrics;
