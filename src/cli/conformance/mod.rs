//! `fanout sinks test`: whether a sink, as a pipeline file configures it, keeps the contract.

mod command;
mod subject;

pub(super) use command::{TestArguments, execute};
