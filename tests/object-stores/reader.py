"""Reads lists in an object store with pyarrow, as a job does that knows nothing of fanout.

    python3 reader.py print ENDPOINT
        Prints the list that SINK_ROOT, SINK_DATE and SINK_ACCOUNT name, as lines of JSON. Exit code 1: there is none.

    python3 reader.py keys ENDPOINT ROOT
        Prints the keys below the root, such as `az://bucket/prefix`, one a line.

    python3 reader.py objects ENDPOINT ROOT
        Prints the objects below the root: for each its key and its size in a line, and then its bytes.

    python3 reader.py watch ENDPOINT ROOT TRUTH
        Reads the Parquet objects below the root again and again, until standard input ends. TRUTH has the OpenIDs in
        order, one a line. Prints what it saw as JSON: `reads`, `absent`, `versions`, and `wrong`, the first list that
        was not the truth.
"""

import json
import os
import sys
import threading
import traceback
import urllib.parse

import pyarrow
import pyarrow.fs


def store(endpoint, scheme):
    """Opens the store whose keys are in the environment, as the pipeline file has them."""
    url = urllib.parse.urlsplit(endpoint)
    if scheme == "az":
        account = url.path.strip("/")
        return pyarrow.fs.AzureFileSystem(
            account_name=account,
            account_key=os.environ["LAKE_ACCOUNT_KEY"],
            blob_storage_authority=url.netloc,
            blob_storage_scheme=url.scheme,
            # Asked whether the container has folders. Without it that is asked of the real Azure.
            dfs_storage_authority=url.netloc,
            dfs_storage_scheme=url.scheme,
        )
    return pyarrow.fs.S3FileSystem(
        access_key="reader", secret_key="reader-secret", endpoint_override=url.netloc, scheme=url.scheme, region="us-east-1"
    )


def paths(files, folder):
    """Returns the paths of the objects below a folder."""
    infos = files.get_file_info(pyarrow.fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return sorted(info.path for info in infos if info.type == pyarrow.fs.FileType.File)


def objects(files, folder):
    """Returns the paths of the lists below a folder: not what begins with `_`, as every engine does."""
    return [path for path in paths(files, folder) if not path.rsplit("/", 1)[-1].startswith("_")]


def content(files, path):
    with files.open_input_stream(path, compression=None) as stream:
        return stream.read()


def plain(value):
    """An instant as the JSON sinks write it."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def rows(path, data):
    """Decodes a list."""
    if path.endswith(".parquet"):
        from pyarrow import parquet

        for row in parquet.read_table(pyarrow.BufferReader(data)).to_pylist():
            yield {name: plain(value) for name, value in row.items()}
    elif path.endswith(".batches"):
        from kafka.record import MemoryRecords

        records = MemoryRecords(data)
        while records.has_next():
            batch = records.next_batch()
            assert batch.validate_crc(), f"a batch of {path} has a wrong checksum"
            for record in batch:
                yield json.loads(record.value)
    else:
        codec = {"zst": "zstd", "gz": "gzip"}.get(path.rsplit(".", 1)[-1])
        with pyarrow.input_stream(pyarrow.BufferReader(data), compression=codec) as stream:
            for line in stream.read().splitlines():
                yield json.loads(line)


def print_list(endpoint):
    scheme, root = os.environ["SINK_ROOT"].split("://", 1)
    files = store(endpoint, scheme)
    folder = f"{root}/dt={os.environ['SINK_DATE']}/account={os.environ['SINK_ACCOUNT']}"
    found = objects(files, folder)
    if not found:
        sys.exit(1)
    for path in found:
        for row in rows(path, content(files, path)):
            print(json.dumps(row))


def print_keys(endpoint, root):
    scheme, folder = root.split("://", 1)
    for path in paths(store(endpoint, scheme), folder):
        print(path.split("/", 1)[1])


def print_objects(endpoint, root):
    scheme, folder = root.split("://", 1)
    files = store(endpoint, scheme)
    for path in paths(files, folder):
        data = content(files, path)
        sys.stdout.buffer.write(f"{path.split('/', 1)[1]} {len(data)}\n".encode() + data)


def watch(endpoint, root, truth):
    from pyarrow import parquet

    scheme, folder = root.split("://", 1)

    with open(truth, encoding="utf-8") as file:
        truth = file.read().splitlines()
    files, ended = store(endpoint, scheme), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    seen = {"reads": 0, "absent": 0, "versions": 0, "wrong": None}
    versions = set()
    print("ready", flush=True)
    while not ended.is_set() and seen["wrong"] is None:
        found = [path for path in objects(files, folder) if path.endswith(".parquet")]
        if not found:
            seen["absent"] += 1
            continue
        for path in found:
            # In one request: what comes back is one version of the object, or this is what the test is for.
            data = content(files, path)
            seen["reads"] += 1
            if data in versions:
                continue
            versions.add(data)
            table = parquet.read_table(pyarrow.BufferReader(data), columns=["openid"])
            if table.column("openid").to_pylist() != truth:
                seen["wrong"] = f"{path}: {table.num_rows} rows"
    seen["versions"] = len(versions)
    print(json.dumps(seen))


if __name__ == "__main__":
    try:
        {"print": print_list, "keys": print_keys, "objects": print_objects, "watch": watch}[sys.argv[1]](*sys.argv[2:])
    except Exception:
        # 1 says that there is no list.
        traceback.print_exc()
        sys.exit(3)
    sys.stdout.flush()
    # Not by returning: a process that has read Parquet with pyarrow 26 now and then aborts when it ends.
    os._exit(0)
