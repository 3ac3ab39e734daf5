//! What a pipeline file may say under `[sinks.<name>.options]`.

mod columns;
mod compression;
mod connection;
mod destination;
mod kafka_options;
mod property;

pub use columns::{KeyFormat, ValueFormat};
pub use compression::Compression;
pub use connection::{CreateTopic, Sasl, Tls};
pub use kafka_options::KafkaOptions;
pub use property::Property;

pub(crate) use destination::{Destination, LARGEST_BATCH_BYTES};
