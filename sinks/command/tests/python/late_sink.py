# Publishes a list as a table does: a data file, and a pointer to it. The name of the data file lacks
# the process id. So a killed program that ends late removes what its successor has published.
import os

from pyarrow import csv
from fanout_etl import sink

followers = sink.List()
hello = followers.hello
folder, name = hello["settings"]["folder"], f"{hello['date']}-{hello['app_id']}-{hello['list']}"
os.makedirs(folder, exist_ok=True)
data = f"{name}-{hello['walk']}.data"
with csv.CSVWriter(f"{folder}/{data}", followers.schema) as writer:
    for batch in followers:
        writer.write(batch)
if followers.prepare():
    with open(f"{folder}/{name}.staged", "w") as pointer:
        pointer.write(data)
    os.replace(f"{folder}/{name}.staged", f"{folder}/{name}.pointer")
    followers.commit()
else:
    os.remove(f"{folder}/{data}")
