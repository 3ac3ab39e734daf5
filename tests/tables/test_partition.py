"""The promises of `fanout_etl.partition`, with a table that is a double: it fails as no real one does on demand.

    PYTHONPATH=integrations/python python3 -m unittest tests/tables/test_partition.py
"""
import contextlib
import io
import json
import unittest
from unittest import mock

import pyarrow

from fanout_etl import partition, sink
from fanout_etl.partition import Changed, Mark, Seen, Unclear, judge

HELLO = {
    "pipeline": "followers", "sink": "table", "list": "followers", "app_id": "wx1", "date": "2026-11-22",
    "walk": "000007-20261122T010203Z", "begun_at": "2026-11-22T01:02:03.400000Z", "settings": {"table": "lists"},
    "schema": [{"name": "openid", "type": "Utf8", "nullable": False}],
}
LATER = {"walk": "000001-20261122T050000Z", "begun_at": "2026-11-22T05:00:00.000000Z"}


def mark(rows=3, digest="sha256:00", **changes):
    return Mark.of_list(HELLO | changes, digest, rows)


class Judged(unittest.TestCase):
    def assert_state(self, seen, state, words="", of=None):
        found, text = judge(seen, of or mark())
        self.assertEqual(found, state)
        self.assertIn(words, text or "")

    def test_the_newest_mark_and_the_rows_say_what_has_become_of_a_list(self):
        self.assert_state(None, "gone")
        self.assert_state(Seen(None, 0), "gone")
        self.assert_state(Seen(mark(), 0), "gone")
        self.assert_state(Seen(mark(), 3), "held")
        self.assert_state(Seen(mark(), 2), "altered", "2 rows, expected 3")
        self.assert_state(Seen(None, 2), "unknown", "2 rows are there that no commit of fanout names")

    def test_a_later_begin_counts_and_not_a_greater_number(self):
        self.assert_state(Seen(mark(**LATER), 9), "replaced")
        older = Seen(mark(), 3)
        self.assert_state(older, "altered", "older walk 000007-20261122T010203Z", of=mark(**LATER))

    def test_one_walk_with_two_digests_is_two_lists(self):
        self.assert_state(Seen(mark(digest="sha256:01"), 3), "altered")

    def test_a_list_with_other_columns_is_another_list(self):
        wider = {"schema": [*HELLO["schema"], {"name": "position", "type": "Int64", "nullable": False}]}
        self.assert_state(Seen(mark(), 3), "altered", "the list with other columns", of=mark(**wider))
        self.assert_state(Seen(mark(**wider), 3), "held", of=mark(**wider))

    def test_a_list_without_rows_is_there_while_its_mark_is_the_newest(self):
        self.assert_state(Seen(mark(0), 0), "held", of=mark(0))
        self.assert_state(Seen(None, 0), "gone", of=mark(0))
        self.assert_state(Seen(mark(0), 1), "altered", "1 rows, expected 0", of=mark(0))
        self.assert_state(Seen(mark(0, **LATER), 0), "replaced")

    def test_another_pipeline_sink_or_list_is_another_owner(self):
        for key in ("pipeline", "sink", "list"):
            self.assert_state(Seen(mark(**{key: "other"}), 3), "taken", "`other`")
            self.assert_state(Seen(mark(**{key: "other"}), 0), "gone")
            self.assert_state(Seen(mark(0, **{key: "other"}), 0), "taken", "which has no rows")
        # The names are not joined before they are compared.
        one, other = {"pipeline": "a", "sink": "bc"}, {"pipeline": "ab", "sink": "c"}
        self.assert_state(Seen(mark(**one), 3), "taken", of=mark(**other))


class Double(partition.Table):
    """Has a partition; each entry of `answers` is what the next commit does."""

    def __init__(self, answers, seen=Seen(None, 0), columns=None):
        super().__init__(HELLO)
        self.columns = columns
        self.answers, self.seen, self.looks, self.staged = list(answers), seen, 0, True

    def open(self, schema):
        return self.columns or schema

    def stage(self, batches):
        return sum(batch.nbytes for batch in batches)

    def look(self):
        self.looks += 1
        return self.seen

    def replace(self, seen, its_mark):
        answer = self.answers.pop(0)
        if answer in ("commit", "commit and lose the answer", "commit and say that the table has changed"):
            self.seen = Seen(its_mark, int(its_mark.facts["rows"]))
        if isinstance(answer, Seen):  # another writer is faster
            self.seen = answer
        if isinstance(answer, Seen) or "say that the table has changed" in answer:
            raise Changed from ValueError("the table has another version")
        if answer != "commit":
            raise Unclear from (PermissionError(13, "no") if answer == "refuse" else ConnectionError("the line is dead"))

    def discard(self):
        self.staged = False


