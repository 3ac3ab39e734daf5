"""What other programs do to a table, with the library of each kind of table: they read it, write to it, clean it.

The sinks are not used here, so that what they publish is judged by what a reader of the table sees.
"""
import glob
import json
import os


class Kind:
    """A table in the working directory."""

    def settings(self, table):
        """Returns the settings of the sink."""
        raise NotImplementedError

    def read(self, table, date, app_id):
        """Returns a partition as an Arrow table; None if there is no table."""
        raise NotImplementedError

    def delete(self, table, date, app_id):
        raise NotImplementedError

    def append(self, table, rows):
        """Adds an Arrow table, whatever its partitions."""
        raise NotImplementedError

    def rewrite(self, table, date, app_id):
        """Writes the rows of a partition into another file, as a compaction does."""
        raise NotImplementedError

    def add_column(self, table, name):
        """Adds a column of text."""
        raise NotImplementedError

    def commits(self, table):
        raise NotImplementedError

    def named(self, table):
        """Returns the files of rows that any commit names."""
        raise NotImplementedError

    def files(self, table):
        """Returns the files of rows that there are, named or not."""
        raise NotImplementedError

    def clean(self, table):
        """Removes the files that no commit names, if the library can, and returns whether it can."""
        return False


class Delta(Kind):
    module = "deltalake"

    def settings(self, table):
        return {"table": f"lake/{table}"}

    def _load(self, table):
        from deltalake import DeltaTable

        return DeltaTable(f"lake/{table}")

    def read(self, table, date, app_id):
        from deltalake.exceptions import TableNotFoundError

        try:
            loaded = self._load(table)
        except TableNotFoundError:
            return None
        filters = [("dt", "=", date), ("app_id", "=", app_id)]
        return loaded.to_pyarrow_dataset(file_pruning_predicate=filters).to_table()

    def delete(self, table, date, app_id):
        self._load(table).delete(f"dt = '{date}' AND app_id = '{app_id}'")

    def append(self, table, rows):
        from deltalake import write_deltalake

        write_deltalake(f"lake/{table}", rows, mode="append")

    def rewrite(self, table, date, app_id):
        # A second file, so that there is something to compact.
        self.append(table, self.read(table, date, app_id).slice(0, 0))
        from deltalake import write_deltalake

        rows = self.read(table, date, app_id)
        predicate = f"dt = '{date}' AND app_id = '{app_id}'"
        write_deltalake(f"lake/{table}", rows, mode="overwrite", predicate=predicate)

    def add_column(self, table, name):
        from deltalake import Field

        self._load(table).alter.add_columns([Field(name, "string")])

    def commits(self, table):
        return self._load(table).version() + 1

    def named(self, table):
        named = set()
        for log in glob.glob(f"lake/{table}/_delta_log/*.json"):
            with open(log, encoding="utf-8") as lines:
                added = [json.loads(line).get("add") for line in lines]
            named |= {os.path.join(f"lake/{table}", entry["path"]) for entry in added if entry}
        return named

    def files(self, table):
        return {path for path in glob.glob(f"lake/{table}/dt=*/**", recursive=True) if os.path.isfile(path)}

    def clean(self, table):
        self._load(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
        return True


class Iceberg(Kind):
    module = "pyiceberg"
    catalog = {"type": "sql", "uri": "sqlite:///catalog.db", "warehouse": "warehouse"}

    def settings(self, table):
        return {"table": f"lists.{table}", "catalog": self.catalog}

    def _load(self, table):
        from pyiceberg.catalog import load_catalog

        return load_catalog("fanout", **self.catalog).load_table(f"lists.{table}")

    def _filter(self, date, app_id):
        from pyiceberg.expressions import And, EqualTo

        return And(EqualTo("dt", date), EqualTo("app_id", app_id))

    def read(self, table, date, app_id):
        from pyiceberg.exceptions import NoSuchTableError

        try:
            loaded = self._load(table)
        except NoSuchTableError:
            return None
        return loaded.scan(row_filter=self._filter(date, app_id)).to_arrow()

    def delete(self, table, date, app_id):
        self._load(table).delete(self._filter(date, app_id))

    def append(self, table, rows):
        self._load(table).append(rows)

    def rewrite(self, table, date, app_id):
        loaded = self._load(table)
        rows = loaded.scan(row_filter=self._filter(date, app_id)).to_arrow()
        loaded.overwrite(rows, overwrite_filter=self._filter(date, app_id))

    def add_column(self, table, name):
        from pyiceberg.types import StringType

        with self._load(table).update_schema() as schema:
            schema.add_column(name, StringType())

    def commits(self, table):
        return len(self._load(table).metadata.snapshots)

    def named(self, table):
        loaded = self._load(table)
        named = set()
        for snapshot in loaded.metadata.snapshots:
            for manifest in snapshot.manifests(loaded.io):
                named |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(loaded.io)}
        return {os.path.relpath(path) for path in named}

    def files(self, table):
        data = f"warehouse/lists/{table}/data"
        return {path for path in glob.glob(f"{data}/**", recursive=True) if os.path.isfile(path)}


