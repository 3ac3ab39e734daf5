"""A sink for Paimon tables, with pypaimon: `command = ["python3", "-m", "fanout_etl.paimon"]`.

Before it: `partition`, which decides. Behind it: the table and its catalog. Each list is one snapshot, whose properties
have the mark of the list.
"""
import contextlib
import fcntl
import functools
import os
from datetime import datetime, timedelta, timezone

import pyarrow
from pypaimon import CatalogFactory, Schema
from pypaimon.catalog.catalog_exception import DatabaseNotExistException, TableNotExistException
from pypaimon.schema.data_types import PyarrowFieldParser
from pypaimon.snapshot.snapshot_commit import SnapshotCommit

from fanout_etl import partition, sink
from fanout_etl.partition import ACCOUNT, DATE, Changed, Mark, Seen, Unclear

PREFIX = "fanout."  # of what a snapshot says of its list


class Guarded(SnapshotCommit):
    """Lets only that snapshot pass which follows the one that was looked at."""

    def __init__(self, inner, seen_id, folder):
        self.inner, self.seen_id, self.folder, self.outcome = inner, seen_id, folder, "untried"

    def commit(self, base_snapshot_uuid, snapshot, statistics):
        with self._alone():
            if snapshot.id != self.seen_id + 1:
                self.outcome = "changed"
                return False
            self.outcome = "unclear"
            is_done = self.inner.commit(base_snapshot_uuid, snapshot, statistics)
            self.outcome = "done" if is_done else "changed"
            return is_done

    @contextlib.contextmanager
    def _alone(self):
        """Keeps other processes of this sink out: on a disk, pypaimon looks for a snapshot and then renames over it."""
        if self.folder is None:
            yield
            return
        os.makedirs(self.folder, exist_ok=True)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def close(self):
        self.inner.close()


class Paimon(partition.Table):
    messages = ()
    write = None

    def __init__(self, hello):
        super().__init__(hello)
        self.partition = {DATE: hello["date"], ACCOUNT: hello["app_id"]}

    @functools.cached_property
    def catalog(self):
        return CatalogFactory.create(self.settings.get("catalog", {}))

    def open(self, schema):
        try:
            table = self._load()
        except (TableNotExistException, DatabaseNotExistException):
            table = self._make(schema)
        if table.partition_keys != [DATE, ACCOUNT] or table.primary_keys:
            keys = ", ".join(table.partition_keys)
            message = f"table `{self.name}` has the partition keys `{keys}`, expected `{DATE}, {ACCOUNT}` and no primary key"
            sink.fail(message)
        # pypaimon would replace only the partitions of the rows, and none for a list without rows.
        self.table = table.copy({"data-file.prefix": f"{self.staged_name}-", "dynamic-partition-overwrite": "false"})
        return PyarrowFieldParser.from_paimon_schema(table.table_schema.fields)

    def _make(self, schema):
        new = Schema.from_pyarrow_schema(schema, partition_keys=[DATE, ACCOUNT], options={"file.format": "parquet"})
        try:
            self.catalog.create_database(self.name.rpartition(".")[0], True)
            self.catalog.create_table(self.name, new, True)
        except Exception as error:  # another program may have made it at the same time
            try:
                return self._load()
            except TableNotExistException:
                raise error from None
        return self._load()

    def _load(self):
        return self.catalog.get_table(self.name)

    def stage(self, batches):
        self.build = self.table.new_batch_write_builder().overwrite(self.partition)
        self.write = self.build.new_write()
        for batch in batches:
            self.write.write_arrow(pyarrow.Table.from_batches([batch]))
        self.messages = self.write.prepare_commit()
        files = [file for message in self.messages for file in message.new_files]
        for file in files:
            partition.sync(file.file_path)
        return sum(file.file_size for file in files)

    def look(self):
        try:
            table = self._load()
        except (TableNotExistException, DatabaseNotExistException):
            return None
        snapshots = table.snapshot_manager()
        latest = snapshots.get_latest_snapshot()
        if latest is None:
            return Seen(None, 0, version=0)
        table = table.copy({"scan.snapshot-id": str(latest.id)})
        reader = table.new_read_builder()
        predicate = reader.new_predicate_builder()
        here = [predicate.equal(name, value) for name, value in self.partition.items()]
        reader = reader.with_filter(predicate.and_predicates(here))
        rows = sum(_rows_of(split) for split in reader.new_scan().plan().splits())
        return Seen(self._newest_mark(snapshots, latest, rows), rows, version=latest.id)

    def _newest_mark(self, snapshots, snapshot, rows):
        """Returns the mark of the newest snapshot about this partition, of those that are not expired."""
        oldest = self._oldest(rows).timestamp() * 1000
        while snapshot is not None and snapshot.time_millis >= oldest:
            said = snapshot.properties or {}
            facts = {key.removeprefix(PREFIX): value for key, value in said.items() if key.startswith(PREFIX)}
            if facts.get("date") == self.hello["date"] and facts.get("app_id") == self.hello["app_id"]:
                return Mark.of(facts)
            snapshot = snapshots.get_snapshot_by_id(snapshot.id - 1) if snapshot.id > 1 else None
        return None

    def _oldest(self, rows):
        """Returns when the oldest snapshot was made that may have a mark which counts: to read one is to read a file.

        Of a partition without rows, only a list counts that is as new as this one: it was not published before this walk.
        Rows may be of an older list of the date, which was not published before its date began, east of us or here. An hour
        and a day are for clocks that differ, too.
        """
        now = datetime.now(timezone.utc)
        if rows:
            return min(now, datetime.fromisoformat(f"{self.hello['date']}T00:00:00+00:00")) - timedelta(days=1)
        return min(now, datetime.fromisoformat(self.hello["begun_at"].replace("Z", "+00:00"))) - timedelta(hours=1)

    def replace(self, seen, mark):
        commit = self.build.new_commit()
        store = commit.file_store_commit
        store.commit_max_retries = 0  # what is there must be looked at before the next attempt
        folder = partition.local(store.snapshot_manager.snapshot_dir)
        guarded = store.snapshot_commit = Guarded(store.snapshot_commit, seen.version, folder)
        try:
            commit.commit(self.messages, {PREFIX + key: value for key, value in mark.facts.items()})
        except Exception as error:
            if guarded.outcome in ("unclear", "done"):
                raise Unclear from error
            latest = store.snapshot_manager.get_latest_snapshot()
            if guarded.outcome == "changed" or (latest.id if latest else 0) != seen.version:
                raise Changed from error
            raise
        if guarded.outcome != "done":
            raise Unclear from RuntimeError("pypaimon has made no commit, and has reported no error")

    def discard(self):
        if self.messages:
            self.build.new_commit().abort(self.messages)
        elif self.write is not None:
            self.write.abort()


def _rows_of(split):
    rows = split.merged_row_count()
    return split.row_count if rows is None else rows


if __name__ == "__main__":
    partition.main(Paimon)