class Published(unittest.TestCase):
    def publish(self, double):
        """Publishes the list, and returns the error that fanout was told, or None."""
        told = io.StringIO()
        with mock.patch.object(sink, "_output", told), mock.patch("time.sleep"):
            try:
                with partition._told(double):
                    partition._publish(double, mark())
            except SystemExit:
                partition._discard(double)
                return json.loads(told.getvalue())

    def test_the_table_is_looked_at_before_each_attempt(self):
        others = Seen(mark(pipeline="other"), 0)
        double = Double([others, others, "commit"])
        self.assertIsNone(self.publish(double))
        self.assertEqual((double.looks, double.seen.mark), (3, mark()))

    def test_a_newer_list_that_comes_in_between_stays(self):
        newer = Seen(mark(**LATER), 9)
        double = Double([newer])
        self.assertIsNone(self.publish(double))
        self.assertEqual(double.seen, newer)

    def test_another_owner_who_comes_in_between_is_left_alone(self):
        double = Double([Seen(mark(sink="other"), 9)])
        told = self.publish(double)
        self.assertEqual(told["class"], "permanent")
        self.assertIn("table `lists`, partition `dt=2026-11-22/app_id=wx1`: it is of the pipeline", told["message"])
        self.assertEqual(double.seen.mark, mark(sink="other"))

    def test_an_empty_list_of_another_owner_is_left_alone(self):
        theirs = Seen(mark(0, sink="other"), 0)
        told = self.publish(Double([], seen=theirs))
        self.assertIn("sink `other`, list `followers`, which has no rows", told["message"])
        self.assertEqual(told["hint"], partition.TAKEN_HINT)  # there is nothing to delete

    def test_a_lost_answer_is_looked_up_and_what_may_be_published_is_not_removed(self):
        # A library that sends a commit again, because the answer was lost, finds its own commit in the way.
        changed = "commit and say that the table has changed"
        for answers in (["commit and lose the answer"], ["lose", "commit"], ["lose", "commit and lose the answer"], [changed]):
            double = Double(answers)
            self.publish(double)
            partition._discard(double)
            self.assertEqual((double.answers, double.seen.mark, double.staged), ([], mark(), True))

    def test_an_error_that_lasts_is_told_at_once_and_nothing_is_removed(self):
        double = Double(["refuse"])
        told = self.publish(double)
        self.assertEqual((told["class"], double.staged), ("permanent", True))
        self.assertIn("PermissionError", told["message"])

    def test_a_table_that_refuses_a_commit_and_has_not_changed_is_told_with_its_reason(self):
        double = Double(["say that the table has changed"] * 10)
        told = self.publish(double)
        self.assertEqual((told["class"], len(double.answers)), ("permanent", 10 - partition.SAME_LOOKS))
        self.assertIn("ValueError: the table has another version", told["message"])

    def test_a_table_that_is_slow_to_show_a_change_is_asked_again(self):
        double = Double(["say that the table has changed"] * (partition.SAME_LOOKS - 1) + ["commit"])
        self.assertIsNone(self.publish(double))
        self.assertEqual(double.seen.mark, mark())

    def test_patience_ends_with_a_temporary_error_and_the_last_reason(self):
        clock = iter(range(0, 10_000, 100))
        with mock.patch("time.monotonic", lambda: next(clock)):
            told = self.publish(Double([Seen(None, 0, version) for version in range(10)]))
        self.assertEqual(told["class"], "temporary")
        self.assertIn("no commit has succeeded for 300 s", told["message"])
        self.assertIn("the last one ended with ValueError: the table has another version", told["message"])


