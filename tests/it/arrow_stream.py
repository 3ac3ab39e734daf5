"""Reads Arrow streams with pyarrow, polars and duckdb, and holds them against the truth.

    python3 arrow_stream.py TRUTH whole|empty|cut|every-cut FILE...

TRUTH has the OpenIDs of each app id in order, as a JSON object. `whole`: a stream has them all; `empty`: it has columns
and no rows; `cut`: every reader must report that it is not complete; `every-cut`: the same of the beginning of the stream
up to each of its messages. Exit code 1: a reader says otherwise. Exit code 3: a module is not installed.
"""

import io
import json
import sys

try:
    import duckdb
    import polars
    import pyarrow
except ImportError as error:
    print(error)
    sys.exit(3)

COLUMNS = ["app_id", "openid", "position", "page", "fetched_at", "dt"]


def with_pyarrow(stream):
    table = pyarrow.ipc.open_stream(stream).read_all()
    assert table.schema.field("dt").type == pyarrow.date32(), table.schema
    assert table.schema.field("fetched_at").type == pyarrow.timestamp("us", "UTC"), table.schema
    return table.to_pydict()


def with_polars(stream):
    return polars.read_ipc_stream(stream).to_dict(as_series=False)


def with_duckdb(stream):
    # It reads the batches of pyarrow's reader one after the other.
    reader = pyarrow.ipc.open_stream(stream)
    return duckdb.from_arrow(reader).to_arrow_table().to_pydict()


READERS = {"pyarrow": with_pyarrow, "polars": with_polars, "duckdb": with_duckdb}


def is_the_truth(read, truth):
    columns = read
    assert list(columns) == COLUMNS, list(columns)
    assert len(set(columns["dt"])) == 1, set(columns["dt"])
    # One list after the other.
    lists = list(dict.fromkeys(columns["app_id"]))
    assert sorted(lists) == sorted(truth), lists
    row = 0
    for app_id in lists:
        for position, openid in enumerate(truth[app_id]):
            found = (columns["app_id"][row], columns["openid"][row], columns["position"][row])
            assert found == (app_id, openid, position), f"row {position} of {app_id} is {found}, expected {openid}"
            row += 1
    assert row == len(columns["openid"]), f"{len(columns['openid'])} rows, expected {row}"


def is_empty(read, _truth):
    assert list(read) == COLUMNS and not any(read.values()), read


def beginnings(content):
    """Yields the stream up to each of its messages, with the four bytes with which the next one begins."""
    stream = io.BytesIO(content)
    messages = pyarrow.ipc.MessageReader.open_stream(stream)
    while stream.tell() < len(content) - 8:
        messages.read_next_message()
        yield content[: stream.tell() + 4]


def is_refused(read, content):
    try:
        found = read(io.BytesIO(content))
    except Exception as error:  # each reader has its own
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"{len(found['openid'])} rows were taken for a complete stream")


def main(truth, how, *paths):
    with open(truth, encoding="utf-8") as file:
        truth = json.load(file)
    failed = False
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        for name, read in READERS.items():
            try:
                if how in ("cut", "every-cut"):
                    cuts = [content] if how == "cut" else list(beginnings(content))
                    assert how == "cut" or len(cuts) > 3, len(cuts)
                    said = {is_refused(read, cut) for cut in cuts}
                    print("ok", name, path, len(cuts), sorted(said)[0][:100].replace("\n", " "))
                else:
                    {"whole": is_the_truth, "empty": is_empty}[how](read(io.BytesIO(content)), truth)
                    print("ok", name, path)
            except Exception as error:
                failed = True
                print("failed", name, path, type(error).__name__, error)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
