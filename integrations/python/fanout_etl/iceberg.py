"""A sink for Iceberg tables, with PyIceberg: `command = ["python3", "-m", "fanout_etl.iceberg"]`.

Before it: `partition`, which decides. Behind it: the table and its catalog. Each list is one snapshot, whose summary
has the mark of the list.
"""
import contextlib
import functools
import os
from urllib.parse import quote

import pyarrow
import pyarrow.parquet
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import (
    CommitFailedException, CommitStateUnknownException, NamespaceAlreadyExistsError, NoSuchNamespaceError,
    NoSuchTableError, ServerError, ServiceUnavailableError, TableAlreadyExistsError, TooManyRequestsError,
    ValidationException, WaitingForLockException,
)
from pyiceberg.expressions import And, EqualTo
from pyiceberg.io.pyarrow import parquet_file_to_data_file, schema_to_pyarrow

from fanout_etl import partition, sink
from fanout_etl.partition import ACCOUNT, DATE, Changed, Mark, Seen, Unclear

TEMPORARY = (
    CommitStateUnknownException, ServerError, ServiceUnavailableError, TooManyRequestsError, WaitingForLockException,
)
PREFIX = "fanout."  # of what a snapshot says of its list
DEFAULTS = {
    # Each commit writes a file with all snapshots: the old ones of these go at once.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}


class Iceberg(partition.Table):
    def __init__(self, hello):
        super().__init__(hello)
        self.filter = And(EqualTo(DATE, hello["date"]), EqualTo(ACCOUNT, hello["app_id"]))

    @functools.cached_property
    def catalog(self):
        settings = dict(self.settings.get("catalog", {}))
        if "warehouse" in settings and ":" not in settings["warehouse"]:
            settings["warehouse"] = os.path.abspath(settings["warehouse"])  # readers run in other folders
        return load_catalog(settings.pop("name", "fanout"), **settings)

    def open(self, schema):
        try:
            self.table = self.catalog.load_table(self.name)
        except (NoSuchTableError, NoSuchNamespaceError):
            self.table = self._make(schema)
        fields = self._fields(self.table.spec())
        if fields != [(DATE, "identity"), (ACCOUNT, "identity")]:
            parts = ", ".join(f"{transform}({name})" for name, transform in fields)
            sink.fail(f"table `{self.name}` is partitioned by `{parts}`, expected `{DATE}, {ACCOUNT}`")
        return schema_to_pyarrow(self.table.schema())

    def _make(self, schema):
        with contextlib.suppress(NamespaceAlreadyExistsError):
            self.catalog.create_namespace_if_not_exists(self.name.rpartition(".")[0])
        # Another program may make it at the same time.
        with contextlib.suppress(TableAlreadyExistsError, CommitFailedException):
            with self.catalog.create_table_transaction(self.name, schema, properties=DEFAULTS) as new:
                with new.update_spec() as spec:
                    spec.add_identity(DATE)
                    spec.add_identity(ACCOUNT)
        return self.catalog.load_table(self.name)

    def _fields(self, spec):
        return [(self.table.schema().find_column_name(field.source_id), str(field.transform)) for field in spec.fields]

    def stage(self, batches):
        folders = "/".join(f"{name}={quote(value, safe='')}" for name, value in self._values().items())
        self.path = f"{self.table.location()}/data/{folders}/{self.staged_name}.parquet"
        schema = pyarrow.schema([field.with_nullable(True) for field in schema_to_pyarrow(self.table.schema())])
        output = self.table.io.new_output(self.path)
        with output.create(overwrite=True) as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch.cast(schema))
        partition.sync(self.path)
        return len(output)

    def _values(self):
        return {DATE: self.hello["date"], ACCOUNT: self.hello["app_id"]}

    def look(self):
        try:
            table = self.catalog.load_table(self.name)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None
        scan = table.scan(row_filter=self.filter)
        tasks = list(scan.plan_files())
        # Deleted rows are in files of their own, and only a reader can count what they leave.
        has_deletes = any(task.delete_files for task in tasks)
        rows = scan.count() if has_deletes else sum(task.file.record_count for task in tasks)
        version = table.metadata_location
        return Seen(self._newest_mark(table), rows, version, (table, [task.file for task in tasks]))

    def _newest_mark(self, table):
        """Returns the mark of the newest snapshot about this partition, of those that are not expired."""
        snapshots = {snapshot.snapshot_id: snapshot for snapshot in table.metadata.snapshots}
        snapshot = table.current_snapshot()
        while snapshot is not None:
            said = snapshot.summary.additional_properties if snapshot.summary else {}
            facts = {key.removeprefix(PREFIX): value for key, value in said.items() if key.startswith(PREFIX)}
            if facts.get("date") == self.hello["date"] and facts.get("app_id") == self.hello["app_id"]:
                return Mark.of(facts)
            snapshot = snapshots.get(snapshot.parent_snapshot_id)
        return None

    def replace(self, seen, mark):
        table, files = seen.state
        for file in files:
            if self._fields(table.specs()[file.spec_id]) != self._fields(self.table.spec()):
                sink.fail(f"`{file.file_path}` is of an older partitioning of table `{self.name}`", "rewrite the table's files")
        # No attempt of its own: what is there must be looked at before the next one. Set for this commit only.
        table.metadata.properties["commit.retry.num-retries"] = "0"
        said = {PREFIX + key: value for key, value in mark.facts.items()}
        added = parquet_file_to_data_file(table.io, table.metadata, self.path) if mark.has_rows() else None
        try:
            with table.transaction() as change, change.update_snapshot(snapshot_properties=said).overwrite() as snapshot:
                # PyIceberg deletes the manifests after a conflict. But one on its own commit is reported as a conflict, too,
                # if the client has sent it again after a lost answer: then the table would name files that are gone.
                snapshot._clean_all_uncommitted = lambda: None
                for file in files:
                    snapshot.delete_data_file(file)
                if added:
                    snapshot.append_data_file(added)
        except (CommitFailedException, ValidationException) as error:
            raise Changed from error
        except Exception as error:
            raise Unclear from error

    def discard(self):
        with contextlib.suppress(FileNotFoundError):
            self.table.io.delete(self.path)

    def is_temporary(self, error):
        # A database that is locked, or cannot be reached, is not known to PyIceberg.
        is_lost = any(name.__name__ == "OperationalError" for name in type(error).__mro__)
        return is_lost or isinstance(error, TEMPORARY) or super().is_temporary(error)


if __name__ == "__main__":
    partition.main(Iceberg)
