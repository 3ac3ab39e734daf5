//! The `command` sink: a program in any language, which receives the list on its stdin.
//!
//! With `protocol = "arrow"` the program holds a conversation: it gets a *hello*, an Arrow IPC stream and then *commit* or
//! *abort*, and answers in lines of JSON. With `protocol = "plain"` it reads until the end of its input,
//! and ends. `sinks/README.md` describes both for the author of such a program; this crate is the other end.

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
pub use options::{CommandOptions, Format, Promise, Protocol, Variable};
pub use sink::CommandSink;
