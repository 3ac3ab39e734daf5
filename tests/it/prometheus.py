"""Reads metrics with the parser of Prometheus' own Python client, and prints what it has read as JSON."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge"), f"{family.name} is of the type {family.type}"
    samples = [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in family.samples]
    assert samples, f"{family.name} has no samples"
    keys = [json.dumps([sample["name"], sample["labels"]], sort_keys=True) for sample in samples]
    assert len(set(keys)) == len(keys), f"{family.name} has a sample twice"
    assert family.name not in families, f"{family.name} is there twice"
    families[family.name] = {"type": family.type, "samples": samples}
json.dump(families, sys.stdout)
