"""Reads lists with nulls, lists in columns and times in seconds, and holds them against the truth.

    python3 profile_columns.py [--READER]... TRUTH FORMAT FOLDER [FORMAT FOLDER]...

TRUTH has the rows as lines of JSON, with times in microseconds since 1970. FORMAT is `parquet` or `ndjson`. Every file
below FOLDER is read by each READER, which is a key of `READERS` below; without one, by those that are Python packages.
Exit code 1: a reader sees other values, or a column of Parquet as another type. Exit code 3: a reader is not installed.
"""

import datetime
import glob
import json
import os
import sys

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TIMES = ["subscribe_time", "fetched_at"]


def files(form, folder):
    patterns = {"parquet": ["*.parquet"], "ndjson": ["*.ndjson", "*.ndjson.gz"]}[form]
    wholes = (os.path.join(folder, "**", pattern) for pattern in patterns)
    return sorted(path for whole in wholes for path in glob.glob(whole, recursive=True))


def microseconds(value):
    """Returns a time, as a reader gives it, in microseconds since 1970."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        # Polars and duckdb give the times of JSON without a zone.
        value = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return value


def from_rows(columns, rows):
    rows = [dict(zip(columns, row)) for row in rows]
    for row in rows:
        row.update({name: microseconds(row[name]) for name in TIMES})
    return sorted(rows, key=lambda row: row["position"])


def from_arrow(table, form, columns):
    import pyarrow

    table = table.select(columns)
    if form == "parquet":
        tags = table.schema.field("tagid_list").type
        assert pyarrow.types.is_list(tags) or pyarrow.types.is_large_list(tags), f"`tagid_list` is {tags}"
        assert tags.value_type == pyarrow.int32(), f"`tagid_list` is {tags}"
        for name in TIMES:
            kind = table.schema.field(name).type
            assert pyarrow.types.is_timestamp(kind) and kind.tz in ("UTC", "+00:00"), f"`{name}` is {kind}"
    for name in TIMES:
        column = table.column(name).cast(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return from_rows(columns, zip(*(column.to_pylist() for column in table.columns)))


def by_pyarrow(form, folder, columns):
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    tables = []
    for path in files(form, folder):
        if form == "parquet":
            tables.append(pyarrow.parquet.ParquetFile(path).read())
        else:
            with pyarrow.input_stream(path, compression="detect") as stream:
                tables.append(pyarrow.json.read_json(stream))
    return from_arrow(pyarrow.concat_tables(tables), form, columns)


def by_pandas(form, folder, columns):
    import pandas
    import pyarrow

    if form == "parquet":
        frames = [pandas.read_parquet(path, dtype_backend="pyarrow") for path in files(form, folder)]
        return from_arrow(pyarrow.Table.from_pandas(pandas.concat(frames)), form, columns)
    frame = pandas.concat(pandas.read_json(path, lines=True, dtype=False) for path in files(form, folder))
    # A column with a null has floats for integers, and NaN for the null.
    cell = lambda value: None if isinstance(value, float) and value != value else value
    return from_rows(columns, ([cell(value) for value in row] for row in frame[columns].itertuples(index=False)))


def by_duckdb(form, folder, columns):
    import duckdb

    lists = {"parquet": "read_parquet({})", "ndjson": "read_json({}, format = 'newline_delimited')"}[form]
    lists = lists.format(files(form, folder))
    if form == "parquet":
        kinds = duckdb.sql(f"SELECT typeof(tagid_list), typeof(subscribe_time) FROM {lists} LIMIT 1").fetchall()
        assert kinds == [("INTEGER[]", "TIMESTAMP WITH TIME ZONE")], kinds
    # As numbers: Python's own type for a time with its zone would need one more module.
    cells = [f"epoch_us({name}::TIMESTAMPTZ)" if name in TIMES else name for name in columns]
    return from_rows(columns, duckdb.sql(f"SET TimeZone = 'UTC'; SELECT {', '.join(cells)} FROM {lists}").fetchall())


def by_polars(form, folder, columns):
    import polars

    scan = {"parquet": polars.scan_parquet, "ndjson": polars.scan_ndjson}[form]
    frame = scan(files(form, folder)).select(columns).collect()
    if form == "parquet":
        assert frame.schema["tagid_list"] == polars.List(polars.Int32), frame.schema["tagid_list"]
        assert frame.schema["subscribe_time"].time_zone == "UTC", frame.schema["subscribe_time"]
        frame = frame.with_columns(polars.col(TIMES).dt.epoch("us"))
    return from_rows(columns, frame.rows())


def by_datafusion(form, folder, columns):
    import datafusion

    return from_arrow(datafusion.SessionContext().read_parquet(folder + "/").to_arrow_table(), form, columns)


def by_spark(vectorised):
    def read(form, folder, columns):
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
        session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
        session.conf.set("spark.sql.parquet.enableVectorizedReader", vectorised)
        session.conf.set("spark.sql.parquet.enableNestedColumnVectorizedReader", vectorised)
        frame = session.read.parquet(folder)
        kinds = dict(frame.dtypes)
        assert kinds["tagid_list"] == "array<int>" and kinds["subscribe_time"] == "timestamp", kinds
        cells = [f"unix_micros({name}) AS {name}" if name in TIMES else name for name in columns]
        return from_rows(columns, map(tuple, frame.selectExpr(*cells).collect()))

    return read


READERS = {
    "pyarrow": by_pyarrow,
    "pandas": by_pandas,
    "duckdb": by_duckdb,
    "polars": by_polars,
    "datafusion": by_datafusion,
    "spark-vectorised": by_spark("true"),
    "spark-rows": by_spark("false"),
}
PACKAGES = ["pyarrow", "pandas", "duckdb", "polars", "datafusion"]
ONLY_PARQUET = ["datafusion"]


def difference(found, truth):
    """Returns the first place where the rows are not the truth."""
    if len(found) != len(truth):
        return f"{len(found)} rows, expected {len(truth)}"
    for number, (row, expected) in enumerate(zip(found, truth)):
        for name, value in expected.items():
            if row[name] != value:
                return f"row {number}: `{name}` is {row[name]!r}, expected {value!r}"
    return None


def main(*arguments):
    readers = [argument[2:] for argument in arguments if argument.startswith("--")] or PACKAGES
    truth, *outputs = [argument for argument in arguments if not argument.startswith("--")]
    with open(truth, encoding="utf-8") as file:
        # Not `splitlines`, which ends a line at U+2028 as well.
        truth = [json.loads(line) for line in file.read().split("\n") if line]
    failures = 0
    for form, folder in zip(outputs[::2], outputs[1::2]):
        for reader in readers:
            if form != "parquet" and reader in ONLY_PARQUET:
                continue
            try:
                wrong = difference(READERS[reader](form, folder, list(truth[0])), truth)
            except ImportError as error:
                print(error)
                return 3
            except Exception as error:  # whatever a reader throws is a failure, and the others shall still be heard
                wrong = str(error).splitlines()[0]
            failures += wrong is not None
            print(f"FAILED  {form} {reader}: {folder}: {wrong}" if wrong else f"ok      {form} {reader}: {folder}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
