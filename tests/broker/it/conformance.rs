//! The conformance suite for a topic.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use fanout_sink::conformance::{ReadBack, ReadError, Subject, run};
use fanout_sink::{ConfiguredSink, SinkContext};
use fanout_sink_kafka::{KafkaFactory, KafkaOptions};

use crate::support::{Seen, broker, keep_everything_in, read_committed};

#[path = "../../../sinks/kafka/tests/any_columns/mod.rs"]
mod any_columns;
use any_columns::AnyColumns;

/// Each folder of the suite is a topic of one partition, whose order is that of the list.
struct Topic;

fn topic_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap().to_str().unwrap();
    format!("conformance{}", name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"))
}

#[async_trait]
impl Subject for Topic {
    fn sink(&self, directory: &Path) -> ConfiguredSink {
        let topic = topic_of(directory);
        keep_everything_in(&topic, 1);
        let options = KafkaOptions { prefix: topic.clone(), ..KafkaOptions::brokers(topic, [broker()]) };
        ConfiguredSink::new(AnyColumns(KafkaFactory), options)
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError> {
        let mut seen = read_committed(&broker(), &topic_of(directory), 1);
        // A walk's name is unique within its account and list only.
        let app_id = format!("\"app_id\":\"{}\"", context.app_id);
        let is_of_account = |record: &Seen| {
            let key = std::str::from_utf8(&record.key).unwrap();
            key.contains(&app_id) || !key.contains("\"app_id\":")
        };
        let is_of_walk = |headers: &BTreeMap<String, String>| {
            headers["walk"] == context.walk.to_string() && headers["list"] == context.list
        };
        seen.retain(|record| is_of_walk(&record.headers) && is_of_account(record));
        if seen.is_empty() {
            return Ok(None);
        }
        let rows =
            seen.iter().map(|record| Ok(serde_json::from_slice(&record.value)?)).collect::<Result<_, ReadError>>()?;
        let whole = |Seen { key, value, .. }: &Seen| [&key[..], b"\n", value].concat();
        let outputs: BTreeMap<_, _> =
            seen.iter().enumerate().map(|(place, record)| (format!("{place:06}"), whole(record))).collect();
        Ok(Some(ReadBack { rows, outputs }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_conforms() {
    let summary = run(&Topic).await;
    for skip in &summary.skipped {
        // What a topic has is not removed: it only appends, and never says that a list is gone.
        let reasons = ["does not stage", "no roots", "cannot provoke a temporary error", "cannot remove"];
        assert!(reasons.iter().any(|reason| skip.reason.contains(reason)), "{skip:?}");
    }
}
