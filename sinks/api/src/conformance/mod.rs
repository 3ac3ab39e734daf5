//! The conformance suite: every line of the protocol of [`Sink`](crate::Sink), as a test that any
//! sink can run.
//!
//! Before it: a sink's own test, or `fanout sinks test`. Behind it: the sink under test, and a
//! reader of what it publishes.
//!
//! A test names how to open the sink in a folder and how to read what it has published: with
//! [`file_subject`] for a sink that writes files, [`subject`] for any other, or an implementation
//! of [`Subject`] for what two closures cannot express. Then it runs the suite:
//!
//! ```no_run
//! # async fn example(subject: impl fanout_sink::conformance::Subject) {
//! let summary = fanout_sink::conformance::run(&subject).await;
//! assert_eq!(summary.skipped, [], "every case applies to a sink that stages");
//! # }
//! ```
//!
//! Each case works in a temporary folder of its own (a sink of objects: in a prefix of its own
//! below its root, which is removed at the end of the case), on lists that are computed from a
//! seed. The same generator computes the rows that must be published; they are never read from a
//! sink. A crash is a sink that is left as it is: no destructor runs, as with `kill -9`, and the
//! next sink comes from a new factory. At the end of the case what has crashed ends, too (a program
//! sees the end of its input late), and every published list is read once more.
//!
//! Lines 1, 2, 3, 5 and 6 of the protocol bind the engine, and the suite keeps them as the engine
//! does. The other lines bind the sink, and each [`Case`] names the line that it tests. A case that
//! does not apply to a sink (a broker cannot take a row back) is skipped, and the [`Summary`] names
//! every skip.

mod aftermath;
mod cases;
mod closures;
mod file_subject;
mod guards;
mod list;
mod objects;
mod outcome;
mod rows;
mod run;
mod scene;
mod subject;
mod values;

pub use cases::{Case, cases};
pub use closures::subject;
pub use file_subject::file_subject;
pub use outcome::{Failure, Outcome, Skip, Summary};
pub use rows::{ReadError, Row, rows_of};
pub use run::run;
pub use subject::{ReadBack, Subject, Traces, files_under};
