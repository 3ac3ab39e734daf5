"""fanout's side of a command sink (`protocol = "arrow"`, see sinks/README.md), for pyarrow."""
import contextlib, glob, json, os, sys
import pyarrow

_input, _output = sys.stdin.buffer, sys.stdout
sys.stdout = sys.stderr  # stdout is for messages; what the program prints goes to the log

def _send(kind, **values):
    print(json.dumps({"type": kind, **values}), file=_output, flush=True)

def _receive():
    try:
        return json.loads(_input.readline() or '{"type": "abort"}')  # end of input: abort
    except ValueError:  # the middle of a stream whose reader has stopped, because fanout is gone
        return {"type": "abort"}

def fail(message, hint=None, temporary=False):
    """Ends the program with an error; `temporary` if a later try may succeed."""
    _send("error", **{"class": "temporary" if temporary else "permanent"}, message=message, hint=hint)
    raise SystemExit(1)

class List:
    """One list. `hello` names it, `schema` has its columns. Iterate over it, prepare, commit.

    `path(hello)` returns the path of its file, for `file`. Without a file, `find(hello, commit)`
    looks for a committed list and changes nothing. It returns `held`, `replaced`, `taken`,
    `altered`, `gone` or `unknown`, and a text (or None) that says what is there instead.
    """

    def __init__(self, path=None, find=None):
        self.hello, self.rows, self.snapshot = _receive(), 0, None
        if self.hello.get("protocol") != 2:
            fail("fanout_etl.sink knows protocol 2 only", "take the one of this version of fanout")
        self.path = path and path(self.hello)
        find = find or (path and self._find_file)
        if self.hello["task"] == "find":
            _send("ready", find=bool(find))
            if find and (message := _receive())["type"] == "find":
                state, text = find(self.hello, message["commit"])
                _send("found", state=state, message=text)
            raise SystemExit
        _send("ready")
        self._stream = pyarrow.ipc.open_stream(_input)
        self.schema = self._stream.schema

    def __iter__(self):
        with contextlib.suppress(pyarrow.ArrowInvalid, OSError):  # cut off: no snapshot follows
            for number, batch in enumerate(self._stream, 1):
                yield batch
                self.rows += batch.num_rows
                _send("written", batches=number)

    def prepare(self):
        """Call when all is durable, nothing visible. Returns whether to publish or to remove it."""
        self.snapshot = _receive()
        if self.snapshot["type"] == "snapshot":
            _send("prepared", rows=self.rows)
            return _receive()["type"] == "commit"

    def commit(self, outputs=()):
        """Call when all is visible. `outputs` are dicts of `location`, `rows` and `bytes`."""
        _send("committed", rows=self.rows, outputs=list(outputs))

    @contextlib.contextmanager
    def file(self):
        """Yields the path of a file to write; renames it to `path` when fanout says `commit`."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        for left_over in glob.glob(glob.escape(self.path) + ".staged-*"):
            os.remove(left_over)
        staged = f"{self.path}.staged-{os.getpid()}"  # a killed process may still be running
        yield staged
        label = {**self._names(), "bytes": os.path.getsize(staged)}
        with open(f"{staged}.label", "w") as file:
            json.dump(label, file)
        for path in (staged, f"{staged}.label"):
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        commit = self.prepare()
        if commit and not self._is_replaced():
            os.replace(f"{staged}.label", self._label(self.path))  # first: no list without it
            os.replace(staged, self.path)
        else:
            os.remove(f"{staged}.label")
            os.remove(staged)
        if commit:
            self.commit([{"location": self.path, "rows": self.rows, "bytes": label["bytes"]}])

    def _is_replaced(self):  # a newer list of the same owner is there, and stays
        commit = {"outputs": [{"location": self.path}]}
        return self._find_file(self.hello, commit)[0] == "replaced"

    def _names(self):
        return {key: self.hello[key] for key in ("pipeline", "sink", "app_id", "list", "walk", "begun_at")}

    def _label(self, path):  # a hidden file beside the list, which names its owner
        return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.label")

    def _find_file(self, hello, commit):
        try:
            path = commit["outputs"][0]["location"]  # `path` may name another place today
            folder, name = os.path.split(path)
            if name not in os.listdir(folder or "."):  # fails without the folder
                return "gone", None
            with open(self._label(path)) as file:
                label = json.load(file)
            size, mine = os.path.getsize(path), self._names()
            if any(label[key] != mine[key] for key in ("pipeline", "sink", "app_id", "list")):
                return "taken", "{path} is of the pipeline `{pipeline}`, sink `{sink}`".format(path=path, **label)
            if any(label[key] != mine[key] for key in ("walk", "begun_at")):
                older = "altered", f"{path} is of the older walk {label['walk']}"
                return ("replaced", None) if label["begun_at"] > mine["begun_at"] else older
            if size != label["bytes"]:
                return "altered", f"{path} has {size} bytes, expected {label['bytes']}"
            return "held", None
        except (OSError, LookupError, TypeError, ValueError):  # no folder, or no whole label
            return "unknown", None
