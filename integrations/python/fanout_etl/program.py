"""Runs the program `fanout`: `run` returns the report of a run, `read` and `batches` the rows of a list, `schema` its columns.

Before it: Python code that wants lists. Behind it: one process `fanout run`, with its lock, its bound of memory and its
journal. What a walk has read is never asked for again: a second `read` of the same day makes no API call.
"""
import glob
import json
import subprocess
import threading

SINK = "fanout_etl"  # the name of the sink that `batches` adds to the pipeline file


class TryLater(RuntimeError):
    """The same command may succeed later: exit code 75, or 130 if it was interrupted."""


class NeedsPerson(RuntimeError):
    """A person must act: exit code 1, or 2 if the command line or the pipeline file is wrong."""


def run(pipeline, *arguments, account=None, date=None, program="fanout"):
    """Runs a pipeline file once, and returns the report (pipelines/report.schema.json) as a dict.

    `account` is a name or several, `date` a date or its text; `arguments` are further arguments of `fanout run`.
    """
    ended = subprocess.run(
        _command(program, pipeline, account, date, ["--json", *arguments]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    _check(ended.returncode, ended.stderr.decode(errors="replace"))
    try:
        report = json.loads(ended.stdout)
    except ValueError:  # rows, or nothing
        report = None
    if not isinstance(report, dict) or "accounts" not in report:  # a single row is a dict, too
        raise NeedsPerson(f"a sink of `{pipeline}` writes to stdout, where the report is expected; give it a file or a pipe")
    return report


def read(pipeline, *arguments, list="followers", columns=None, account=None, date=None, program="fanout"):
    """Runs a pipeline file for one of its lists, and returns the rows of all accounts as a pyarrow.Table.

    `columns` selects columns, as the key of a sink does; the date of its list is in the column `dt` of each row. The
    sinks of the file that take the list get it, too. The other arguments are those of `run`.
    """
    import pyarrow

    with _Stream(pipeline, arguments, list, columns, account, date, program) as stream:
        return pyarrow.Table.from_batches(stream, stream.schema)


def batches(pipeline, *arguments, list="followers", columns=None, account=None, date=None, program="fanout"):
    """As `read`, but yields one batch after the other. Only when it ends without an error are the lists complete."""
    with _Stream(pipeline, arguments, list, columns, account, date, program) as stream:
        yield from stream


def schema(pipeline, *arguments, list="followers", columns=None, account=None, date=None, program="fanout"):
    """As `read`, but returns only the columns, as a pyarrow.Schema, and keeps no row in memory."""
    with _Stream(pipeline, arguments, list, columns, account, date, program) as stream:
        stream.skip()
        return stream.schema


def _command(program, pipeline, account, date, more):
    accounts = [] if account is None else [account] if isinstance(account, str) else account
    names = [argument for name in accounts for argument in ("--account", glob.escape(name))]
    return [program, "run", str(pipeline), *names, *([] if date is None else ["--date", str(date)]), *more]


def _check(code, stderr):
    if code == 0:
        return
    kind, what = (TryLater, "try again later") if code in (75, 130) else (NeedsPerson, "a person must act")
    raise kind(f"fanout ended with {code} ({what}): {stderr.strip()}")


class _Stream:
    """The batches of a run: fanout writes an Arrow stream to its stdout."""

    def __init__(self, pipeline, arguments, list, columns, account, date, program):
        keys = {"type": "arrow", "list": list, "options.path": "-"} | ({} if columns is None else {"columns": [*columns]})
        # JSON strings and lists of strings are TOML, too.
        sets = [argument for key, value in keys.items() for argument in ("--set", f"sinks.{SINK}.{key}={json.dumps(value, ensure_ascii=False)}")]
        self._command = _command(program, pipeline, account, date, [*sets, "--list", list, *arguments])

    def __enter__(self):
        import pyarrow

        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._said = []
        self._listener = threading.Thread(target=lambda: self._said.extend(self._process.stderr), daemon=True)
        self._listener.start()
        try:
            self._batches = pyarrow.ipc.open_stream(self._process.stdout)
        except pyarrow.ArrowInvalid:
            self._end()  # it has failed before the first list
            raise
        self.schema = self._batches.schema
        return self

    def __iter__(self):
        import pyarrow

        try:
            yield from self._batches
        except (pyarrow.ArrowInvalid, OSError):
            self._end()  # the stream was cut, and the exit code says why
            raise

    def skip(self):
        """Reads the rest of the bytes: a run whose reader leaves early has failed."""
        while self._process.stdout.read(1 << 20):
            pass

    def __exit__(self, kind, _error, _trace):
        if kind is not None:
            # The reader has had enough: fanout finds its stdout closed. What is in its journal stays there.
            self._process.stdout.close()
            self._process.wait()
            return
        self._end()

    def _end(self):
        self._process.stdout.close()
        code = self._process.wait()
        self._listener.join()
        _check(code, b"".join(self._said).decode(errors="replace"))
