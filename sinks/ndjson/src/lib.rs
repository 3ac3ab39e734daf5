//! The ndjson sink.
