//! The report of a run: the result of each list of each account.
//!
//! Before it: the [`engine`](crate::engine) fills it in. Behind it:
//! [`RunReports`](crate::journal::RunReports) records it, [`cli`](crate::cli) prints it,
//! [`metrics`](crate::metrics) reads it, and [`inspect`](crate::inspect) reads the recorded ones.
//!
//! | file | what it is |
//! | --- | --- |
//! | `run_report` | the report of a run, of a list, of a sink |
//! | `told` | what a list of changes or of tags tells, in numbers |

mod run_report;
mod told;

pub use run_report::{AccountReport, BatchesReport, FoundList, RunReport, SinkOutcome, SinkState, Verdict};
pub use told::{ChangesReport, TagsReport};
