"""fanout's side of a command sink (`protocol = "arrow"`, see sinks/README.md), for pyarrow."""
import contextlib, glob, json, os, sys
import pyarrow

_input, _output = sys.stdin.buffer, sys.stdout
sys.stdout = sys.stderr  # stdout is for messages; what the program prints goes to the log

def _say(kind, **values):
    print(json.dumps({"type": kind, **values}), file=_output, flush=True)

def _hear():
    return json.loads(_input.readline() or '{"type": "abort"}')  # end of input: abort

def fail(message, hint=None, temporary=False):
    """Ends the program with an error; `temporary` if a later try may succeed."""
    _say("error", **{"class": "temporary" if temporary else "permanent"}, message=message, hint=hint)
    raise SystemExit(1)

class List:
    """One list. `hello` names it, `schema` has its columns. Iterate over it, prepare, commit."""

    def __init__(self):
        self.hello, self.rows, self.snapshot = _hear(), 0, None
        _say("ready")
        self._stream = pyarrow.ipc.open_stream(_input)
        self.schema = self._stream.schema

    def __iter__(self):
        with contextlib.suppress(pyarrow.ArrowInvalid, OSError):  # cut off: no snapshot follows
            for number, batch in enumerate(self._stream, 1):
                yield batch
                self.rows += batch.num_rows
                _say("written", batches=number)

    def prepare(self):
        """Call when all is durable, nothing visible. Returns whether to publish or to remove it."""
        self.snapshot = _hear()
        if self.snapshot["type"] == "snapshot":
            _say("prepared", rows=self.rows)
            return _hear()["type"] == "commit"

    def commit(self, outputs=()):
        """Call when all is visible. `outputs` are dicts of `location`, `rows` and `bytes`."""
        _say("committed", rows=self.rows, outputs=list(outputs))

    @contextlib.contextmanager
    def file(self, path):
        """Yields the path of a file to write; renames it to `path` when fanout says `commit`."""
        for left_over in glob.glob(glob.escape(path) + ".staged-*"):
            os.remove(left_over)
        # With the process id: a killed process may end after the next one has started.
        staged = f"{path}.staged-{os.getpid()}"
        yield staged
        with open(staged, "rb") as file:
            os.fsync(file.fileno())
        if self.prepare():
            os.replace(staged, path)
            self.commit([{"location": path, "rows": self.rows, "bytes": os.path.getsize(path)}])
        else:
            os.remove(staged)
