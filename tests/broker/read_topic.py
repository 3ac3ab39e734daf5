"""Reads a topic with kafka-python, as a `read_committed` reader, and holds it against the truth.

    python3 read_topic.py BROKER TOPIC APP_ID TRUTH

TRUTH has the OpenIDs in order, one a line. Exit code 1: the topic is not the list, each row once. Exit code 3: a module is
not installed.
"""

import json
import sys
import time

try:
    import zstandard  # noqa: F401, what kafka-python decompresses with, if it is there
    from kafka import KafkaConsumer, TopicPartition
    from kafka.partitioner.default import murmur2
except ImportError as error:
    print(error)
    sys.exit(3)


def main(broker, topic, app_id, truth):
    with open(truth, encoding="utf-8") as file:
        truth = file.read().splitlines()
    consumer = KafkaConsumer(
        bootstrap_servers=broker,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
    )
    partitions = sorted(consumer.partitions_for_topic(topic))
    consumer.assign([TopicPartition(topic, partition) for partition in partitions])
    seen, began = [0] * len(truth), time.monotonic()
    seconds = 0.0
    for record in consumer:
        value = json.loads(record.value)
        position, openid = value["position"], truth[value["position"]]
        seen[position] += 1
        assert value["openid"] == openid and value["app_id"] == app_id, f"row {position} is {value}"
        assert record.key == f"{app_id}:{openid}".encode(), f"row {position} has the key {record.key}"
        belongs = (murmur2(record.key) & 0x7FFFFFFF) % len(partitions)
        assert record.partition == belongs, f"row {position} is in {record.partition}, not in {belongs}"
        seconds = time.monotonic() - began
    wrong = next((position for position, count in enumerate(seen) if count != 1), None)
    assert wrong is None, f"row {wrong} is there {seen[wrong]} times"
    print(f"kafka-python read {len(seen)} rows, each once, in {seconds:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
