//! The kafka sink against brokers: `noida`, a broker in this process, and librdkafka's mock
//! cluster, which fails on demand.
//!
//! Neither is Apache Kafka. noida was compared with it elsewhere: its transactions, isolation and
//! fencing are right. What it keeps after it is killed itself is not, so no test kills it. The mock
//! cluster has no isolation.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod checkpoints;
mod conformance;
mod connection;
mod crashes;
mod faults;
mod records;
mod support;
