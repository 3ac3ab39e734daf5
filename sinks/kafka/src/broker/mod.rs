//! Produces messages to a topic in transactions. Each transaction carries a checkpoint of what it
//! delivered.
//!
//! ```text
//! open     init_transactions: the brokers abort what an earlier attempt left uncommitted, and fence it;
//!          then the checkpoint is read: how much of the list is in the topic?
//! write    a transaction begins; records go to librdkafka's queue, and a full queue makes `write` wait
//! prepare  the brokers have acknowledged all records; `read_committed` readers see none of them
//! commit   the checkpoint joins the transaction and the transaction commits: both are there, or neither
//! ```
//!
//! A crash before the commit leaves an open transaction, which the next `open` aborts. A crash
//! after the commit leaves the checkpoint, by which the next attempt sees that nothing is left to
//! do.
//! Transactions: <https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging>.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `output` | the life of a list: transactions, prepare, commit, abort |
//! | `check` | whether a list could be delivered |
//! | `checkpoint` | what a checkpoint says, and what follows from it |
//! | `group` | the checkpoint as an offset of a consumer group |
//! | `find` | looks whether a committed list is still there |
//! | `deadline` | whether a transaction will end before the brokers abort it |
//! | `producer` | librdkafka's transactional producer, and its errors |
//! | `brokers` | whether the brokers answer, and their reason if they refuse |
//! | `topic` | whether the topic exists, and creating it |
//! | `client` | what librdkafka is configured with |
//! | `log` | what librdkafka logs |

mod brokers;
mod check;
mod checkpoint;
mod client;
mod deadline;
mod find;
mod group;
mod log;
mod output;
mod producer;
mod topic;

pub(crate) use check::check;
pub(crate) use find::find;
pub(crate) use output::TopicOutput;
