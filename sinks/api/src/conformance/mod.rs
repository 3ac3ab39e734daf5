//! The conformance suite: every line of the protocol of [`Sink`](crate::Sink), as a test that any sink can run.
//!
//! The author of a sink says how to open it in a folder, and what its readers see there ([`subject`], [`file_subject`] for
//! a sink that writes files, or [`Subject`] for what these cannot say), and runs the suite in a test of the sink's own:
//!
//! ```no_run
//! # async fn example(subject: impl fanout_sink::conformance::Subject) {
//! let summary = fanout_sink::conformance::run(&subject).await;
//! assert_eq!(summary.skipped, [], "every case applies to a sink that stages");
//! # }
//! ```
//!
//! Each case works in a temporary folder of its own, on lists that are computed from a seed; what must be published is
//! computed by the same generator, never read from a sink. A crash is a sink that is forgotten: no destructor runs, as
//! with `kill -9`, and the next sink comes from a new factory.
//!
//! Lines 1, 2, 3, 5 and 6 of the protocol are promises of the engine to the sink: the suite keeps them as the engine
//! does. The others are the sink's, and each [`Case`] names the line that it holds the sink to. What a sink cannot be
//! held to (a broker cannot take a row back) is skipped, and every skip is named in the [`Summary`].

mod cases;
mod closures;
mod file_subject;
mod list;
mod outcome;
mod rows;
mod run;
mod scene;
mod subject;

pub use cases::{Case, cases};
pub use closures::subject;
pub use file_subject::file_subject;
pub use outcome::{Failure, Outcome, Skip, Summary};
pub use rows::{ReadError, Row, rows_of};
pub use run::run;
pub use subject::{ReadBack, Subject, Traces, files_under};
