//! The `arrow` sink: all lists of a run as one Arrow IPC stream, on stdout or in a file.
//!
//! The engine's batches come in, one list after the other; each gets the column `dt`, the date of
//! its list, and goes into the stream of the run. It is for readers that are there only during the
//! run: the sink is one-shot ([`fanout_sink::Delivery::OneShot`]).
//!
//! A stream that ends early never looks complete, and only the stream of a run that has delivered
//! every list to the sink gets its end: readers of a file or a pipe do not see the exit code. Each
//! message of Arrow's format begins with the same four bytes, also the one that ends the stream.
//! They are written behind the message before, so a reader at the end of a stream that was cut has
//! read half of a message, and reports that.

mod compression;
mod dated;
mod factory;
mod options;
mod place;
mod sink;
mod stream;
mod streams;
#[cfg(test)]
mod tests;

pub use compression::Compression;
pub use factory::ArrowFactory;
pub use options::ArrowOptions;
pub use sink::ArrowSink;
