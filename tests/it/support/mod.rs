//! What the integration tests share: the fixture [`Project`], and what reads back what a run has
//! left.

mod builder;
pub(crate) mod four_sinks;
mod in_process;
pub(crate) mod journal;
mod machine;
pub(crate) mod outputs;
pub(crate) mod process;
mod project;
mod python;
mod random;
pub(crate) mod recorder;
mod snapshot;

pub(crate) use builder::noon;
pub(crate) use in_process::ONE_SINK;
pub(crate) use machine::{say, variable};
pub(crate) use process::{
    Ended, SimulatorProcess, fanout, own_peak_kib, peak_kib, signal, wait_until, while_halted, wrapped,
};
pub(crate) use project::{Project, TWO_ACCOUNTS};
pub(crate) use python::{python_with, run_script};
pub(crate) use random::{Random, seed};
pub(crate) use snapshot::{assert_shows, shown};
