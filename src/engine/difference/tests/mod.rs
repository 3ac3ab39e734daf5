//! The comparison of lists, against sets of strings.
//!
//! Before it: a test makes two lists. Behind it: nothing; these are tests.

mod lists;
mod properties;
