"""Reads files of record batches with kafka-python, and holds them against the truth.

    python3 kafka_batches.py TRUTH FOLDER...

TRUTH has the OpenIDs in order, one a line, or the whole values as lines of JSON. FOLDER is a published list: a manifest,
and a file for each partition. Exit code 1: a list is not the truth, or a checksum is wrong. Exit code 3: a module is not
installed.
"""

import json
import os
import sys

try:
    import lz4.frame  # noqa: F401, what kafka-python decompresses with, if it is there
    import snappy  # noqa: F401
    import zstandard  # noqa: F401
    from kafka.partitioner.default import murmur2
    from kafka.record import MemoryRecords
except ImportError as error:
    print(error)
    sys.exit(3)


def batches(path):
    """Yields every batch of a file and where it begins."""
    with open(path, "rb") as file:
        content = file.read()
    records = MemoryRecords(content)
    start = 0
    while records.has_next():
        batch = records.next_batch()
        # Before anything is read out of it: decoding does not look at the checksum.
        assert batch.validate_crc(), f"the batch at {start} of {path} has a wrong checksum"
        yield start, batch
        start += 12 + int.from_bytes(content[start + 8 : start + 12], "big")
    assert start == len(content), f"{len(content) - start} bytes of {path} are left over"


def compare(folder, truth):
    """Raises AssertionError where the folder is not the list, and returns the number of batches."""
    with open(os.path.join(folder, "_manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    seen, count = [None] * len(truth), 0
    for partition, entry in enumerate(manifest["files"]):
        offset, listed = 0, iter(entry["details"]["batches"])
        for start, batch in batches(os.path.join(folder, entry["path"])):
            count += 1
            before = offset
            for record in batch:
                assert record.offset == offset, f"offset {record.offset}, expected {offset}"
                offset += 1
                value = json.loads(record.value)
                position, openid = value["position"], value["openid"]
                assert seen[position] is None, f"row {position} twice"
                seen[position] = value if isinstance(truth[position], dict) else openid
                assert record.key == f"{value['app_id']}:{openid}".encode(), f"a wrong key: {record.key}"
                belongs = (murmur2(record.key) & 0x7FFFFFFF) % len(manifest["files"])
                assert belongs == partition, f"a key of partition {belongs} in {partition}"
                headers = {name: text.decode() for name, text in record.headers}
                assert headers == manifest["details"]["headers"], f"other headers: {headers}"
                assert record.timestamp > 0, "a record without a time"
            described = next(listed)
            assert (described["offset"], described["records"]) == (start, offset - before), "not as the manifest says"
        assert next(listed, None) is None, "a batch is missing"
    wrong = next((place for place, pair in enumerate(zip(seen, truth)) if pair[0] != pair[1]), None)
    assert wrong is None, f"row {wrong} is {seen[wrong]}, expected {truth[wrong]}"
    return count


def main(truth, *folders):
    with open(truth, encoding="utf-8") as file:
        # Not `splitlines`, which ends a line at U+2028 as well.
        lines = file.read().rstrip("\n").split("\n")
    truth = [json.loads(line) if line.startswith("{") else line for line in lines]
    failures = 0
    for folder in folders:
        try:
            print(f"ok      {compare(folder, truth)} batches: {folder}")
        except Exception as error:  # whatever a reader throws is a failure, and the others shall still be heard
            failures += 1
            print(f"FAILED  {folder}: {type(error).__name__}: {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
