//! The progress of a run on stderr, while `engine` updates it.
//!
//! On a terminal: a bar for each of the largest accounts under way and, if there are more of them,
//! a line about all. Otherwise: a log line every ten seconds.

mod overview;
mod view;
mod watch;

pub(super) use watch::show;
