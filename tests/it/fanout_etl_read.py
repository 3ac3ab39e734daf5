"""Calls `fanout_etl` as a job does: with a project of three accounts, an API, and the file `truth` of arrow_stream.py.

    python3 fanout_etl_read.py PROGRAM run PIPELINE

Readings that end without an error; the test counts their calls.
"""

import json
import sys

import fanout_etl

program, _, pipeline = sys.argv[1:]
NO_SERVER = ("--set", "source.base_url=http://127.0.0.1:1", "--fresh")


def raised(error, call):
    try:
        call()
    except error as found:
        return str(found)
    raise AssertionError(f"{error.__name__} was expected")


def by_account(table):
    lists = {}
    for row in table.select(["app_id", "openid"]).to_pylist():
        lists.setdefault(row["app_id"], []).append(row["openid"])
    return lists


with open("truth", encoding="utf-8") as file:
    truth = json.load(file)

assert by_account(fanout_etl.read(pipeline, program=program)) == truth
assert by_account(fanout_etl.read(pipeline, account="shop", program=program)) == {"wx2": truth["wx2"]}
some = fanout_etl.read(pipeline, account=["shop", "brand"], columns=["openid", "account"], program=program)
assert some.column_names == ["openid", "account", "dt"] and set(some["account"].to_pylist()) == {"shop", "brand"}
assert sum(batch.num_rows for batch in fanout_etl.batches(pipeline, program=program)) == 30_000
report = fanout_etl.run(pipeline, account="brand", program=program)
assert [row["sinks"][0]["state"] for row in report["accounts"]] == ["already_published"], report

schema = fanout_etl.schema(pipeline, program=program)
assert schema.equals(fanout_etl.read(pipeline, program=program).schema) and "dt" in schema.names, schema

for kind in ("ndjson", "arrow"):
    to_stdout = ("--set", f"sinks.out.type={kind}", "--set", "sinks.out.options.path=-")
    person = raised(fanout_etl.NeedsPerson, lambda: fanout_etl.run(pipeline, *to_stdout, program=program))
    assert "writes to stdout, where the report is expected" in person, person

# Who has had enough may leave.
next(iter(fanout_etl.batches(pipeline, program=program))).num_rows

later = raised(fanout_etl.TryLater, lambda: fanout_etl.read(pipeline, *NO_SERVER, program=program))
assert later.startswith("fanout ended with 75 (try again later): ") and "the call for a token failed" in later, later
later = raised(fanout_etl.TryLater, lambda: fanout_etl.run(pipeline, *NO_SERVER, program=program))
assert later.startswith("fanout ended with 75 (try again later): "), later
person = raised(fanout_etl.NeedsPerson, lambda: fanout_etl.read("not-there.toml", program=program))
assert person.startswith("fanout ended with 2 (a person must act): ") and "not-there.toml" in person, person
person = raised(fanout_etl.NeedsPerson, lambda: fanout_etl.read(pipeline, columns=["nickname"], program=program))
assert "found \"nickname\"" in person, person
