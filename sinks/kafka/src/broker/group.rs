//! The checkpoint as Kafka stores it: the metadata of an offset that a consumer group committed.
//!
//! The group has no members. It exists for its one offset, which joins the producer's transaction.

use std::time::Duration;

use fanout_sink::{SinkContext, SinkError};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::checkpoint::{Checkpoint, FORMAT_VERSION, Owner};
use super::log::Log;

/// How long the group's coordinator may take to answer.
const COORDINATOR_TIMEOUT: Duration = Duration::from_secs(30);

/// The checkpoint is an offset of this partition.
const CHECKPOINT_PARTITION: i32 = 0;

/// Returns what a producer must name to commit offsets of the consumer's group.
pub(super) fn metadata(consumer: &BaseConsumer<Log>) -> Result<ConsumerGroupMetadata, SinkError> {
    consumer
        .group_metadata()
        .ok_or_else(|| SinkError::permanent("librdkafka has no consumer group, although one was named"))
}

/// Reads the checkpoint of the consumer's group in `topic`; `None` if the group has committed none.
///
/// # Errors
///
/// If the brokers do not answer, or the offset is not a checkpoint of the list of `context`.
pub(super) fn read(
    consumer: &BaseConsumer<Log>,
    topic: &str,
    context: &SinkContext,
) -> Result<Option<Checkpoint>, SinkError> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, CHECKPOINT_PARTITION);
    let committed = consumer.committed_offsets(asked, COORDINATOR_TIMEOUT).map_err(|error| {
        SinkError::temporary("cannot read the checkpoint of what was delivered").with_source(error).with_hint(
            "the brokers must answer, and allow `Read` on consumer groups that begin with `prefix`, and on the topic",
        )
    })?;
    let element = committed.find_partition(topic, CHECKPOINT_PARTITION);
    let Some(element) = element.filter(|element| matches!(element.offset(), Offset::Offset(_))) else {
        return Ok(None);
    };
    let foreign = |what: &str| {
        let message = format!("the offset that holds the checkpoint {what}");
        SinkError::permanent(message).with_hint("choose another `prefix`")
    };
    let checkpoint: Checkpoint = serde_json::from_str(element.metadata())
        .map_err(|error| foreign("was not committed by this version of fanout").with_source(error))?;
    if checkpoint.format != FORMAT_VERSION {
        return Err(foreign("was not committed by this version of fanout"));
    }
    if !checkpoint.owner.shares_the_list_of(&Owner::of(context)) {
        return Err(foreign("belongs to another account or list"));
    }
    Ok(Some(checkpoint))
}

/// Returns the offset to commit for `checkpoint`.
pub(super) fn offsets(topic: &str, checkpoint: &Checkpoint) -> Result<TopicPartitionList, SinkError> {
    let failed = |error: KafkaError| SinkError::permanent("cannot make the checkpoint").with_source(error);
    let metadata = serde_json::to_string(checkpoint).expect("texts and numbers are JSON");
    let mut offsets = TopicPartitionList::new();
    let mut element = offsets.add_partition(topic, CHECKPOINT_PARTITION);
    element.set_offset(Offset::Offset(checkpoint.transactions.into())).map_err(failed)?;
    element.set_metadata(metadata);
    Ok(offsets)
}
