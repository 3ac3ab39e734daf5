"""Tries what readers take the names of accounts for, in folders `account=NAME`.

    python3 hive_names.py ROOT [READER]...

Below ROOT are the lists of a sink with the default layout, one for each account. Each READER (without one: all but `spark`)
reads each list alone. For each reader and name that is not read as the same text a line of JSON is
printed: `[reader, name, what was read]`. Exit code 3: a reader is not installed.
"""

import glob
import json
import os
import shutil
import sys
import tempfile
from urllib.parse import unquote

try:
    if "spark" not in sys.argv[2:]:
        import datafusion
        import duckdb
        import pandas
        import polars
        import pyarrow.dataset
except ImportError as error:
    print(error)
    sys.exit(3)


def by_pyarrow(folder):
    return pyarrow.dataset.dataset(folder, partitioning="hive").to_table().column("account").to_pylist()[0]


def by_pandas(folder):
    return pandas.read_parquet(folder)["account"].tolist()[0]


def by_duckdb(folder):
    lists = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    kind, text = duckdb.sql(f"SELECT typeof(account), account::VARCHAR FROM {lists}").fetchall()[0]
    return text if kind == "VARCHAR" else f"{kind} {text}"


def by_polars(folder):
    return polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).collect()["account"][0]


def by_datafusion(folder):
    context = datafusion.SessionContext()
    context.sql(f"CREATE EXTERNAL TABLE lists STORED AS PARQUET LOCATION '{folder}/'")
    return context.sql("SELECT account FROM lists").to_arrow_table().column(0).to_pylist()[0]


def by_spark(folder):
    frame = SPARK.read.parquet(folder)
    kind, text = dict(frame.dtypes)["account"], frame.selectExpr("CAST(account AS STRING)").collect()[0][0]
    return text if kind == "string" else f"{kind} {text}"


READERS = {
    "pyarrow": by_pyarrow,
    "pandas": by_pandas,
    "duckdb": by_duckdb,
    "polars": by_polars,
    "datafusion": by_datafusion,
}


def main(root, *readers):
    readers = {name: READERS[name] for name in readers or READERS}
    for source in sorted(glob.glob(os.path.join(root, "dt=*", "account=*"))):
        date, leaf = source.split(os.sep)[-2:]
        name = unquote(leaf.removeprefix("account="))
        with tempfile.TemporaryDirectory() as alone:
            shutil.copytree(source, os.path.join(alone, date, leaf))
            for reader, read in readers.items():
                try:
                    found = read(alone)
                except Exception as error:  # a reader that cannot read the folder because of the name
                    found = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
                if found != name:
                    print(json.dumps([reader, name, str(found)], ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    if "spark" in sys.argv[2:]:
        from parquet_readers import spark

        SPARK = spark()
        READERS["spark"] = by_spark
    sys.exit(main(*sys.argv[1:]))
