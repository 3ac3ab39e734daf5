//! Faults of the brokers, and the errors that the user sees.

use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::support::{Ended, Project, broker};

const FOLLOWERS: u64 = 25_000;

/// Starts librdkafka's mock cluster with a topic. Its requests fail as they are told to.
fn cluster(topic: &str) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(topic, 4, 3).unwrap();
    cluster
}

fn assert_says(ended: &Ended, code: i32, expected: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for text in expected {
        assert!(ended.stderr.contains(text), "`{text}` is not in {}", ended.stderr);
    }
}

#[test]
fn transient_errors_are_retried_and_the_list_is_delivered() {
    use RDKafkaApiKey::{AddOffsetsToTxn, EndTxn, InitProducerId, Produce, TxnOffsetCommit};
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    };
    let cluster = cluster("transient");
    cluster.request_errors(
        Produce,
        &[
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR__TRANSPORT,
        ],
    );
    for request in [InitProducerId, AddOffsetsToTxn, TxnOffsetCommit, EndTxn] {
        cluster.request_errors(
            request,
            &[RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR],
        );
    }
    let project = Project::new(&cluster.bootstrap_servers(), "transient", FOLLOWERS, "");
    project.finish();
}

#[test]
fn a_producer_that_was_taken_over_stops_and_says_why() {
    let cluster = cluster("fenced");
    let project = Project::new(&cluster.bootstrap_servers(), "fenced", FOLLOWERS, "");
    cluster.request_errors(
        RDKafkaApiKey::EndTxn,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED],
    );
    let expected =
        ["another producer with the same transactional id has taken over", "choose another `prefix`", "stream"];
    assert_says(&project.run(&[]), 1, &expected);
}

#[test]
fn a_transaction_that_was_aborted_is_delivered_once_more() {
    let cluster = cluster("aborted");
    let project = Project::new(&cluster.bootstrap_servers(), "aborted", FOLLOWERS, "");
    // One request is refused: its transaction cannot go on, but another one can.
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    assert_says(&project.run(&[]), 0, &["the sink failed; it is delivered again", "cannot "]);
}

#[test]
fn brokers_that_do_not_answer_are_noticed_before_the_first_call() {
    let project = Project::new("127.0.0.1:1", "nowhere", FOLLOWERS, "");
    let ended = project.run(&[]);
    assert_says(&ended, 75, &["no broker of `127.0.0.1:1` says anything about the topic `nowhere`", "`brokers`"]);
    assert!(project.walk().is_none(), "a walk was begun");
}

#[test]
fn brokers_that_go_down_in_the_middle_leave_the_list_for_the_next_run() {
    let cluster = cluster("down");
    let properties = "properties = { \"message.timeout.ms\" = 2_000, \"socket.timeout.ms\" = 1_000 }";
    let project = Project::new(&cluster.bootstrap_servers(), "down", FOLLOWERS, properties);
    let process = project.command(&[]).spawn().unwrap();
    while !project.is_decided() {
        std::thread::sleep(Duration::from_millis(1));
    }
    for number in 1..=3 {
        cluster.broker_down(number).unwrap();
    }
    let output = process.wait_with_output().unwrap();
    let ended = Ended { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() };
    assert_says(&ended, 75, &["stream"]);
    for number in 1..=3 {
        cluster.broker_up(number).unwrap();
    }
    project.finish();
}

#[test]
fn a_topic_that_is_not_there_is_noticed_before_the_first_call() {
    let project = Project::new(&broker(), "absent", FOLLOWERS, "");
    let ended = project.run(&[]);
    assert_says(&ended, 2, &["there is no topic `absent` at the brokers", "create_topic"]);
    assert!(project.walk().is_none(), "a walk was begun");
}

#[test]
fn a_wrong_property_is_an_error_of_the_pipeline_file() {
    for (options, expected) in [
        ("properties = { \"linger.mss\" = 5 }", "`sinks.stream.options.properties.linger.mss`"),
        ("properties = { \"linger.ms\" = \"soon\" }", "librdkafka refuses it"),
        ("properties = { \"transactional.id\" = \"mine\" }", "use `prefix`"),
        ("sasl = { mechanism = 'GSSAPI', username = 'u', password = { env = 'HOME' } }", "SCRAM-SHA-512"),
        (
            "value = 'none'\ncreate_topic = { partitions = 1, replication = 1, cleanup_policy = 'compact' }",
            "delete their keys",
        ),
        ("create_topic = { partitions = 1, replication = 1, cleanup_policy = 'shred' }", "`shred` is not one of"),
    ] {
        let project = Project::new(&broker(), "properties", 10, options);
        assert_says(&project.run(&[]), 2, &[expected]);
    }
}

#[test]
fn a_record_that_no_batch_can_hold_is_named() {
    let project = Project::creating("tiny", 10, "max_batch_bytes = 1_048_577");
    assert_says(&project.run(&[]), 2, &["brokers take no larger batch"]);
}
