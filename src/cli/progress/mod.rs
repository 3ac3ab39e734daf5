//! How far a run has come. On a terminal a bar for each of the largest accounts under way and, if there are more of them, a
//! line about all; otherwise a log line now and then.

mod overview;
mod view;
mod watch;

pub(super) use watch::show;
