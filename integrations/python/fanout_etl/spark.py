"""`spark.read.format("fanout")` for Spark 4: the rows of a list, read from WeChat if they are not in the journal yet.

Before it: a Spark job, which has called `spark.dataSource.register(FanoutSource)`. Behind it: `program`, on the driver;
the executors read the Parquet files that the report of the run names. Each `load()` is planned once, by a run for its schema
and one for its files: `fanout run` finds a list that is complete, and makes no API call.
"""
import os
from dataclasses import dataclass

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema

from fanout_etl import program

OPTIONS = ("account", "date", "endpoint", "list", "mode", "pipeline", "program", "sink")


class FanoutSource(DataSource):
    """Options: `pipeline` (a file), and if need be `list`, `account`, `date`, `sink`, `endpoint`, `program`, `mode`.

    `mode` is `files`, or `pipe` for a Spark in one process: the only partition is then a run that writes its rows to a
    pipe, and the pipeline file needs no sink of files.
    """

    @classmethod
    def name(cls):
        return "fanout"

    def schema(self):
        return from_arrow_schema(self.reader(None).columns())

    def reader(self, schema):
        options = dict(self.options)
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown or "pipeline" not in options:
            raise ValueError(f"found the options {', '.join(sorted(options)) or 'none'}; expected `pipeline`, and some of {', '.join(OPTIONS)}")
        mode = options.pop("mode", "files")
        if mode not in MODES:
            raise ValueError(f"the option `mode` is `{mode}`, expected one of {', '.join(MODES)}")
        return MODES[mode](**options)


@dataclass
class File(InputPartition):
    """A file of a published list."""

    location: str
    date: str


class Pipe(DataSourceReader):
    """Reads the rows of a run from its stdout."""

    def __init__(self, pipeline, sink=None, endpoint=None, **options):
        if sink is not None or endpoint is not None:
            raise ValueError("the options `sink` and `endpoint` are for `mode` `files`")
        self.pipeline, self.options = pipeline, options

    def columns(self):
        return program.schema(self.pipeline, **self.options)

    def partitions(self):
        return [InputPartition(0)]  # all rows come from one run

    def read(self, _partition):
        yield from program.batches(self.pipeline, **self.options)


class Files(DataSourceReader):
    """Runs the pipeline file on the driver, and reads the files of one of its sinks on the executors."""

    def __init__(self, pipeline, list="followers", sink=None, endpoint=None, **options):
        self.pipeline, self.list, self.sink, self.endpoint, self.options = pipeline, list, sink, endpoint, options

    def columns(self):
        files = self.partitions()
        if not files:
            raise ValueError(f"the run has published no `{self.list}` to a sink of Parquet files")
        return _dated(_open(files[0].location, self.endpoint).schema_arrow)

    def partitions(self):
        report = program.run(self.pipeline, "--list", self.list, **self.options)
        files = []
        for row in report["accounts"]:
            if row["list"] == self.list:
                files += [File(_absolute(location), row["date"]) for location in self._locations(row)]
        return files

    def _locations(self, row):
        """Returns the files of the list of one account, from the sink that is named, or from the only one that has any."""
        found = {}
        for sink in row["sinks"]:
            locations = [output["location"] for output in sink.get("outputs", [])]
            is_parquet = bool(locations) and all(location.endswith(".parquet") for location in locations)
            if is_parquet and self.sink in (None, sink["sink"]):
                # A list that was gone may have been published once more, by this very run.
                is_earlier = sink["state"] == "already_published"
                found[sink["sink"]] = (locations, sink["found"] if is_earlier else None)
        if len(found) != 1:
            wanted = "one sink" if self.sink is None else f"the sink `{self.sink}`"
            names = ", ".join(found) or "none"
            hint = "name it in the option `sink`" if found else "add one, or use `mode` `pipe`"
            raise ValueError(f"found {names}, expected {wanted} with Parquet files of `{self.list}` in `{self.pipeline}`; {hint}")
        [(locations, state)] = found.values()
        if state in ("gone", "replaced"):
            raise FileNotFoundError(f"the list of `{row['account']}` for {row['date']} is {state}: {', '.join(locations)}")
        return locations

    def read(self, file):
        import pyarrow

        date = pyarrow.scalar(file.date, pyarrow.string()).cast(pyarrow.date32())
        for batch in _open(file.location, self.endpoint).iter_batches():
            dates = pyarrow.repeat(date, batch.num_rows)
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, dates], schema=_dated(batch.schema))


MODES = {"files": Files, "pipe": Pipe}


def _absolute(location):
    # Executors may run in another folder.
    return location if "://" in location else os.path.abspath(location)


def _open(location, endpoint=None):
    import pyarrow.fs
    import pyarrow.parquet

    # Not by `from_uri`: the keys in a report are as they are, with spaces and Chinese characters.
    scheme, separator, path = location.partition("://")
    if not separator:
        return pyarrow.parquet.ParquetFile(location, filesystem=pyarrow.fs.LocalFileSystem())
    if scheme != "s3":
        raise ValueError(f"found the file `{location}`, expected one on a disk or under `s3://`")
    return pyarrow.parquet.ParquetFile(path, filesystem=pyarrow.fs.S3FileSystem(endpoint_override=endpoint))


def _dated(schema):
    """Adds the column `dt`, as the sink `arrow` does. What Parquet says about columns is left out."""
    import pyarrow

    fields = [field.remove_metadata() for field in schema.remove_metadata()]
    return pyarrow.schema([*fields, pyarrow.field("dt", pyarrow.date32(), nullable=False)])
