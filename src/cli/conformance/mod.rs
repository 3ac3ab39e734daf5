//! `fanout sinks test`: runs the conformance suite over a sink as a pipeline file configures it.
//! The registry binds the sink; the suite is in `fanout_sink::conformance`.

mod command;
mod subject;

pub(super) use command::{TestArguments, execute};
