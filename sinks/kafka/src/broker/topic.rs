//! The topic: whether it exists, and creating it.

use std::time::{Duration, Instant};

use fanout_sink::{SinkContext, SinkError};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode;

use super::brokers::{self, RESPONSE_TIMEOUT};
use super::log::Log;
use super::{client, output};
use crate::options::{CreateTopic, KafkaOptions, ValueFormat};

/// How long a new topic may take until every broker knows it and its partitions have leaders.
const CREATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the number of partitions; `None` if there is no such topic.
fn partitions(
    consumer: &BaseConsumer<Log>,
    options: &KafkaOptions,
    context: &SinkContext,
) -> Result<Option<u32>, SinkError> {
    let topic = &options.topic;
    let metadata = brokers::metadata(consumer, options, context)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(found.partitions().len() as u32)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
            Err(SinkError::permanent(format!("the brokers do not let this user see the topic `{topic}`"))
                .with_hint("allow `Describe`, `Read` (for the checkpoint of what was delivered) and `Write` on it"))
        }
        Some(code) => Err(SinkError::temporary(format!("the topic `{topic}` cannot be used now")).with_source(code)),
    }
}

/// Finds out whether a list could be delivered: the configuration is valid, and the topic exists or
/// may be created. Changes nothing.
pub(crate) async fn check(options: &KafkaOptions, context: &SinkContext) -> Result<(), SinkError> {
    client::producer_config(options, context)?;
    let consumer = client::consumer(options, context)?;
    if let Some(create) = &options.create_topic {
        check_creation(create)?;
    }
    let policy = match (partitions(&consumer, options, context)?, &options.create_topic) {
        (Some(_), _) => {
            output::check_date(options, context)?;
            cleanup_policy(options, context).await
        }
        (None, Some(create)) => create.cleanup_policy.clone(),
        (None, None) => return Err(missing(options)),
    };
    if options.value == ValueFormat::None && policy.is_some_and(|policy| policy.contains("compact")) {
        let message =
            format!("records without a value delete their keys in `{}`, for this topic is compacted", options.topic);
        return Err(SinkError::option("value", message).with_hint("write a value, such as `value = [\"openid\"]`"));
    }
    Ok(())
}

fn missing(options: &KafkaOptions) -> SinkError {
    let message = format!("there is no topic `{}` at the brokers", options.topic);
    SinkError::option("topic", message)
        .with_hint("create it, or let this sink do so with `create_topic = { partitions = 3, replication = 3 }`")
}

fn check_creation(create: &CreateTopic) -> Result<(), SinkError> {
    const POLICIES: [&str; 4] = ["delete", "compact", "compact,delete", "delete,compact"];
    for (key, number) in [("partitions", create.partitions), ("replication", create.replication)] {
        if number == 0 || i32::try_from(number).is_err() {
            return Err(SinkError::option(
                format!("create_topic.{key}"),
                format!("`{key}` is {number}; at least 1 is expected"),
            ));
        }
    }
    match &create.cleanup_policy {
        Some(policy) if !POLICIES.contains(&policy.as_str()) => {
            let message = format!("`{policy}` is not one of `{}`", POLICIES[..3].join("`, `"));
            Err(SinkError::option("create_topic.cleanup_policy", message))
        }
        _ => Ok(()),
    }
}

/// Returns the topic's `cleanup.policy`; `None` if the brokers do not tell this user.
async fn cleanup_policy(options: &KafkaOptions, context: &SinkContext) -> Option<String> {
    let admin = admin(options, context).ok()?;
    let topic = ResourceSpecifier::Topic(&options.topic);
    let described =
        admin.describe_configs([&topic], &AdminOptions::new().request_timeout(Some(RESPONSE_TIMEOUT))).await.ok()?;
    let resource = described.into_iter().next()?.ok()?;
    resource.get("cleanup.policy")?.value.clone()
}

fn admin(options: &KafkaOptions, context: &SinkContext) -> Result<AdminClient<Log>, SinkError> {
    AdminClient::from_config_and_context(&client::connection_config(options, context)?, Log::default())
        .map_err(|error| SinkError::permanent("cannot make a client").with_source(error))
}

/// Creates the topic if it is missing, and returns its number of partitions.
pub(super) async fn open(
    consumer: &BaseConsumer<Log>,
    options: &KafkaOptions,
    context: &SinkContext,
) -> Result<u32, SinkError> {
    if let Some(partitions) = partitions(consumer, options, context)? {
        return Ok(partitions);
    }
    let topic = &options.topic;
    let create = options.create_topic.as_ref().ok_or_else(|| missing(options))?;
    check_creation(create)?;
    let replication = TopicReplication::Fixed(create.replication as i32);
    let mut made = NewTopic::new(topic, create.partitions as i32, replication);
    if let Some(policy) = &create.cleanup_policy {
        made = made.set("cleanup.policy", policy);
    }
    let failed = || SinkError::permanent(format!("cannot create the topic `{topic}`"));
    let timeouts =
        AdminOptions::new().request_timeout(Some(RESPONSE_TIMEOUT)).operation_timeout(Some(RESPONSE_TIMEOUT));
    let results = admin(options, context)?.create_topics([&made], &timeouts).await;
    for result in results.map_err(|error| failed().with_source(error))? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed().with_source(code)),
        }
    }
    let deadline = Instant::now() + CREATION_TIMEOUT;
    loop {
        match partitions(consumer, options, context) {
            Ok(Some(partitions)) if partitions > 0 => return Ok(partitions),
            // Not every broker knows the topic yet.
            _ if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
            Ok(_) => {
                return Err(SinkError::temporary(format!("the topic `{topic}` was created, and is not there yet")));
            }
            Err(error) => return Err(error),
        }
    }
}
