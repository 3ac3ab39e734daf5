"""What the sinks for tables share: a list replaces its partition (`dt`, `app_id`) in one commit, once.

Before it: `iceberg`, `delta` and `paimon`, each with a `Table`, which knows its library. Behind it: `sink`, which
talks to fanout.
"""
import contextlib
import hashlib
import json
import os
import random
import sys
import time
from dataclasses import dataclass
from datetime import datetime

import pyarrow

from fanout_etl import sink

DATE, ACCOUNT = "dt", "app_id"  # the partition of a list
PATIENCE_SECS = 300  # less than `commit_timeout_secs`: other writers may be faster for so long
SAME_LOOKS = 3  # so often a table may look as before a refused commit: a catalog may be slow to show a change
TAKEN_HINT = "a table takes one list of one sink: name another table"


class Changed(Exception):
    """The library has found that the table has changed since it was looked at. Its cause is the error of the library.

    The change may be this commit itself, if the answer to it was lost and the library has sent it again.
    """


class Unclear(Exception):
    """A commit has failed in a way in which it may have succeeded. Its cause is the error of the library."""


def fingerprint(*texts):
    """Returns a positive number of 63 bits."""
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return int.from_bytes(hashlib.sha256(joined.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Mark:
    """What a commit says of the list that it has published; `facts` say it in words."""

    owner: int  # pipeline, sink and list
    begun_at: int  # when its walk began, in microseconds since 1970
    list: int  # walk, digest and columns; odd if the list has rows
    facts: dict

    @classmethod
    def of(cls, facts):
        """Makes the mark of `facts`, which are texts."""
        begun_at = datetime.fromisoformat(facts["begun_at"].replace("Z", "+00:00"))
        return cls(
            owner=fingerprint(*(facts[key] for key in ("pipeline", "sink", "list"))),
            begun_at=round(begun_at.timestamp() * 1_000_000),
            list=fingerprint(*(facts[key] for key in ("walk", "digest", "columns"))) & ~1 | (facts["rows"] != "0"),
            facts=facts,
        )

    @classmethod
    def of_list(cls, hello, digest, rows):
        keys = ("pipeline", "sink", "list", "app_id", "date", "walk", "begun_at")
        columns = json.dumps([column["name"] for column in hello["schema"]])
        return cls.of({key: hello[key] for key in keys} | {"digest": digest, "rows": str(rows), "columns": columns})

    def has_rows(self):
        return self.list % 2 == 1


@dataclass(frozen=True)
class Seen:
    """What a partition has: the mark of the newest commit about it, and its rows."""

    mark: Mark | None
    rows: int
    version: object = None  # of the table
    state: object = None  # what `replace` needs


class Table:
    """A table of one library, for the list of `hello`. Nothing is opened before a method is called."""

    may_be_named = False  # whether a commit may name what is staged, because one was tried

    def __init__(self, hello):
        self.hello, self.settings = hello, resolved(hello["settings"])
        self.name = self.settings.get("table")
        if not isinstance(self.name, str) or not self.name:
            sink.fail("the key `table` is missing", "name the table: `settings = { table = \"…\" }`")
        self.staged_name = f"{hello['walk']}-{os.getpid()}"  # a killed process may still be running

    def open(self, schema):
        """Makes the table if it is missing, and returns its columns as an Arrow schema."""
        raise NotImplementedError

    def stage(self, batches):
        """Writes the batches, durable and not visible, and returns their bytes."""
        raise NotImplementedError

    def look(self):
        """Returns what the partition has now, as `Seen`; None if there is no table. Changes nothing."""
        raise NotImplementedError

    def replace(self, seen, mark):
        """Replaces what was `seen` with what is staged, in one commit. Raises `Changed` or `Unclear`."""
        raise NotImplementedError

    def discard(self):
        """Removes what is staged."""
        raise NotImplementedError

    def is_temporary(self, error):
        """Returns whether a later try may succeed where the library raised `error`."""
        # An error of the file system has a number; one of a connection has none.
        lasting = isinstance(error, (FileNotFoundError, PermissionError))
        return isinstance(error, OSError) and (error.errno is None or isinstance(error, ConnectionError)) and not lasting


def judge(seen, mark):
    """Says what has become of the list of `mark`, in a word of fanout's protocol, and what is there instead."""
    there = seen and seen.mark
    if seen is None or not seen.rows and (there is None or there.has_rows()):
        return "gone", None  # only a list without rows is there without any
    if there is None:
        return "unknown", f"{seen.rows} rows are there that no commit of fanout names"
    if there.owner != mark.owner:
        owner = "the pipeline `{pipeline}`, sink `{sink}`, list `{list}`"
        whose = owner.format(**there.facts) if there.facts else "another pipeline, sink or list"
        return "taken", f"it is of {whose}" if seen.rows else f"it has the list of {whose}, which has no rows"
    if there.begun_at > mark.begun_at:
        return "replaced", None
    if there.list != mark.list:
        walk = there.facts.get("walk")
        if there.begun_at == mark.begun_at:
            return "altered", "it has the list with other columns or rows"
        return "altered", f"it has the list of the older walk {walk}" if walk else "it has the list of an older walk"
    if str(seen.rows) != mark.facts["rows"]:
        return "altered", f"it has {seen.rows} rows, expected {mark.facts['rows']}"
    return "held", None


def main(table_type):
    """Publishes one list in its partition, or looks for it, as fanout asks, and ends the process."""
    code = 0
    try:
        _deliver(table_type)
    except SystemExit as end:
        code = end.code or 0
    sys.stderr.flush()
    os._exit(code)  # the threads of the libraries take seconds to end, and have nothing to do


def _deliver(table_type):
    try:
        received = sink.List(find=lambda hello, commit: _find(table_type, hello, commit))
    except pyarrow.ArrowInvalid:  # the input has ended before the list: an abort
        raise SystemExit from None
    hello = received.hello
    table = table_type(hello)
    with _told(table):
        columns = _patiently(table, lambda: table.open(columns_of(received.schema)))
        _check(table, received.schema, columns)
    try:
        with _told(table):
            size = table.stage(_rows(batch, columns, table) for batch in received if batch.num_rows)
        if received.prepare():
            with _told(table):
                _publish(table, Mark.of_list(hello, received.snapshot["digest"], received.rows))
            location = f"{table.name}/{DATE}={hello['date']}/{ACCOUNT}={hello['app_id']}"
            received.commit([{"location": location, "rows": received.rows, "bytes": size}])
    finally:
        _discard(table)


def _find(table_type, hello, commit):
    table = table_type(hello)
    with _told(table):
        seen = _patiently(table, table.look)
        state, text = judge(seen, Mark.of_list(hello, hello["digest"] or "", commit["rows"]))
    return state, text and f"{_place(table)}: {text}"


def _patiently(table, act):
    """Tries again what may succeed later, such as two accounts that make one catalog at once."""
    for pause in (0.2, 1, 3):
        try:
            return act()
        except Exception as error:
            if not table.is_temporary(error):
                raise
            time.sleep(pause)
    return act()


def _publish(table, mark):
    """Replaces the partition, unless it has the list already, or a newer one."""
    began, pause, same_looks, last, failure = time.monotonic(), 0.05, 0, None, None
    while True:
        seen = _patiently(table, table.look)
        state, text = judge(seen, mark)
        if state in ("held", "replaced"):
            return
        if failure is not None:
            is_same = seen is not None and seen.version == last.version
            same_looks = same_looks + 1 if is_same else 0
            # Who has refused it, if nobody else has written: the table, and for good.
            if not table.is_temporary(failure) and (is_lost or same_looks == SAME_LOOKS):
                raise failure
        if state in ("taken", "unknown"):
            hint = TAKEN_HINT + (", or delete this partition if it is not needed" if seen.rows else "")
            sink.fail(f"{_place(table)}: {text}", hint)
        table.may_be_named = mark.has_rows()  # from now on, whatever the library or fanout answers
        try:
            table.replace(seen, mark)
            return
        except (Changed, Unclear) as error:  # the next look tells
            last, failure, is_lost = seen, error.__cause__, isinstance(error, Unclear)
        if time.monotonic() - began > PATIENCE_SECS:
            message = f"{_place(table)}: no commit has succeeded for {PATIENCE_SECS} s, because others write, too"
            hint = "let fewer programs write at once"
            sink.fail(f"{message}; the last one ended with {_text_of(failure)}", hint, temporary=True)
        time.sleep(random.uniform(0, pause))
        pause = min(2 * pause, 2)


def _discard(table):
    """Removes what is staged, unless a commit may name it. What stays is found by the table's own cleaning."""
    if not table.may_be_named:
        with contextlib.suppress(Exception):
            table.discard()


def _place(table):
    return f"table `{table.name}`, partition `{DATE}={table.hello['date']}/{ACCOUNT}={table.hello['app_id']}`"


@contextlib.contextmanager
def _told(table):
    """Tells fanout of an error of the library, with the place."""
    try:
        yield
    except Exception as error:
        sink.fail(f"{_place(table)}: {_text_of(error)}", temporary=table.is_temporary(error))


def _text_of(error):
    text = str(error).strip().split("\n")[0] or "no reason is given"
    return f"{type(error).__name__}: {text}"


def columns_of(schema):
    """Returns the columns of a new table for a list: its partition first, all of them nullable."""
    def kind(column):
        is_instant = pyarrow.types.is_timestamp(column)
        return pyarrow.timestamp("us", column.tz) if is_instant else column  # tables have no seconds

    partition = [pyarrow.field(name, pyarrow.string()) for name in (DATE, ACCOUNT)]
    return pyarrow.schema([*partition, *(pyarrow.field(f.name, kind(f.type)) for f in schema if f.name != ACCOUNT)])


def _check(table, schema, columns):
    for name in [DATE, ACCOUNT, *schema.names]:
        if name not in columns.names:
            hint = f"add it (`ALTER TABLE … ADD COLUMN {name}`), or leave it out with the sink's key `columns`"
            sink.fail(f"table `{table.name}` has no column `{name}`", hint)
    for field in columns:
        if not field.nullable and field.name not in (DATE, ACCOUNT, *schema.names):
            _refuse_nulls(table, field.name, "the list lacks it")


def _refuse_nulls(table, name, reason):
    message = f"column `{name}` of table `{table.name}` may not be null, and {reason}"
    sink.fail(message, f"let it be null (`ALTER TABLE … ALTER COLUMN {name} DROP NOT NULL`), or publish it with the list")


def _rows(batch, columns, table):
    """Returns the rows of a batch in the columns of the table; those that the list lacks are null."""
    partition = {DATE: table.hello["date"], ACCOUNT: table.hello["app_id"]}

    def column(field):
        if field.name in partition:
            return pyarrow.repeat(pyarrow.scalar(partition[field.name]), batch.num_rows).cast(field.type)
        if field.name in batch.schema.names:
            values = batch.column(field.name)
            if values.null_count and not field.nullable:
                _refuse_nulls(table, field.name, "it is null in the list")
            return values.cast(field.type)
        return pyarrow.nulls(batch.num_rows, field.type)

    nullable = pyarrow.schema([field.with_nullable(True) for field in columns])
    return pyarrow.RecordBatch.from_arrays([column(field) for field in columns], schema=nullable)


def local(path):
    """Returns a path or an address of a disk as a path; None if it is of a store."""
    return None if "://" in path and not path.startswith("file:") else path.removeprefix("file://").removeprefix("file:")


def sync(path):
    """Waits until a file is on the disk, if it is on one: the libraries do not."""
    if local(path) is not None:
        with open(local(path), "rb") as file:
            os.fsync(file.fileno())


def resolved(settings):
    """Returns `settings` with the value of the variable `NAME` for each `{ env = "NAME" }`."""
    if not isinstance(settings, dict):
        return settings
    if set(settings) != {"env"}:
        return {key: resolved(value) for key, value in settings.items()}
    name = settings["env"]
    if name not in os.environ:
        sink.fail(f"the variable `{name}` is not set", "name it in the sink's key `options.environment`")
    return os.environ[name]
