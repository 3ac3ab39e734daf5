//! A page becomes a batch.
