//! The contract between fanout's engine and its sinks: the only part of fanout that a sink depends
//! on, whether it is built in or your own. The engine stands before it on the data's way, a
//! destination (files, a topic, a program) behind the sink.
//!
//! The `type` in a pipeline file names a [`SinkFactory`]. It opens one [`Sink`] for each list of a
//! run. The engine then offers the sink [`Batch`]es (Arrow record batches in order), asks it to
//! *prepare* the complete [`Snapshot`], and lets it *commit*. The documentation of [`Sink`] is the
//! protocol, line by line; the conformance suite (feature `conformance`) tests an implementation
//! against each line.
//!
//! The smallest sink is one asynchronous closure:
//!
//! ```
//! use fanout_sink::{Batch, ClosureFactory, SinkError};
//!
//! let factory = ClosureFactory::new("count", |batch: Batch| async move {
//!     tracing::info!(rows = batch.records().num_rows(), "a batch arrived");
//!     Ok::<(), SinkError>(())
//! });
//! # let _ = factory;
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `files` | `files`: layout, staging, manifest and publishing for sinks that write files |
//! | `object-store` | roots such as `s3://bucket/prefix` for those sinks |
//! | `conformance` | `conformance`: the suite that a sink's own tests run |
//! | `ipc` | `arrow::ipc`: Arrow's stream of batches, as bytes |
//! | `ipc-compression` | the compression of that stream |

pub use async_trait::async_trait;
pub use chrono;
pub use schemars;

pub mod arrow;
mod batch;
mod byte_size;
mod cardinality;
mod closure;
mod configured;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod delivery;
mod error;
#[cfg(feature = "files")]
pub mod files;
mod found;
mod hexadecimal;
mod local_path;
mod root;
mod secret;
mod sink;
mod snapshot;
mod walk_id;
mod warning;

pub use batch::Batch;
pub use byte_size::{ByteSize, ByteSizeError};
pub use cardinality::{CARDINALITY, LOW_CARDINALITY};
pub use closure::{ClosureFactory, ClosureSink, NoOptions};
pub use configured::ConfiguredSink;
pub use context::SinkContext;
pub use delivery::{Delivery, Guarantee};
pub use error::{SinkError, SinkErrorKind};
pub use found::Found;
pub use hexadecimal::hexadecimal;
pub use local_path::{foreign_path, is_invisible, local_path, parse_local_path};
pub use root::Root;
pub use secret::{Secret, SecretReference, with_secret_resolver};
pub use sink::{Output, Sink, SinkFactory, SinkReport};
pub use snapshot::Snapshot;
pub use walk_id::{WalkId, WalkIdError};
pub use warning::SinkWarning;

/// Compiles the examples of the document for authors of sinks.
#[cfg(all(doctest, feature = "conformance"))]
#[doc = include_str!("../../README.md")]
struct Readme;
