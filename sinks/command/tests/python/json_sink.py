# Publishes each list as lines of JSON, which have nulls and lists. A time is text, as Python writes it.
import json

from fanout_etl import sink

def path(hello):
    return f"{hello['settings']['folder']}/{hello['date']}-{hello['app_id']}-{hello['list']}.json"

followers = sink.List(path)
with followers.file() as staged:
    with open(staged, "w") as file:
        for batch in followers:
            for row in batch.to_pylist():
                print(json.dumps(row, default=lambda time: time.isoformat()), file=file)
