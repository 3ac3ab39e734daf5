# Publishes each list as one CSV file. fanout_sink.py, beside this file, does the rest.
from pyarrow import csv
import fanout_sink

def path(hello):
    return f"{hello['settings']['folder']}/{hello['date']}-{hello['app_id']}-{hello['list']}.csv"

followers = fanout_sink.List(path)
with followers.file() as staged:
    with csv.CSVWriter(staged, followers.schema) as writer:
        for batch in followers:
            writer.write(batch)
