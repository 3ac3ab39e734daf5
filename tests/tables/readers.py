"""Lets other programs read what the sinks have left, and compares each list with the truth.

    python3 readers.py KIND READER [READER]...

It runs in the folder of a test of `test_tables.py`, after all programs have ended. Each READER is a key of `READERS`
below. Exit code 1: a reader saw another list.
"""
import datetime
import functools
import glob
import json
import os
import sys
from importlib.metadata import version

TRUTH = "truth-test/*/*/list.ndjson"
COLUMNS = ["dt", "app_id", "openid", "position", "page", "fetched_at"]
DELTA = os.path.abspath("lake/followers")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def truth():
    lists = {}
    for path in glob.glob(TRUTH):
        _, date, app_id, _ = path.split("/")
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        for row in rows:
            instant = datetime.datetime.fromisoformat(row["fetched_at"].replace("Z", "+00:00"))
            row["fetched_at"] = (instant - EPOCH) // datetime.timedelta(microseconds=1)
        lists[date, app_id] = [tuple(row[name] for name in COLUMNS[1:]) for row in rows]
    return lists


def rows_of(table):
    """Returns the rows of an Arrow table, with instants in microseconds since 1970."""
    import pyarrow

    zone = table.schema.field("fetched_at").type.tz
    instants = table.column("fetched_at").cast(pyarrow.timestamp("us", zone)).cast(pyarrow.int64())
    return zip(*(table.column(name).to_pylist() for name in COLUMNS[:-1]), instants.to_pylist())


def lists_of(rows):
    """Returns the rows by date and account, each list in its order."""
    lists = {}
    for date, *row in rows:
        lists.setdefault((date, row[0]), []).append(tuple(row))
    for rows in lists.values():
        rows.sort(key=lambda row: row[2])
    return lists


def by_deltalake():
    from deltalake import DeltaTable

    return rows_of(DeltaTable(DELTA).to_pyarrow_table())


def by_deltalake_sql():
    import pyarrow
    from deltalake import DeltaTable, QueryBuilder

    return rows_of(pyarrow.table(QueryBuilder().register("list", DeltaTable(DELTA)).execute("SELECT * FROM list").read_all()))


def by_polars_delta():
    import polars

    return rows_of(polars.scan_delta(DELTA).collect().to_arrow())


def by_datafusion_delta():
    from datafusion import SessionContext
    from deltalake import DeltaTable

    context = SessionContext()
    context.register_table("list", DeltaTable(DELTA))
    return rows_of(context.sql("SELECT * FROM list").to_arrow_table())


def by_daft_delta():
    import daft

    return rows_of(daft.read_deltalake(DELTA).to_arrow())


def iceberg():
    from pyiceberg.catalog import load_catalog

    return load_catalog("fanout", type="sql", uri="sqlite:///catalog.db").load_table("lists.followers")


def by_pyiceberg():
    return rows_of(iceberg().scan().to_arrow())


def by_polars_iceberg():
    import polars

    return rows_of(polars.scan_iceberg(iceberg()).collect().to_arrow())


def by_daft_iceberg():
    import daft

    return rows_of(daft.read_iceberg(iceberg()).to_arrow())


@functools.cache
def sail():
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start()
    # With the server, which ends when nothing holds it.
    return SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate(), server


def by_sail_delta():
    return rows_of(sail()[0].read.format("delta").load(DELTA).toArrow())


def by_sail_iceberg():
    return rows_of(sail()[0].read.format("iceberg").load(os.path.abspath("warehouse/lists/followers")).toArrow())


@functools.cache
def spark():
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.jars": os.environ["ICEBERG_JARS"],
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    }
    builder = SparkSession.builder.master("local[1]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def newest_metadata():
    """Returns the file that the catalog names: the Java library reads the table by it."""
    import sqlite3

    with sqlite3.connect("catalog.db") as catalog:
        return catalog.execute("SELECT metadata_location FROM iceberg_tables WHERE table_name = 'followers'").fetchone()[0]


def by_spark(vectorised):
    def read():
        reader = spark().read.format("iceberg").option("vectorization-enabled", vectorised)
        frame = reader.load(newest_metadata())
        return map(tuple, frame.selectExpr(*COLUMNS[:-1], "unix_micros(fetched_at)").collect())

    return read


def by_pypaimon():
    from pypaimon import CatalogFactory

    table = CatalogFactory.create({"warehouse": "paimon"}).get_table("lists.followers")
    reader = table.new_read_builder()
    return rows_of(reader.new_read().to_arrow(reader.new_scan().plan().splits()))


# For each kind of table, the readers with the package that names their version.
READERS = {
    "delta": {
        "deltalake": ("deltalake", by_deltalake),
        "deltalake-sql": ("deltalake", by_deltalake_sql),
        "polars": ("polars", by_polars_delta),
        "datafusion": ("datafusion", by_datafusion_delta),
        "daft": ("daft", by_daft_delta),
        "sail": ("pysail", by_sail_delta),
    },
    "iceberg": {
        "pyiceberg": ("pyiceberg", by_pyiceberg),
        "polars": ("polars", by_polars_iceberg),
        "daft": ("daft", by_daft_iceberg),
        "sail": ("pysail", by_sail_iceberg),
        "spark-vectorised": ("pyspark", by_spark("true")),
        "spark-rows": ("pyspark", by_spark("false")),
    },
    "paimon": {"pypaimon": ("pypaimon", by_pypaimon)},
}


def main(kind, *readers):
    expected = truth()
    assert len(expected) == 4 and all(expected.values()), "there are two accounts and two dates"
    failures = 0
    for reader in readers:
        package, read = READERS[kind][reader]
        found = lists_of(read())
        good = found == expected
        failures += not good
        counts = ", ".join(f"{date} {app_id}: {len(rows)}" for (date, app_id), rows in sorted(found.items()))
        print(f"{'ok     ' if good else 'FAILED '} {kind} {reader} ({package} {version(package)}): {counts}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
