//! The `kafka` sink: writes a list as Kafka records, either to files of record batches or, with the
//! feature `broker`, to a topic in transactions.
//!
//! Both destinations start with the same step: a row becomes a record (`message`), whose key
//! chooses its partition (`partitioner`). Files hold what a log segment holds,
//! [record batches of magic 2](https://kafka.apache.org/documentation/#recordbatch) one after the
//! other (`batch`), and are published by [`fanout_sink::files`]. The room `broker` writes to a
//! topic.

mod batch;
mod batch_files;
#[cfg(feature = "broker")]
mod broker;
mod factory;
mod message;
mod options;
mod partitioner;
mod sink;
#[cfg(test)]
mod tests;

pub use factory::KafkaFactory;
pub use options::{Compression, CreateTopic, KafkaOptions, KeyFormat, Property, Sasl, Tls, ValueFormat};
pub use partitioner::partition_of;
pub use sink::KafkaSink;