class Paimon(Kind):
    module = "pypaimon"
    catalog = {"warehouse": "paimon"}

    def settings(self, table):
        return {"table": f"lists.{table}", "catalog": self.catalog}

    def _load(self, table):
        from pypaimon import CatalogFactory

        return CatalogFactory.create(self.catalog).get_table(f"lists.{table}")

    def read(self, table, date, app_id):
        from pypaimon.catalog.catalog_exception import DatabaseNotExistException, TableNotExistException

        try:
            reader = self._load(table).new_read_builder()
        except (TableNotExistException, DatabaseNotExistException):
            return None
        predicate = reader.new_predicate_builder()
        here = [predicate.equal("dt", date), predicate.equal("app_id", app_id)]
        reader = reader.with_filter(predicate.and_predicates(here))
        return reader.new_read().to_arrow(reader.new_scan().plan().splits())

    def _write(self, table, rows, partition=None):
        build = self._load(table).new_batch_write_builder()
        if partition:
            build = build.overwrite(partition)
        write, commit = build.new_write(), build.new_commit()
        write.write_arrow(rows)
        commit.commit(write.prepare_commit())

    def delete(self, table, date, app_id):
        commit = self._load(table).new_batch_write_builder().new_commit()
        commit.truncate_partitions([{"dt": date, "app_id": app_id}])

    def append(self, table, rows):
        self._write(table, rows)

    def rewrite(self, table, date, app_id):
        self._write(table, self.read(table, date, app_id), {"dt": date, "app_id": app_id})

    def add_column(self, table, name):
        from pypaimon import CatalogFactory
        from pypaimon.schema.data_types import AtomicType
        from pypaimon.schema.schema_change import SchemaChange

        change = SchemaChange.add_column(name, AtomicType("STRING"))
        CatalogFactory.create(self.catalog).alter_table(f"lists.{table}", [change], False)

    def commits(self, table):
        return self._load(table).snapshot_manager().get_latest_snapshot().id

    def named(self, table):
        loaded = self._load(table)
        from pypaimon.manifest.manifest_file_manager import ManifestFileManager
        from pypaimon.manifest.manifest_list_manager import ManifestListManager

        lists, files, named = ManifestListManager(loaded), ManifestFileManager(loaded), set()
        for number in range(1, self.commits(table) + 1):
            snapshot = loaded.snapshot_manager().get_snapshot_by_id(number)
            for manifest in lists.read_all(snapshot):
                named |= {entry.file.file_name for entry in files.read(manifest.file_name)}
        return {path for path in self.files(table) if os.path.basename(path) in named}

    def files(self, table):
        return {path for path in glob.glob(f"paimon/lists.db/{table}/dt=*/**", recursive=True) if os.path.isfile(path)}


KINDS = {"delta": Delta, "iceberg": Iceberg, "paimon": Paimon}
