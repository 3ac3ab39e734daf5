"""Tries which reader reads which encoding and compression of the parquet sink.

    python3 parquet_readers.py TABLE TRUTH LISTS READER [READER]...

LISTS has a root of the parquet sink for each pair, named ENCODING-COMPRESSION. TRUTH is the same list as lines of JSON.
Each READER is a key of `READERS` below. For each, a row of a Markdown table is printed: the reader, and for each encoding
the compressions that it reads. Each row must be in the file TABLE, word for word. A reader that gives another list than the
truth, instead of an error, fails the script in any case.

Exit code 1: a row is not in TABLE, or a reader was wrong. Exit code 3: a reader is not installed.
"""

import datetime
import functools
import glob
import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import version

ENCODINGS = ["mixed", "plain", "delta"]
COMPRESSIONS = ["zstd", "snappy", "gzip", "lz4_raw", "none"]
COLUMNS = ["app_id", "openid", "position", "page"]
MICROSECONDS = "fetched_at_us"
READ_JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parquet-readers", "read.js")


def files(folder):
    return sorted(glob.glob(os.path.join(folder, "**", "*.parquet"), recursive=True))


def from_arrow(table):
    """Returns the columns of an Arrow table in the form of the truth."""
    import pyarrow

    instants = table.column("fetched_at").cast(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64())
    rows = zip(*(table.column(name).to_pylist() for name in COLUMNS), instants.to_pylist())
    # A reader may read several row groups at once.
    return from_rows(sorted(rows, key=lambda row: row[COLUMNS.index("position")]))


def by_pyarrow(folder):
    import pyarrow.dataset

    return from_arrow(pyarrow.dataset.dataset(folder, partitioning="hive").to_table())


def by_pandas(folder):
    import pandas
    import pyarrow

    return from_arrow(pyarrow.Table.from_pandas(pandas.read_parquet(folder)))


def by_duckdb(folder):
    import duckdb

    columns = ", ".join(COLUMNS) + ", epoch_us(fetched_at)"
    lists = f"read_parquet('{folder}/**/*.parquet')"
    return from_rows(duckdb.sql(f"SELECT {columns} FROM {lists} ORDER BY position").fetchall())


def by_polars(folder):
    import polars

    instant = polars.col("fetched_at").dt.epoch("us").alias(MICROSECONDS)
    return polars.scan_parquet(f"{folder}/**/*.parquet").select(*COLUMNS, instant).collect().to_dict(as_series=False)


def by_datafusion(folder):
    import datafusion

    return from_arrow(datafusion.SessionContext().read_parquet(folder + "/").to_arrow_table())


def by_fastparquet(folder):
    import fastparquet

    (path,) = files(folder)
    frame = fastparquet.ParquetFile(path).to_pandas()
    columns = {name: frame[name].tolist() for name in COLUMNS}
    return columns | {MICROSECONDS: frame["fetched_at"].astype("datetime64[us]").astype("int64").tolist()}


