"""Prints what a reader sees of one list in a table, as lines of JSON: the reader of `fanout sinks test`.

    python3 read_list.py KIND TABLE

`SINK_DATE` and `SINK_APP_ID` name the list. It runs in the folder of the pipeline file.
"""
import json
import os
import sys

from kinds import KINDS


def text(value):
    # Instants of Paimon have no time zone: they are in UTC.
    return value.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


kind, table = sys.argv[1:]
rows = KINDS[kind]().read(table, os.environ["SINK_DATE"], os.environ["SINK_APP_ID"])
if rows is None:
    sys.exit(1)
for row in sorted(rows.drop_columns(["dt"]).to_pylist(), key=lambda row: row["position"]):
    print(json.dumps(row, default=text))
sys.stdout.flush()
# Not by returning: a process that has read Parquet with pyarrow 26 now and then aborts when it ends.
os._exit(0)
