"""Reads a root whose folders have the column `app_id`, and whose files have the column `account`.

    python3 hive_columns.py TRUTH ROOT

TRUTH has a line for each account: its name, its app id, its rows. Every reader must find exactly these, as text. Exit code 3:
a reader is not installed.
"""

import collections
import sys

try:
    import datafusion
    import duckdb
    import pandas
    import polars
    import pyarrow.dataset
except ImportError as error:
    print(error)
    sys.exit(3)


def by_pyarrow(root):
    table = pyarrow.dataset.dataset(root, partitioning="hive").to_table()
    return zip(table.column("account").to_pylist(), table.column("app_id").to_pylist())


def by_pandas(root):
    frame = pandas.read_parquet(root)
    return zip(frame["account"].tolist(), frame["app_id"].tolist())


def by_duckdb(root):
    lists = f"read_parquet('{root}/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(f"SELECT account, app_id FROM {lists}").fetchall()


def by_polars(root):
    return polars.scan_parquet(f"{root}/**/*.parquet", hive_partitioning=True).select("account", "app_id").collect().rows()


def by_datafusion(root):
    context = datafusion.SessionContext()
    context.sql(f"CREATE EXTERNAL TABLE lists STORED AS PARQUET LOCATION '{root}/'")
    table = context.sql("SELECT account, app_id FROM lists").to_arrow_table()
    return zip(table.column(0).to_pylist(), table.column(1).to_pylist())


def main(truth, root):
    with open(truth, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    truth = {(account, app_id): int(rows) for account, app_id, rows in lines}
    failures = 0
    for reader in [by_pyarrow, by_pandas, by_duckdb, by_polars, by_datafusion]:
        try:
            found = dict(collections.Counter(reader(root)))
        except Exception as error:  # whatever a reader throws is a failure
            found = error
        failures += found != truth
        print(f"{'ok     ' if found == truth else 'FAILED '} {reader.__name__}: {found}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
