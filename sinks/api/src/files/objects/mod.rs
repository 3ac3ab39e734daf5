//! Objects in a bucket of S3 or of a store that speaks S3, or in a container of Azure Blob.
//!
//! Before it: the storage of a sink's files, which decides what is written when. Behind it: the
//! network, through `object_store`.
//!
//! ```text
//! url, options ──► address ──► store ──► upload      what is called, where, with which keys
//!                                │
//!                                ▼
//!                             client ──► error       every answer of the store passes here
//! ```
//!
//! Everything here blocks: the calls run on one small runtime of this process, and the caller's
//! thread waits. URL and options are read without the feature `object-store`, too, so that a
//! program without it can say what it lacks. Nothing lists, and nothing is deleted in bulk: not
//! every store has these calls.

#[cfg(feature = "object-store")]
mod address;
#[cfg(feature = "object-store")]
mod client;
#[cfg(feature = "object-store")]
mod error;
#[cfg(feature = "object-store")]
mod metadata;
mod options;
#[cfg(feature = "object-store")]
mod probe;
#[cfg(feature = "object-store")]
mod store;
#[cfg(test)]
#[cfg(feature = "object-store")]
mod tests;
#[cfg(feature = "object-store")]
mod upload;
mod url;

pub use options::{Addressing, StoreOptions};
#[cfg(feature = "object-store")]
pub use probe::Probe;
#[cfg(feature = "object-store")]
pub use store::{Head, Put, Store, Version};
#[cfg(feature = "object-store")]
pub use upload::{PART_BYTES, UPLOAD_BYTES, Upload};
pub use url::{ObjectUrl, Scheme};
