//! The records of a whole list: another client reads every row once, in the partition that Kafka's
//! own clients would have chosen.

use std::process::Command;
use std::time::Instant;

use fanout_sink_kafka::partition_of;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{APP_ID, PARTITIONS, Project, assert_holds, broker, file, number, read_committed, say, variable};

/// The script's exit code if a Python module is missing.
const NOT_INSTALLED: i32 = 3;

#[test]
fn another_client_reads_each_row_once_and_in_its_partition() {
    let topic = "another-client";
    let followers = number("BROKER_FOLLOWERS", 100_000);
    let project = Project::creating(topic, followers, "");
    let began = Instant::now();
    project.finish();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "broker: {followers} followers delivered in {seconds:.1} s, {:.0} a second",
        followers as f64 / seconds
    ));

    std::fs::write(project.path("truth"), project.truth().join("\n") + "\n").unwrap();
    let python = variable("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(file("read_topic.py")).args([&broker(), topic, APP_ID]).arg(project.path("truth"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NOT_INSTALLED) {
        assert!(variable("FANOUT_REQUIRE_ALL").is_none(), "kafka-python is not installed ({said})");
        say(
            "skipped: kafka-python was not asked to read the topic; pip install kafka-python lz4 python-snappy zstandard",
        );
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    say(&format!("broker: {}", said.trim()));
}

#[test]
fn every_codec_and_every_option_of_a_record_arrives() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codec-{codec}");
        let project = Project::creating(&topic, 12_345, &format!("compression = '{codec}'"));
        project.finish();
        let seen = assert_holds(&topic, &project.truth());
        let walk = project.walk().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        for record in &seen {
            assert_eq!(record.partition as u32, partition_of(&record.key, PARTITIONS as u32));
            assert_eq!(record.headers["list"], "followers");
            assert_eq!(record.headers["walk"], walk);
            assert_eq!(record.headers["schema"].len(), 8);
            assert!(record.timestamp.is_some_and(|timestamp| timestamp > 1_700_000_000_000));
        }
    }
}

#[test]
fn a_list_without_followers_is_delivered_too() {
    let project = Project::creating("nobody", 0, "");
    project.finish();
    assert_eq!(read_committed(&broker(), "nobody", PARTITIONS).len(), 0);
    project.forget_commits();
    project.finish();
}

#[test]
fn the_partitioner_of_librdkafka_agrees() {
    let (topic, partitions) = ("partitioner", 7);
    let project =
        Project::new(&broker(), topic, 10, &format!("create_topic = {{ partitions = {partitions}, replication = 1 }}"));
    project.finish();
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker()).set("partitioner", "murmur2_random").create().unwrap();
    let keys: Vec<String> = (0..2_000).map(|number| format!("{}{number}", "key".repeat(number % 9))).collect();
    for key in &keys {
        producer.send(BaseRecord::to(topic).key(key).payload("theirs")).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(std::time::Duration::from_secs(20)).unwrap();
    let mut seen = read_committed(&broker(), topic, partitions);
    seen.retain(|record| record.value == b"theirs");
    assert_eq!(seen.len(), keys.len());
    for record in seen {
        assert_eq!(record.partition as u32, partition_of(&record.key, partitions as u32), "{:?}", record.key);
    }
}
