"""The promises of the sinks that need a table of the library, and no fanout.

    KIND=delta PYTHONPATH=../../integrations/python python3 -m unittest test_libraries

`KIND` is `delta`, `iceberg` or `paimon`; this Python has its library.
"""
import datetime
import importlib
import io
import json
import os
import tempfile
import unittest
from unittest import mock

import pyarrow

import kinds
from fanout_etl import partition, sink
from fanout_etl.partition import Mark, judge

KIND = os.environ["KIND"]
MODULE = importlib.import_module(f"fanout_etl.{KIND}")
SCHEMA = pyarrow.schema([pyarrow.field("openid", pyarrow.string())])
DATE, APP_ID = "2026-11-22", "wx1"
HELLO = {
    "pipeline": "followers", "sink": "table", "list": "followers", "app_id": APP_ID, "date": DATE,
    "walk": "000007-20261122T010203Z", "begun_at": "2026-11-22T01:02:03.400000Z",
    "schema": [{"name": "openid", "type": "Utf8", "nullable": True}],
}
LATER = {"walk": "000008-20261122T050000Z", "begun_at": "2026-11-22T05:00:00.000000Z"}


def for_kind(kind):
    return unittest.skipUnless(KIND == kind, f"for {kind}")


class Libraries(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.kind = kinds.KINDS[KIND]()

    def table(self, **changes):
        return getattr(MODULE, KIND.capitalize())(HELLO | {"settings": self.kind.settings("followers")} | changes)

    def mark(self, rows, **changes):
        return Mark.of_list(HELLO | changes, "blake3:00", rows)

    def publish(self, rows, **changes):
        """Publishes a list of so many rows, and returns the error that fanout was told, or None."""
        table, told = self.table(**changes), io.StringIO()
        with mock.patch.object(sink, "_output", told):
            try:
                with partition._told(table):
                    columns = table.open(partition.columns_of(SCHEMA))
                    batches = [pyarrow.record_batch([[str(number) for number in range(rows)]], schema=SCHEMA)] if rows else []
                    table.stage(partition._rows(batch, columns, table) for batch in batches)
                    partition._publish(table, self.mark(rows, **changes))
            except SystemExit:
                return json.loads(told.getvalue())
            finally:
                partition._discard(table)

    def state(self, rows, **changes):
        return judge(self.table(**changes).look(), self.mark(rows, **changes))[0]

    def read(self):
        return sorted(self.kind.read("followers", DATE, APP_ID)["openid"].to_pylist())

    def test_an_empty_list_is_a_commit_of_its_own(self):
        for rows, changes in [(0, {}), (3, LATER)]:  # in a new table, and after it
            self.assertIsNone(self.publish(rows, **changes))
            self.assertEqual(self.state(rows, **changes), "held")
        latest = {"walk": "000009-20261122T060000Z", "begun_at": "2026-11-22T06:00:00.000000Z"}
        before = self.kind.commits("followers")
        self.assertIsNone(self.publish(0, **latest))
        self.assertEqual((self.read(), self.state(0, **latest)), ([], "held"))
        self.assertEqual(self.kind.commits("followers"), before + 1)

    def test_a_column_that_may_not_be_null_is_refused_if_the_list_lacks_it(self):
        self.table().open(partition.columns_of(SCHEMA).append(pyarrow.field("note", pyarrow.string(), nullable=False)))
        # `open` has made the table as it was told to; a program that publishes finds it.
        table, told = self.table(), io.StringIO()
        with mock.patch.object(sink, "_output", told), self.assertRaises(SystemExit):
            partition._check(table, SCHEMA, table.open(partition.columns_of(SCHEMA)))
        self.assertIn("column `note` of table", json.loads(told.getvalue())["message"])

    @for_kind("delta")
    def test_a_constraint_is_refused(self):
        self.publish(3)
        self.kind._load("followers").alter.add_constraint({"short": "openid < '9'"})
        told = self.publish(2, **LATER)
        self.assertIn("has `delta.constraints.short`, which this sink does not check", told["message"])
        self.assertEqual(self.read(), ["0", "1", "2"])

    @for_kind("delta")
    def test_an_append_only_table_gives_its_reason_at_once(self):
        self.publish(3)
        self.kind._load("followers").alter.set_table_properties({"delta.appendOnly": "true"})
        told = self.publish(2, **LATER)
        self.assertEqual(told["class"], "permanent")
        self.assertIn("append-only", told["message"])
        self.assertEqual(self.read(), ["0", "1", "2"])

    @for_kind("iceberg")
    def test_a_commit_that_has_landed_and_is_reported_as_a_conflict_can_be_read(self):
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.exceptions import CommitFailedException

        self.publish(3)
        commit_table = SqlCatalog.commit_table

        def landed(*arguments, **options):
            commit_table(*arguments, **options)
            raise CommitFailedException("the branch has changed: it was expected to be what it was")

        with mock.patch.object(SqlCatalog, "commit_table", landed):
            self.assertIsNone(self.publish(2, **LATER))
        self.assertEqual((self.read(), self.state(2, **LATER)), (["0", "1"], "held"))

    @for_kind("paimon")
    def test_a_commit_that_pypaimon_leaves_out_is_not_reported_as_published(self):
        from pypaimon.write.file_store_commit import FileStoreCommit

        with mock.patch.object(FileStoreCommit, "overwrite", lambda self, **options: None):
            told = self.publish(3)
        self.assertIn("pypaimon has made no commit", told["message"])

    @for_kind("paimon")
    def test_a_look_reads_no_snapshot_from_before_what_counts(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        table = self.table(date=str(now.date()), begun_at=now.isoformat())
        times = [now - datetime.timedelta(hours=hours, minutes=30) for hours in range(100, -1, -1)]
        mark = self.mark(3, date=str(now.date()), begun_at=(now - datetime.timedelta(hours=20)).isoformat())
        for rows, since, marked in [(0, now - datetime.timedelta(hours=1), None), (3, midnight(now, -1), None), (3, times[80], 80)]:
            snapshots = [Snapshot(number, time.timestamp() * 1000, {}) for number, time in enumerate(times, 1)]
            if marked:
                snapshots[marked].properties = {MODULE.PREFIX + key: value for key, value in mark.facts.items()}
            manager = mock.Mock(get_snapshot_by_id=mock.Mock(side_effect=lambda number: snapshots[number - 1]))
            self.assertEqual(table._newest_mark(manager, snapshots[-1], rows), mark if marked else None)
            # The newest one is read already, and one that is too old tells the end.
            expected = sum(time >= since for time in times) - bool(marked)
            self.assertEqual(manager.get_snapshot_by_id.call_count, expected)


class Snapshot:
    def __init__(self, number, time_millis, properties):
        self.id, self.time_millis, self.properties = number, time_millis, properties


def midnight(instant, days):
    return instant.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=days)


if __name__ == "__main__":
    unittest.main()
