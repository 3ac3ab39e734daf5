"""Spark reads the lists of two accounts, and holds every value against the lines of the `ndjson` sink.

    python3 source.py PROGRAM FOLDER

An API grants each account the calls of one walk, and not one more. `fanout_etl` is in PYTHONPATH.
"""

import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession

from fanout_etl.spark import FanoutSource, _open

PROGRAM, FOLDER = sys.argv[1:]
ACCOUNTS = {"001": "wx1", "品牌 北京": "wx2"}
FOLLOWERS = 23_000
COLUMNS = {"app_id": "string", "openid": "string", "position": "bigint", "page": "int", "fetched_at": "timestamp"}
PIPELINE = """
name = "spark"
[source]
base_url = "{base_url}"
retry = {{ attempts = 2, base_ms = 1 }}
[sinks.lines]
type = "ndjson"
options = {{ root = "truth", layout = "{{app_id}}.ndjson" }}
[sinks.lake]
type = "parquet"
options.root = "lake"
[sinks.by_app_id]
type = "parquet"
columns = ["openid", "account"]
options = {{ root = "by_app_id", layout = "dt={{date}}/app_id={{app_id}}/part-{{part}}.parquet" }}
"""


@contextlib.contextmanager
def api(*arguments):
    """An API; with `--quota`, it grants each account so many calls for pages until it ends."""
    command = [PROGRAM, "simulate", "--followers", str(FOLLOWERS), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def project(name, base_url):
    """Makes a folder with a pipeline file, and returns the path of the file."""
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path = os.path.join(folder, "pipeline.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(PIPELINE.format(base_url=base_url))
        for account, app_id in ACCOUNTS.items():
            file.write(f'[[accounts]]\nname = "{account}"\napp_id = "{app_id}"\nsecret = {{ env = "SPARK_SECRET" }}\n')
    return path


def fanout(pipeline, *arguments):
    return subprocess.run([PROGRAM, "run", pipeline, "--json", *arguments], capture_output=True, text=True, check=False)


def truth(pipeline):
    """Returns the rows of the lines, each as its values in the order of `COLUMNS`."""
    rows = []
    for app_id in ACCOUNTS.values():
        with open(os.path.join(os.path.dirname(pipeline), "truth", f"{app_id}.ndjson"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        assert len(lines) == FOLLOWERS, len(lines)
        rows += [tuple(instant(line[name]) if name == "fetched_at" else line[name] for name in COLUMNS) for line in lines]
    return sorted(rows)


def instant(text):
    # Spark gives instants without a zone, in that of the session, which is UTC.
    return datetime.fromisoformat(text).replace(tzinfo=None)


def rows_of(frame):
    return sorted(tuple(row) for row in frame.select(*COLUMNS).collect())


def types_of(frame):
    return {field.name: field.dataType.simpleString() for field in frame.schema.fields}


def raised(call, *words):
    try:
        call()
    except Exception as error:  # Spark wraps it in one of its own
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"{missing} in {error}"
        return
    raise AssertionError(f"no error with {words}")


def counted_twice_with_the_calls_of_one_walk(spark, calls, mode, **more):
    with api("--quota", str(calls)) as base_url:
        pipeline = project(mode, base_url)
        source = spark.read.format("fanout").options(pipeline=pipeline, program=PROGRAM, mode=mode, **more)
        frame = source.load()
        assert types_of(frame) == COLUMNS | {"dt": "date"}, types_of(frame)
        for _ in range(2):
            assert frame.count() == FOLLOWERS * len(ACCOUNTS)
        assert rows_of(frame) == truth(pipeline)
        assert frame.select("dt").distinct().count() == 1
        if mode == "files":
            for lost in glob.glob(os.path.join(os.path.dirname(pipeline), "lake", "dt=*", "account=001")):
                shutil.rmtree(lost)
            # A frame keeps its plan. What is gone is published once more by the run of the next plan.
            raised(frame.count, "part-00000.parquet")
            assert source.load().count() == FOLLOWERS * len(ACCOUNTS)
        # Of one account: the last of the calls were made before.
        one = source.option("account", "品牌 北京").load()
        assert [row.app_id for row in one.select("app_id").distinct().collect()] == ["wx2"]
        assert fanout(pipeline, "--fresh").returncode == 75, "not all calls were made"
    print("ok", mode, "counted twice, with", calls, "calls of each account")
    return pipeline


def published_files(spark, pipeline):
    """Spark alone, as the README has it, on the files of a pipeline."""
    lake = os.path.join(os.path.dirname(pipeline), "lake")
    frame = spark.read.parquet(lake)
    plan = frame._jdf.queryExecution().executedPlan().toString()
    assert "Batched: true" in plan, plan
    assert rows_of(frame) == truth(pipeline)
    assert types_of(frame)["dt"] == "date", types_of(frame)

    # One name is a number to Spark, and the other one is not: so both are text.
    assert sorted(row.account for row in frame.select("account").distinct().collect()) == sorted(ACCOUNTS)
    alone = os.path.join(lake, "dt=*", "account=001")
    number = spark.read.option("basePath", lake).parquet(alone)
    assert types_of(number)["account"] == "int" and number.first().account == 1, types_of(number)
    # The ways out.
    columns = ", ".join(f"{name} {kind}" for name, kind in (COLUMNS | {"dt": "date", "account": "string"}).items())
    assert spark.read.schema(columns).option("basePath", lake).parquet(alone).first().account == "001"
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    assert spark.read.option("basePath", lake).parquet(alone).first().account == "001"
    spark.conf.unset("spark.sql.sources.partitionColumnTypeInference.enabled")
    by_app_id = spark.read.parquet(os.path.join(os.path.dirname(pipeline), "by_app_id"))
    assert types_of(by_app_id) == {"openid": "string", "account": "string", "dt": "date", "app_id": "string"}
    assert by_app_id.where("account = '001'").select("app_id").distinct().first().app_id == "wx1"
    print("ok published files, vectorised")


class Store(BaseHTTPRequestHandler):
    """Has objects as an S3 does, by their URLs; enough for a reader."""

    objects = {}

    def do_HEAD(self):
        self.answer(lambda content, first, end: b"")

    def do_GET(self):
        self.answer(lambda content, first, end: content[first:end])

    def answer(self, body):
        content = self.objects.get(unquote(self.path))
        if content is None:
            self.send_response(404)
            self.end_headers()
            return
        first, end = 0, len(content)
        if bounds := self.headers["Range"]:
            first, last = (int(bound) for bound in bounds.removeprefix("bytes=").split("-"))
            end = last + 1
        self.send_response(206 if bounds else 200)
        self.send_header("Content-Length", str(end - first))
        self.end_headers()
        self.wfile.write(body(content, first, end))

    def log_message(self, *_):
        pass


def keys_are_taken_as_they_are():
    """A key has spaces, Chinese characters and `%`, as names of accounts do."""
    table = pyarrow.table({"openid": ["o1", "o2"]})
    key = "lake/dt=2026-11-22/account=品牌 北京 50%20/part-0.parquet"
    path = os.path.join(FOLDER, key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pyarrow.parquet.write_table(table, path)
    assert _open(path).read().equals(table)
    with open(path, "rb") as file:
        Store.objects[f"/bucket/{key}"] = file.read()
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        assert _open(f"s3://bucket/{key}", endpoint).read().equals(table)
        raised(lambda: _open(f"s3://bucket/not/{key}", endpoint), "not/lake")
        server.shutdown()
    print("ok keys")


def errors_name_what_to_do(spark):
    source = spark.read.format("fanout").option("program", PROGRAM)
    pipeline = project("errors", "http://127.0.0.1:1")
    for mode in ("files", "pipe"):
        load = source.option("mode", mode).option("pipeline", pipeline).load
        raised(load, "TryLater", "fanout ended with 75 (try again later)", "the call for a token failed")
        load = source.option("mode", mode).option("pipeline", os.path.join(FOLDER, "not-there.toml")).load
        raised(load, "NeedsPerson", "fanout ended with 2 (a person must act)", "not-there.toml")
    raised(spark.read.format("fanout").options(pipeline=pipeline, pipline=pipeline).load, "pipline")
    with api() as base_url:
        source = spark.read.format("fanout").options(pipeline=project("errors", base_url), program=PROGRAM)
        raised(source.load, "found by_app_id, lake, expected one sink with Parquet files", "name it in the option `sink`")
        raised(source.option("sink", "lines").load, "found none, expected the sink `lines` with Parquet files")
    print("ok errors")


def main():
    os.environ["SPARK_SECRET"] = "5ec4e700112233445566778899aabbcc"
    keys_are_taken_as_they_are()
    with api() as base_url:
        report = json.loads(fanout(project("calls", base_url)).stdout)
    calls = {row["calls"] for row in report["accounts"]}
    assert len(calls) == 1 and min(calls) > 2, calls
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = session.config("spark.sql.session.timeZone", "UTC").config("spark.ui.showConsoleProgress", "false")
    with session.getOrCreate() as spark:
        spark.sparkContext.setLogLevel("ERROR")
        spark.dataSource.register(FanoutSource)
        pipeline = counted_twice_with_the_calls_of_one_walk(spark, *calls, "files", sink="lake")
        counted_twice_with_the_calls_of_one_walk(spark, *calls, "pipe")
        published_files(spark, pipeline)
        errors_name_what_to_do(spark)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
