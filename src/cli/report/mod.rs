//! `fanout report`: one page about all accounts and runs of a pipeline file, for whoever looks in the morning.
//!
//! The page is a function of the reports of the runs: the same reports make the same page.

mod chart;
mod command;
mod gather;
mod page;
mod rows;

pub(super) use command::{ReportArguments, execute};
