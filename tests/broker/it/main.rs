//! The kafka sink against brokers: `noida`, a broker in this process, and the mock cluster of librdkafka, which fails on
//! demand. Neither is Apache Kafka: the first is held against it elsewhere (transactions, isolation, fencing are right;
//! what it keeps when *it* is killed is not, so it never is), the second knows no isolation.

#![expect(clippy::unwrap_used, reason = "the functions beside a test may panic, as the test itself may")]

mod conformance;
mod delivery;
mod faults;
mod kills;
mod marks;
mod support;
