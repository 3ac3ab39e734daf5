"""Merges deltas into the table of who follows, by a statement of `examples/changes`, and prints the table after each.

    python3 current_table.py ENGINE STATEMENT ROOT DATE [ROOT DATE]...

ENGINE is `duckdb`, `iceberg` (Spark) or `delta` (Sail). ROOT is one of the parquet sink. After each ROOT and DATE a line
`== DATE` is printed, and the rows of the table as lines of JSON, with times in microseconds since 1970. Exit code 3: the
engine is not installed.
"""

import atexit
import json
import os
import sys

TIMES = ["first_seen", "followed_at", "unfollowed_not_before", "unfollowed_not_after"]
TEXTS = ["app_id", "openid", "unionid", "subscribe_scene", "to_walk"]
COLUMNS = ["is_following"] + TEXTS + TIMES


def by_duckdb():
    import duckdb

    connection = duckdb.connect()
    # Not UTC, as at a user's desk.
    connection.execute("SET TimeZone = 'Asia/Shanghai'")

    def merge(statement, root, date):
        connection.execute(f"SET VARIABLE dt = DATE '{date}'")
        connection.execute(f"SET VARIABLE changes = '{root}/**/*.parquet'")
        connection.execute(statement)
        columns = ", ".join(["is_following"] + TEXTS + [f"epoch_us({name})" for name in TIMES])
        return connection.execute(f"SELECT {columns} FROM followers_current").fetchall()

    return merge


def merge_with_spark(session):
    def merge(statement, root, date):
        statement = statement.replace("${changes}", os.path.abspath(root)).replace("${dt}", date)
        lines = (line for line in statement.splitlines() if not line.lstrip().startswith("--"))
        for part in "\n".join(lines).split(";"):
            if part.strip():
                session.sql(part).collect()
        columns = ["is_following"] + TEXTS + [f"unix_micros({name})" for name in TIMES]
        return [tuple(row) for row in session.sql(f"SELECT {', '.join(columns)} FROM followers_current").collect()]

    return merge


def by_spark_with_iceberg():
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "Asia/Shanghai",
        "spark.sql.shuffle.partitions": "2",
        "spark.jars": os.environ["ICEBERG_JARS"],
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": os.path.abspath("warehouse"),
        "spark.sql.defaultCatalog": "lake",
    }
    builder = SparkSession.builder.master("local[1]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    session.sql("CREATE NAMESPACE IF NOT EXISTS lake.default")
    session.sql("DROP TABLE IF EXISTS lake.default.followers_current")
    session.sql("USE lake.default")
    return merge_with_spark(session)


def by_sail_with_delta():
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start()
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate()
    session.conf.set("spark.sql.warehouse.dir", os.path.abspath("warehouse"))
    # The server is stopped before the interpreter ends, which would wait for it.
    atexit.register(lambda: (session.stop(), server.stop()))
    return merge_with_spark(session)


ENGINES = {"duckdb": by_duckdb, "iceberg": by_spark_with_iceberg, "delta": by_sail_with_delta}


def main(engine, path, *steps):
    try:
        merge = ENGINES[engine]()
    except ImportError as error:
        print(error)
        return 3
    with open(path, encoding="utf-8") as file:
        statement = file.read()
    for root, date in zip(steps[::2], steps[1::2]):
        print("==", date)
        for row in merge(statement, root, date):
            print(json.dumps(dict(zip(COLUMNS, row)), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
