//! `fanout report`: one HTML page about all accounts and runs of a pipeline file.
//!
//! The page is a function of the reports of the runs: the same reports make the same page.
//! `inspect` reads them, `gather` collects what is shown, `rows` and `chart` prepare it, `page`
//! fills the template, and `command` writes the file.

mod chart;
mod command;
mod gather;
mod page;
mod rows;

pub(super) use command::{ReportArguments, execute};