class Lines(io.StringIO):
    """What fanout reads. It is gone when `committed` comes, if it dies early."""

    def __init__(self, dies=False):
        super().__init__()
        self.dies = dies

    def write(self, text):
        if self.dies and '"committed"' in text:
            raise BrokenPipeError
        return super().write(text)


class Delivered(unittest.TestCase):
    def deliver(self, double, rows=3, answer="commit", lines=None, value=str):
        """Delivers a list of so many rows, and returns what the program has told."""
        schema = pyarrow.schema([pyarrow.field("openid", pyarrow.string())])
        stream = io.BytesIO()
        with pyarrow.ipc.new_stream(stream, schema) as writer:
            if rows:
                writer.write_batch(pyarrow.record_batch([[value(number) for number in range(rows)]], schema=schema))
        said = [HELLO | {"protocol": 2, "task": "deliver"}, {"type": "snapshot", "digest": "blake3:00"}, {"type": answer}]
        hello, *after = [json.dumps(message).encode() + b"\n" for message in said]
        whole, lines = io.BytesIO(b"".join([hello, stream.getvalue(), *after])), lines or Lines()
        with mock.patch.object(sink, "_input", whole), mock.patch.object(sink, "_output", lines):
            with contextlib.suppress(SystemExit):
                partition._deliver(lambda hello: double)
        return [json.loads(line) for line in lines.getvalue().splitlines()]

    def test_what_is_published_stays_if_fanout_is_gone_before_it_hears_of_it(self):
        double = Double(["commit"])
        with self.assertRaises(BrokenPipeError):
            self.deliver(double, lines=Lines(dies=True))
        self.assertEqual((double.seen.rows, double.staged), (3, True))

    def test_what_is_published_is_reported_and_stays(self):
        double = Double(["commit"])
        told = self.deliver(double)[-1]
        self.assertEqual((told["type"], told["rows"], told["outputs"][0]["rows"]), ("committed", 3, 3))
        self.assertEqual((double.seen.rows, double.staged), (3, True))

    def test_what_no_commit_names_is_removed(self):
        aborted, empty = Double([]), Double(["commit"])
        self.deliver(aborted, answer="abort")
        self.deliver(empty, rows=0)  # its commit names no file
        self.assertEqual((aborted.staged, empty.staged, empty.seen.rows), (False, False, 0))


    def test_a_column_that_may_not_be_null_gets_no_nulls(self):
        openid, *partition_of = [pyarrow.field(name, pyarrow.string(), nullable=False) for name in ("openid", "dt", "app_id")]
        note = pyarrow.field("note", pyarrow.string())
        for columns, value, reason in [
            ([openid, note.with_nullable(False)], str, "column `note` of table `lists` may not be null, and the list lacks it"),
            ([openid, note], lambda number: None, "column `openid` of table `lists` may not be null, and it is null in the list"),
        ]:
            double = Double([], columns=pyarrow.schema([*partition_of, *columns]))
            told = self.deliver(double, value=value)[-1]
            self.assertEqual((told["type"], told["class"], double.seen.rows), ("error", "permanent", 0))
            self.assertIn(reason, told["message"])
        double = Double(["commit"], columns=pyarrow.schema([*partition_of, openid, note]))
        self.assertEqual(self.deliver(double)[-1]["type"], "committed")


class Settings(unittest.TestCase):
    def test_a_value_comes_from_a_variable_wherever_it_is(self):
        settings = {"table": "a", "catalog": {"key": {"env": "A_KEY"}}}
        with mock.patch.dict("os.environ", {"A_KEY": "secret"}):
            self.assertEqual(partition.resolved(settings), {"table": "a", "catalog": {"key": "secret"}})

    def test_a_variable_that_is_missing_is_named(self):
        told = io.StringIO()
        with mock.patch.object(sink, "_output", told), self.assertRaises(SystemExit):
            partition.resolved({"env": "NOT_THERE"})
        self.assertIn("the variable `NOT_THERE` is not set", told.getvalue())


class Input(unittest.TestCase):
    def test_its_end_and_the_rest_of_a_stream_are_an_abort(self):
        for rest in (b"", b"\xff\xff\xff\xff\x10\x00\n", b"{\"type\": \"com"):
            with mock.patch.object(sink, "_input", io.BytesIO(rest)):
                self.assertEqual(sink._receive(), {"type": "abort"})


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main()
