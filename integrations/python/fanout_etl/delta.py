"""A sink for Delta tables, with deltalake: `command = ["python3", "-m", "fanout_etl.delta"]`.

Before it: `partition`, which decides. Behind it: the table, whose log has the mark of each list as three numbers in
`txn` actions. They stay when the log is cleaned, and are found without reading it.
"""
import contextlib
import json
import os
import time
from urllib.parse import quote

import pyarrow
import pyarrow.fs
import pyarrow.parquet
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from fanout_etl import partition, sink
from fanout_etl.partition import ACCOUNT, DATE, Changed, Mark, Seen, Unclear

NUMBERS = ("owner", "begun_at", "list")  # of a mark
# Of the marks, for tables that this sink makes. After it, a list of an older date is refused.
RETENTION = {"delta.setTransactionRetentionDuration": "interval 60 days"}


class Delta(partition.Table):
    def __init__(self, hello):
        super().__init__(hello)
        self.options = self.settings.get("storage_options")
        values = {DATE: hello["date"], ACCOUNT: hello["app_id"]}
        self.partition = [(name, "=", value) for name, value in values.items()]
        folders = "/".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
        self.path = f"{folders}/{self.staged_name}.parquet"
        self.is_local = "://" not in self.name

    def open(self, schema):
        try:
            self.table = self._load()
        except TableNotFoundError:
            self.table = self._make(schema)
        parts = self.table.metadata().partition_columns
        if parts != [DATE, ACCOUNT]:
            sink.fail(f"table `{self.name}` is partitioned by `{', '.join(parts)}`, expected `{DATE}, {ACCOUNT}`")
        properties = self.table.metadata().configuration
        if properties.get("delta.columnMapping.mode", "none") != "none":
            sink.fail(f"table `{self.name}` has `delta.columnMapping.mode`, which this sink cannot write")
        for name in sorted(properties):
            if name.startswith("delta.constraints."):
                hint = "drop it (`ALTER TABLE … DROP CONSTRAINT`)"
                sink.fail(f"table `{self.name}` has `{name}`, which this sink does not check", hint)
        return pyarrow.schema(self.table.schema().to_arrow())

    def _make(self, schema):
        with contextlib.suppress(CommitFailedError):  # another program has made it
            DeltaTable.create(
                self.name, Schema.from_arrow(schema), mode="ignore", partition_by=[DATE, ACCOUNT],
                configuration=RETENTION, storage_options=self.options,
            )
        return self._load()

    def _load(self):
        return DeltaTable(self.name, storage_options=self.options)

    def stage(self, batches):
        # The partition's columns are in the log, and not in the file.
        columns = [field for field in pyarrow.schema(self.table.schema().to_arrow()) if field.name not in (DATE, ACCOUNT)]
        schema = pyarrow.schema([field.with_nullable(True) for field in columns])
        with self._create() as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch.select(schema.names))
            writer.close()
            self.size = file.tell()
        if self.is_local:
            partition.sync(os.path.join(self.name, self.path))
        return self.size

    def _create(self):
        if self.is_local:
            path = os.path.join(self.name, self.path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return open(path, "wb")
        return self._files().open_output_stream(self.path)

    def _files(self):
        handler = DeltaStorageHandler.from_table(self.table._table, self.options)
        return pyarrow.fs.PyFileSystem(handler)

    def look(self):
        try:
            table = self._load()
        except TableNotFoundError:
            return None
        numbers = [table.transaction_version(self._key(number)) for number in NUMBERS]
        mark = None if None in numbers else Mark(*numbers, facts={})
        rows = table.to_pyarrow_dataset(file_pruning_predicate=self.partition).count_rows()
        return Seen(mark, rows, table.version(), table)

    def _key(self, number):
        return f"fanout/{self.hello['date']}/{self.hello['app_id']}/{number}"

    def replace(self, seen, mark):
        now = int(time.time() * 1000)
        added = AddAction(
            self.path, self.size, {DATE: self.hello["date"], ACCOUNT: self.hello["app_id"]}, now, True,
            json.dumps({"numRecords": int(mark.facts["rows"])}),
        )
        marks = [Transaction(self._key(number), getattr(mark, number), now) for number in NUMBERS]
        try:
            seen.state.create_write_transaction(
                [added] if mark.has_rows() else [], "overwrite", seen.state.schema(), [DATE, ACCOUNT], self.partition,
                # No attempt of its own: what is there must be looked at before the next one.
                commit_properties=CommitProperties({"fanout": mark.facts}, 0, marks),
            )
        except CommitFailedError as error:
            raise Changed from error
        except Exception as error:  # also if what follows the commit has failed, such as a checkpoint
            raise Unclear from error

    def discard(self):
        if not self.is_local:
            return self._files().delete_file(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.name, self.path))


if __name__ == "__main__":
    partition.main(Delta)
