# Publishes each list as one CSV file. fanout_etl.sink, of integrations/python, does the rest.
from pyarrow import csv
from fanout_etl import sink

def path(hello):
    return f"{hello['settings']['folder']}/{hello['date']}-{hello['app_id']}-{hello['list']}.csv"

followers = sink.List(path)
with followers.file() as staged:
    with csv.CSVWriter(staged, followers.schema) as writer:
        for batch in followers:
            writer.write(batch)
