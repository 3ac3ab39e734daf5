"""fanout's end of a command sink (`protocol = "arrow"`, see sinks/README.md), for Python with pyarrow."""
import contextlib, glob, json, os, sys
import pyarrow

_input, _output = sys.stdin.buffer, sys.stdout
sys.stdout = sys.stderr  # stdout is for messages: whatever else is printed goes to the log

def _send(kind, **values):
    print(json.dumps({"type": kind, **values}), file=_output, flush=True)

def _receive():
    return json.loads(_input.readline() or '{"type": "abort"}')  # the end of the input means abort

def fail(message, hint=None, temporary=False):
    """Ends the program with an error; a temporary one may pass by itself."""
    _send("error", **{"class": "temporary" if temporary else "permanent"}, message=message, hint=hint)
    raise SystemExit(1)

class List:
    """One list: `hello` names it, `schema` has the columns; iterate over its batches, prepare, commit.

    `path(hello)` returns the path of its file, for `file`. Without a file, `find(hello, commit)` looks for a list that
    was committed. It changes nothing, and returns `held`, `replaced`, `taken`, `altered`, `gone` or `unknown`, and a text
    (or None) that says what is there instead.
    """

    def __init__(self, path=None, find=None):
        self.hello, self.rows, self.snapshot = _receive(), 0, None
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
        with contextlib.suppress(pyarrow.ArrowInvalid, OSError):  # torn off in the middle: no snapshot will follow
            for number, batch in enumerate(self._stream, 1):
                yield batch
                self.rows += batch.num_rows
                _send("written", batches=number)

    def prepare(self):
        """Call when all is durable and nothing visible. Returns whether to publish, else leave no trace."""
        self.snapshot = _receive()
        if self.snapshot["type"] == "snapshot":
            _send("prepared", rows=self.rows)
            return _receive()["type"] == "commit"

    def commit(self, outputs=()):
        """Call when all is visible; `outputs` are dicts of `location`, `rows` and `bytes`."""
        _send("committed", rows=self.rows, outputs=list(outputs))

    @contextlib.contextmanager
    def file(self):
        """Publishes a file: yields where to write it, and renames it to `path` when fanout says so."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        for left_over in glob.glob(glob.escape(self.path) + ".staged-*"):
            os.remove(left_over)
        staged = f"{self.path}.staged-{os.getpid()}"  # of this process: a killed one may end after the next one starts
        yield staged
        with open(staged, "rb") as file:
            os.fsync(file.fileno())
        if self.prepare():
            label = {**self._names(), "bytes": os.path.getsize(staged)}
            with open(f"{staged}.label", "w") as file:
                json.dump(label, file)
            os.replace(f"{staged}.label", self._label())  # first, so that no list is there without its label
            os.replace(staged, self.path)
            self.commit([{"location": self.path, "rows": self.rows, "bytes": label["bytes"]}])
        else:
            os.remove(staged)

    def _names(self):
        return {key: self.hello[key] for key in ("pipeline", "sink", "app_id", "list", "walk", "begun_at")}

    def _label(self):  # a hidden file beside the list, which says whose it is
        folder, name = os.path.split(self.path)
        return os.path.join(folder, f".{name}.label")

    def _find_file(self, hello, commit):
        try:
            size = os.path.getsize(self.path)
            with open(self._label()) as file:
                label = json.load(file)
        except FileNotFoundError:
            return "unknown" if os.path.exists(self.path) else "gone", None
        mine = self._names()
        if any(label[key] != mine[key] for key in ("pipeline", "sink", "app_id", "list")):
            return "taken", "{path} is of the pipeline `{pipeline}`, sink `{sink}`".format(path=self.path, **label)
        if label["walk"] != mine["walk"]:
            return "replaced" if label["begun_at"] > mine["begun_at"] else "gone", None
        if size != label["bytes"]:
            return "altered", f"{self.path} has {size} bytes, expected {label['bytes']}"
        return "held", None
