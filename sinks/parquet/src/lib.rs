//! The parquet sink.
