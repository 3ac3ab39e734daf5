//! Everything concurrent, and nothing else.
