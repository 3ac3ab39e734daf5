"""Reads published lists back with pyarrow, duckdb and polars, and holds them against the truth.

    python3 readers.py TRUTH FORMAT FOLDER [FORMAT FOLDER]...

TRUTH has the OpenIDs in order, one a line. FORMAT is `parquet` or `ndjson`. Every file below FOLDER that the plain
recursive glob of the format matches, hidden ones included, is read by every reader; together they must be the list,
exactly and in order. Exit code 3: a reader is not installed.
"""

import glob
import os
import sys

try:
    import duckdb
    import polars
    import pyarrow
    import pyarrow.dataset
    import pyarrow.json
    import pyarrow.parquet
except ImportError as error:
    print(error)
    sys.exit(3)

PATTERNS = {"parquet": ["*.parquet"], "ndjson": ["*.ndjson", "*.ndjson.zst", "*.ndjson.gz"]}
COLUMNS = ["app_id", "openid", "position", "page", "fetched_at"]


def globs(form, folder):
    """Returns the recursive globs that match anything below `folder`."""
    wholes = (os.path.join(folder, "**", pattern) for pattern in PATTERNS[form])
    return [whole for whole in wholes if glob.glob(whole, recursive=True, include_hidden=True)]


def by_pyarrow(form, pattern):
    tables = []
    for path in sorted(glob.glob(pattern, recursive=True, include_hidden=True)):
        if form == "parquet":
            tables.append(pyarrow.parquet.ParquetFile(path).read())
        else:
            with pyarrow.input_stream(path, compression="detect") as stream:
                tables.append(pyarrow.json.read_json(stream))
    return pyarrow.concat_tables(tables).to_pydict()


def by_duckdb(form, pattern):
    function = {"parquet": "read_parquet('{}')", "ndjson": "read_json('{}', format = 'newline_delimited')"}[form]
    # As text: Python's own type for a time with its zone would need one more module.
    columns = ", ".join(COLUMNS).replace("fetched_at", "CAST(fetched_at AS VARCHAR)")
    rows = duckdb.sql(f"SELECT {columns} FROM {function.format(pattern)}").fetchall()
    return dict(zip(COLUMNS, map(list, zip(*rows))))


def by_polars(form, pattern):
    scan = {"parquet": polars.scan_parquet, "ndjson": polars.scan_ndjson}[form]
    return scan(pattern).select(COLUMNS).collect().to_dict(as_series=False)


def by_pyarrow_folder(form, folder):
    """Reads a folder as a data set, as engines do: by its partitions, without a glob."""
    table = pyarrow.dataset.dataset(folder, format=form, partitioning="hive").to_table(columns=COLUMNS + ["dt"])
    assert len(set(table.column("dt").to_pylist())) == 1, "more than one `dt`"
    return table.sort_by("position").to_pydict()


READERS = [by_pyarrow, by_duckdb, by_polars]


def compare(read, truth):
    """Raises AssertionError where the columns that were read are not the list."""
    openids = read["openid"]
    assert len(openids) == len(truth), f"{len(openids)} rows, expected {len(truth)}"
    wrong = next((place for place, pair in enumerate(zip(openids, truth)) if pair[0] != pair[1]), None)
    assert wrong is None, f"row {wrong} is {openids[wrong]}, expected {truth[wrong]}"
    assert read["position"] == list(range(len(truth))), "positions are not 0, 1, 2 …"
    assert len(set(read["app_id"])) == 1, "more than one app id"
    assert read["page"] == sorted(read["page"]), "pages are not in order"
    assert all(read["fetched_at"]), "a row without a time"


def main(truth, *outputs):
    with open(truth, encoding="utf-8") as file:
        truth = file.read().splitlines()
    failures = 0
    for form, folder in zip(outputs[::2], outputs[1::2]):
        (pattern,) = globs(form, folder) or [f"no {form} file below {folder}"]
        readings = [(reader, pattern) for reader in READERS]
        if form == "parquet" and glob.glob(os.path.join(folder, "dt=*")):
            readings.append((by_pyarrow_folder, folder))
        for reader, place in readings:
            try:
                compare(reader(form, place), truth)
                print(f"ok      {reader.__name__}: {place}")
            except Exception as error:  # whatever a reader throws is a failure, and the others shall still be heard
                failures += 1
                print(f"FAILED  {reader.__name__}: {place}: {str(error).splitlines()[0]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
