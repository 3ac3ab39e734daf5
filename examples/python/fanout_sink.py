"""fanout's end of a command sink (`protocol = "arrow"`, see sinks/README.md), for Python with pyarrow."""
import contextlib, glob, json, os, sys
import pyarrow

_input, _output = sys.stdin.buffer, sys.stdout
sys.stdout = sys.stderr  # stdout is for messages: whatever else is printed goes to the log

def _say(kind, **values):
    print(json.dumps({"type": kind, **values}), file=_output, flush=True)

def _hear():
    return json.loads(_input.readline() or '{"type": "abort"}')  # the end of the input means abort

def fail(message, hint=None, temporary=False):
    """Ends the program with an error; a temporary one may pass by itself."""
    _say("error", **{"class": "temporary" if temporary else "permanent"}, message=message, hint=hint)
    raise SystemExit(1)

class List:
    """One list: `hello` says whose, `schema` has the columns; iterate over its batches, prepare, commit."""

    def __init__(self):
        self.hello, self.rows, self.snapshot = _hear(), 0, None
        _say("ready")
        self._stream = pyarrow.ipc.open_stream(_input)
        self.schema = self._stream.schema

    def __iter__(self):
        with contextlib.suppress(pyarrow.ArrowInvalid, OSError):  # torn off in the middle: no snapshot will follow
            for number, batch in enumerate(self._stream, 1):
                yield batch
                self.rows += batch.num_rows
                _say("written", batches=number)

    def prepare(self):
        """Call when all is durable and nothing visible. Returns whether to publish, else leave no trace."""
        self.snapshot = _hear()
        if self.snapshot["type"] == "snapshot":
            _say("prepared", rows=self.rows)
            return _hear()["type"] == "commit"

    def commit(self, outputs=()):
        """Call when all is visible; `outputs` are dicts of `location`, `rows` and `bytes`."""
        _say("committed", rows=self.rows, outputs=list(outputs))

    @contextlib.contextmanager
    def file(self, path):
        """Publishes a file: yields the path to write to, and renames it to `path` when fanout says so."""
        for left_over in glob.glob(glob.escape(path) + ".staged-*"):
            os.remove(left_over)
        staged = f"{path}.staged-{os.getpid()}"  # of this process: one that is killed may end after the next one starts
        yield staged
        with open(staged, "rb") as file:
            os.fsync(file.fileno())
        if self.prepare():
            os.replace(staged, path)
            self.commit([{"location": path, "rows": self.rows, "bytes": os.path.getsize(path)}])
        else:
            os.remove(staged)