@functools.cache
def spark():
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
    }
    if "ICEBERG_JARS" in os.environ:
        settings |= {
            "spark.jars": os.environ["ICEBERG_JARS"],
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.lake.type": "hadoop",
            "spark.sql.catalog.lake.warehouse": os.path.abspath("warehouse"),
        }
    builder = SparkSession.builder.master("local[1]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def from_spark(frame):
    instant = "CAST(unix_micros(fetched_at) AS BIGINT)"
    return from_rows(map(tuple, frame.selectExpr(*COLUMNS, instant).orderBy("position").collect()))


def by_spark(vectorised):
    def read(folder):
        spark().conf.set("spark.sql.parquet.enableVectorizedReader", vectorised)
        return from_spark(spark().read.parquet(folder))

    return read


def by_iceberg(vectorised):
    """Registers the files in a table of Iceberg, and lets Iceberg's own reader read them."""

    def read(folder):
        session, name = spark(), os.path.basename(folder).replace("-", "_")
        session.sql(
            f"""CREATE TABLE IF NOT EXISTS lake.lists.{name} (app_id STRING, openid STRING, position BIGINT, page INT,
            fetched_at TIMESTAMP, dt DATE, account STRING) USING iceberg PARTITIONED BY (dt, account)"""
        )
        if session.table(f"lake.lists.{name}.files").count() == 0:
            source = f"`parquet`.`{os.path.abspath(folder)}`"
            session.sql(f"CALL lake.system.add_files(table => 'lists.{name}', source_table => '{source}')")
        key = "read.parquet.vectorization.enabled"
        session.sql(f"ALTER TABLE lake.lists.{name} SET TBLPROPERTIES ('{key}' = '{vectorised}')")
        return from_spark(session.table(f"lake.lists.{name}"))

    return read


@functools.cache
def sail():
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start()
    # With the server, which ends when nothing holds it.
    return SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate(), server


def by_sail(folder):
    session, _ = sail()
    return from_arrow(session.read.parquet(os.path.abspath(folder)).toArrow())


def by_hyparquet(folder):
    """Reads with a library of JavaScript, which writes the rows as lines of JSON."""
    (path,) = files(folder)
    done = subprocess.run(["node", READ_JS, path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return from_rows(json.loads(line) for line in done.stdout.splitlines())


def from_rows(rows):
    return dict(zip(COLUMNS + [MICROSECONDS], map(list, zip(*rows))))


def python_package(name, title=None):
    return lambda: f"{title or name} {version(name)}"


def spark_title(mode):
    return lambda: f"Spark {version('pyspark')}, {mode}"


def iceberg_title(mode):
    return lambda: f"Iceberg {os.environ['ICEBERG_VERSION']} in Spark {version('pyspark')}, {mode}"


def hyparquet_title():
    titles = []
    for name in ("hyparquet", "hyparquet-compressors"):
        with open(os.path.join(os.environ["NODE_PATH"], name, "package.json"), encoding="utf-8") as file:
            titles.append(f"{name} {json.load(file)['version']}")
    return " with ".join(titles)


# Each with the module that it needs, the name in the table, and what reads.
READERS = {
    "pyarrow": ("pyarrow", python_package("pyarrow"), by_pyarrow),
    "pandas": ("pandas", python_package("pandas"), by_pandas),
    "duckdb": ("duckdb", python_package("duckdb"), by_duckdb),
    "polars": ("polars", python_package("polars"), by_polars),
    "datafusion": ("datafusion", python_package("datafusion"), by_datafusion),
    "fastparquet": ("fastparquet", python_package("fastparquet"), by_fastparquet),
    "spark-vectorised": ("pyspark", spark_title("vectorised"), by_spark("true")),
    "spark-rows": ("pyspark", spark_title("row by row"), by_spark("false")),
    "iceberg-vectorised": ("pyspark", iceberg_title("vectorised"), by_iceberg("true")),
    "iceberg-rows": ("pyspark", iceberg_title("row by row"), by_iceberg("false")),
    "sail": ("pysail", python_package("pysail", "Sail"), by_sail),
    "hyparquet": (None, hyparquet_title, by_hyparquet),
}


def read_truth(path):
    """Returns the columns of a list that is written as lines of JSON."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    columns = {name: [line[name] for line in lines] for name in COLUMNS}
    instants = (datetime.datetime.fromisoformat(line["fetched_at"]) - epoch for line in lines)
    return columns | {MICROSECONDS: [instant // datetime.timedelta(microseconds=1) for instant in instants]}


def in_words(read):
    """Returns the cell of an encoding: which compressions can be read."""
    lacking = [f"`{compression}`" for compression in COMPRESSIONS if compression not in read]
    if not lacking:
        return "all"
    return "none" if not read else "all but " + ", ".join(lacking)


def row(reader, truth, lists):
    """Returns a reader's row of the table, and whether it has read something that is not there."""
    _, title, read = READERS[reader]
    cells, wrong = [], False
    for encoding in ENCODINGS:
        good = []
        for compression in COMPRESSIONS:
            pair = f"{encoding}-{compression}"
            try:
                found = read(os.path.join(lists, pair))
            except Exception as error:  # whatever a reader throws: it cannot read this
                lines = str(error).splitlines()
                reason = next((line for line in lines if "Unsupported" in line or "Cannot support" in line), lines[0])
                print(f"refuses {reader} {pair}: {type(error).__name__}: {reason.strip()[:200]}")
                continue
            if found == truth:
                good.append(compression)
            else:
                wrong = True
                print(f"WRONG   {reader} reads another list from {pair}")
        cells.append(in_words(good))
    return f"| {title()} | {' | '.join(cells)} |", wrong


def main(table, truth, lists, *readers):
    for module in {READERS[reader][0] for reader in readers} - {None}:
        try:
            importlib.import_module(module)
        except ImportError as error:
            print(error)
            return 3
    truth = read_truth(truth)
    with open(table, encoding="utf-8") as file:
        documented = set(file.read().splitlines())
    failures = 0
    for reader in readers:
        line, wrong = row(reader, truth, lists)
        good = line in documented and not wrong
        failures += not good
        print(f"{'ok     ' if good else 'FAILED '} {line}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
