# Publishes each list as one CSV file. fanout_sink.py, beside this file, does the rest.
import os
from pyarrow import csv
import fanout_sink

followers = fanout_sink.List()
folder = followers.hello["settings"]["folder"]
os.makedirs(folder, exist_ok=True)
with followers.file(f"{folder}/{followers.hello['date']}-{followers.hello['app_id']}.csv") as path:
    with csv.CSVWriter(path, followers.schema) as writer:
        for batch in followers:
            writer.write(batch)
