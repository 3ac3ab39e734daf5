//! The `command` sink: a program in any language, which receives the list on its stdin.
//!
//! With `protocol = "arrow"` the program receives a *hello*, an Arrow IPC stream and then *commit*
//! or *abort*, and answers in lines of JSON. With `protocol = "plain"` it reads its stdin to the
//! end, and ends. `sinks/README.md` describes both protocols for the author of a program; this
//! crate is fanout's side.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `options` | what the pipeline file says |
//! | `factory` | the entry: `type = "command"` |
//! | `sink` | the life of a list, whatever the protocol |
//! | `conversation` | `protocol = "arrow"`: who may say what, and when |
//! | `message` | the lines of JSON of that protocol |
//! | `phase` | the steps of a program, and their time limits |
//! | `plain` | `protocol = "plain"` |
//! | `process` | a running program: input, log, end |
//! | `program` | where a program is found |
//! | `environment` | its environment variables |
//! | `stream` | the Arrow IPC stream |
//! | `lines` | lines of bounded length |
//! | `log` | what a program writes to stderr |
//! | `redaction` | takes secrets out of what a program writes |
//! | `failure` | why a program is given up |

mod conversation;
mod environment;
mod factory;
mod failure;
mod lines;
mod log;
mod message;
mod options;
mod phase;
mod plain;
mod process;
mod program;
mod redaction;
mod sink;
mod stream;

pub use factory::CommandFactory;
pub use options::{CommandOptions, Format, ProgramGuarantee, Protocol, Variable};
pub use sink::CommandSink;
