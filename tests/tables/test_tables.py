"""The promises of the sinks for tables: what a reader of the table sees while lists are published and programs killed.

    KIND=delta FANOUT=target/debug/fanout python3 -m unittest -v test_tables

`KIND` is `delta`, `iceberg` or `paimon`; this Python has its library. `WORK` is a folder for all that is made.
"""
import datetime
import glob
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import pyarrow

import kinds

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(HERE))
KIND = os.environ["KIND"]
FANOUT = os.path.abspath(os.environ.get("FANOUT", os.path.join(CHECKOUT, "target/debug/fanout")))
WORK = os.path.abspath(os.environ.get("WORK", os.path.join(CHECKOUT, "target/tables/published", KIND)))
KILLS = int(os.environ.get("TABLE_KILLS", "20"))
SECRET = "not-a-real-secret"
ACCOUNTS = {"brand": "wx1", "shop": "wx2"}
PIPELINE = """
name = "{pipeline}"
[source]
base_url = "{base_url}"
[journal]
path = "{state}"
[[accounts]]
name = "brand"
app_id = "wx1"
secret = {{ env = "TEST_SECRET" }}
[[accounts]]
name = "shop"
app_id = "wx2"
secret = {{ env = "TEST_SECRET" }}
[sinks.truth]
type = "ndjson"
options = {{ root = "truth-{pipeline}", layout = "{{date}}/{{app_id}}/list.ndjson" }}
[sinks.table]
type = "command"
[sinks.table.options]
command = {command}
start_timeout_secs = 300  # a busy machine takes long to start and to end Python
grace_secs = 120
environment = {{ PYTHONPATH = "{package}", TABLE_SECRET = {{ env = "TEST_SECRET" }} }}
settings = {settings}
"""


def toml(value):
    """Writes a value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(value)}" for key, value in value.items()) + " }"
    return json.dumps(value)


def day(number, minute=0):
    """Returns an instant on one of some days, as `--clock` takes it."""
    hour, minute = divmod(minute, 60)
    return f"2026-11-{20 + number}T{hour:02}:{minute:02}:00Z"


def date(number):
    return day(number)[:10]


class Tables(unittest.TestCase):
    followers, page_size, latency_ms = 5_000, 1_000, 0

    def setUp(self):
        self.folder = os.path.join(WORK, self.id().split(".")[-1])
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.kind = kinds.KINDS[KIND]()
        self.servers = {}

    # What runs.

    def api(self, followers):
        """Returns the address of a simulated API whose accounts have so many followers."""
        if followers not in self.servers:
            command = [FANOUT, "simulate", "--quiet", "--followers", str(followers), "--page-size", str(self.page_size)]
            command += ["--latency-ms", str(self.latency_ms)]
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            self.addCleanup(server.stdout.close)
            self.servers[followers] = server.stdout.readline().strip()
        return self.servers[followers]

    def pipeline(self, name="test", followers=None, settings=None, state="state"):
        """Writes a pipeline file, and returns its name."""
        text = PIPELINE.format(
            pipeline=name,
            base_url=self.api(self.followers if followers is None else followers),
            state=state,
            command=json.dumps([sys.executable, "-m", f"fanout_etl.{KIND}"]),
            package=os.path.join(CHECKOUT, "integrations/python"),
            settings=toml(settings or self.kind.settings("followers")),
        )
        with open(f"{name}.toml", "w", encoding="utf-8") as file:
            file.write(text)
        return f"{name}.toml"

    def command(self, *arguments):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FANOUT")}
        options = {"env": environment | {"TEST_SECRET": SECRET}, "text": True}
        return subprocess.Popen([FANOUT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def fanout(self, *arguments, code=0):
        """Runs fanout to its end, and returns what it printed."""
        process = self.command(*arguments)
        out, err = process.communicate(timeout=3600)
        self.assertEqual(process.returncode, code, out + err)
        self.assertNotIn(SECRET, out + err)
        return out + err

    def run_at(self, instant, *arguments, file="test.toml", code=0):
        return self.fanout("run", file, "--clock", instant, *arguments, code=code)

    # What is there.

    def truth(self, day_number, app_id):
        """Returns the list as the sink of files has published it."""
        with open(f"truth-test/{date(day_number)}/{app_id}/list.ndjson", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def seen(self, day_number, app_id, table="followers", order="position"):
        """Returns what a reader sees of a list, in the form of the truth."""
        rows = self.kind.read(table, date(day_number), app_id)
        if rows is None:
            return []
        rows = rows.to_pylist()
        for row in rows:
            self.assertEqual(row.pop("dt"), date(day_number))
        return sorted(({key: plain(value) for key, value in row.items()} for row in rows), key=lambda row: str(row[order]).zfill(12))

    def assert_true(self, day_number, app_id):
        truth = [{key: plain(value) for key, value in row.items()} for row in self.truth(day_number, app_id)]
        self.assertEqual(self.seen(day_number, app_id), truth)

    def assert_no_file_is_missing(self, table="followers"):
        self.assertEqual(self.kind.named(table) - self.kind.files(table), set())

    def orphans(self, table="followers"):
        """Returns the files of the sink that no commit names. Each names the walk and the process that has left it."""
        names = re.compile(r"\d{6}-\d{8}T\d{6}Z-\d+[.-]")
        left = self.kind.files(table) - self.kind.named(table)
        return {path for path in left if names.match(os.path.basename(path))}

    def say(self, text):
        print(f"{KIND}: {text}", file=sys.stderr, flush=True)


def plain(value):
    """Returns an instant in microseconds since 1970, and any other value as it is."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime.datetime):
        # Instants of Paimon have no time zone: they are in UTC.
        instant = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (instant - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
    return value


class Lists(Tables):
    def test_two_accounts_and_two_dates_stand_beside_each_other(self):
        self.pipeline()
        began = time.monotonic()
        for number in (1, 2):
            self.assertIn("published", self.run_at(day(number)))
        self.say(f"4 lists of {self.followers} in {time.monotonic() - began:.1f} s")
        for number in (1, 2):
            for app_id in ACCOUNTS.values():
                self.assert_true(number, app_id)
        self.assertEqual(self.kind.commits("followers") - self.commits_of_a_new_table(), 4)
        self.assertEqual(self.orphans(), set())
        self.assertIn("already published", self.run_at(day(2, 1)))

    def commits_of_a_new_table(self):
        return 1 if KIND == "delta" else 0

    def test_a_date_that_is_read_again_is_replaced_and_no_other(self):
        self.pipeline()
        for number in (1, 2):
            self.run_at(day(number))
        before = {app_id: self.seen(1, app_id) for app_id in ACCOUNTS.values()}
        self.pipeline(followers=700)
        self.run_at(day(2, 5), "--fresh")
        for app_id in ACCOUNTS.values():
            self.assertEqual(len(self.seen(2, app_id)), 700)
            self.assert_true(2, app_id)
            self.assertEqual(self.seen(1, app_id), before[app_id])

    def test_after_a_lost_state_the_newer_walk_counts_and_not_the_greater_number(self):
        self.pipeline()
        self.run_at(day(1, 10))
        self.run_at(day(1, 20), "--fresh")  # walk 2
        newest = self.seen(1, "wx1")

        # An older list, which comes late.
        self.pipeline(followers=700, state="other")
        self.assertIn("000001-", self.run_at(day(1, 15), "--json"))
        self.assertEqual(self.seen(1, "wx1"), newest)
        self.assertIn("already published", self.run_at(day(1, 16)))  # by `find`: replaced

        # A newer list, whose walk is number 1, too.
        shutil.rmtree("other")
        self.assertIn("000001-", self.run_at(day(1, 30), "--json"))
        self.assertEqual(len(self.seen(1, "wx1")), 700)
        self.assert_true(1, "wx1")

    def test_an_empty_list_empties_its_partition(self):
        self.pipeline()
        self.run_at(day(1))
        self.pipeline(followers=0)
        self.run_at(day(1, 5), "--fresh")
        for app_id in ACCOUNTS.values():
            self.assertEqual(self.seen(1, app_id), [])
        commits = self.kind.commits("followers")
        self.assertIn("table: already published", self.run_at(day(1, 10)))
        self.assertEqual(self.kind.commits("followers"), commits)
        self.assertEqual(self.orphans(), set())

    def test_what_has_become_of_a_list_is_told(self):
        self.pipeline()
        self.run_at(day(1))
        truth = self.seen(1, "wx1")

        self.kind.rewrite("followers", date(1), "wx1")
        said = self.run_at(day(1, 1))  # held, in another file
        self.assertIn("table: already published", said)
        self.assertNotIn("again", said)

        self.kind.delete("followers", date(1), "wx1")
        self.assertEqual(self.seen(1, "wx1"), [])
        self.assertIn("published again", self.run_at(day(1, 2)))  # gone
        self.assertEqual(self.seen(1, "wx1"), truth)

        self.kind.append("followers", self.kind.read("followers", date(1), "wx1").slice(0, 1))
        said = self.run_at(day(1, 3), code=1)  # altered
        self.assertIn(f"partition `dt={date(1)}/app_id=wx1`: it has {self.followers + 1} rows, expected {self.followers}", said)
        self.assertEqual(len(self.seen(1, "wx1")), self.followers + 1)

    def test_the_partition_of_another_owner_is_refused(self):
        self.pipeline()
        self.run_at(day(1), "--account", "brand")
        truth = self.seen(1, "wx1")
        self.pipeline("other", followers=700, state="other")
        said = self.run_at(day(1, 9), file="other.toml", code=1)
        self.assertIn(f"partition `dt={date(1)}/app_id=wx1`: it is of ", said)
        self.assertIn("hint: a table takes one list of one sink", said)
        self.assertEqual(self.seen(1, "wx1"), truth)
        self.assertEqual(len(self.seen(1, "wx2")), 700)

        # Rows that no list has brought are nobody's to remove, either.
        rows = self.kind.read("followers", date(1), "wx1").slice(0, 3)
        self.kind.append("followers", with_date(rows, date(2)))
        said = self.run_at(day(2), "--account", "brand", code=1)
        self.assertIn(f"partition `dt={date(2)}/app_id=wx1`: 3 rows are there that no commit of fanout names", said)
        self.assertEqual(len(self.seen(2, "wx1")), 3)
        self.assertEqual(self.orphans(), set())

        # Whoever deletes it makes room.
        self.kind.delete("followers", date(1), "wx1")
        self.run_at(day(1, 10), file="other.toml")
        self.assertEqual(len(self.seen(1, "wx1")), 700)

    def test_other_writers_lose_nothing(self):
        self.pipeline()
        self.run_at(day(1))
        rows = with_date(self.kind.read("followers", date(1), "wx2").slice(0, 1), "2020-01-01")
        written, refused, stop = 0, 0, threading.Event()

        def write():
            nonlocal written, refused
            while not stop.is_set():
                try:
                    self.kind.append("followers", rows)
                    written += 1
                except Exception:  # a writer without patience
                    refused += 1
                time.sleep(0.2)

        writer = threading.Thread(target=write)
        writer.start()
        for number in (2, 3):
            self.run_at(day(number))
            self.run_at(day(number, 5), "--fresh")
        stop.set()
        writer.join()
        self.say(f"another writer made {written} commits beside 8 lists, and was refused {refused} times")
        self.assertGreater(written, 0)
        self.assertEqual(self.kind.read("followers", "2020-01-01", "wx2").num_rows, written)
        for number in (1, 2, 3):
            for app_id in ACCOUNTS.values():
                self.assert_true(number, app_id)
        self.assert_no_file_is_missing()
        self.assertEqual(self.orphans(), set())

    def test_a_table_may_have_more_columns_and_not_fewer(self):
        self.pipeline()
        self.run_at(day(1))
        self.kind.add_column("followers", "note")
        self.run_at(day(2))
        for row, truth in zip(self.seen(2, "wx1"), self.truth(2, "wx1"), strict=True):
            self.assertEqual(row, {key: plain(value) for key, value in truth.items()} | {"note": None})
        with open("test.toml", encoding="utf-8") as file:
            text = file.read().replace('[sinks.table]\n', '[sinks.table]\ncolumns = ["account", "openid"]\n')
        with open("test.toml", "w", encoding="utf-8") as file:
            file.write(text)
        said = self.run_at(day(3), code=1)
        self.assertIn("has no column `account`", said)
        self.assertIn("hint: add it (`ALTER TABLE … ADD COLUMN account`)", said)

    def test_a_wrong_setting_is_told_with_the_key(self):
        for settings, expected in [
            ({"catalog": {}}, "the key `table` is missing"),
            ({"table": {"env": "NOT_THERE"}}, "the variable `NOT_THERE` is not set"),
        ]:
            self.pipeline(settings=settings)
            self.assertIn(expected, self.run_at(day(1), code=1))

    def test_a_secret_comes_from_a_variable_and_is_in_no_error(self):
        # A value that cannot be: the library tells it in its error.
        secret = {"env": "TABLE_SECRET"}
        wrong = {"table": "s3://bucket/lists", "storage_options": {"max_retries": secret}} if KIND == "delta" else {"table": secret}
        self.pipeline(settings=self.kind.settings("followers") | wrong)
        said = self.run_at(day(1), code=1)
        self.assertIn("[redacted]", said)
        self.assertNotIn(SECRET, said)


def with_date(rows, date):
    """Returns the rows of a partition as those of another date."""
    column = rows.schema.get_field_index("dt")
    field = rows.schema.field(column)
    return rows.set_column(column, field, pyarrow.array([date] * rows.num_rows, field.type))


def sorted_rows(rows):
    return sorted(json.dumps({key: plain(value) for key, value in row.items()}, sort_keys=True) for row in rows)


class EveryList(Tables):
    def test_every_list_comes_back(self):
        text = """
name = "all"
[source]
simulate = { followers = 3_000, tags = 5, blacklisted = 150, changes_per_mille = 20 }
[source.profiles]
ask_again_after_secs = 1
[tags]
recount_after_secs = 1
[journal]
path = "state"
"""
        lists = ["followers", "profiles", "changes", "tags", "tag_members", "blacklist"]
        for name in lists:
            settings = toml(self.kind.settings(name))
            text += f"""
[sinks.truth_{name}]
type = "ndjson"
list = "{name}"
options = {{ root = "truth/{name}", layout = "{{date}}/{{app_id}}/list.ndjson" }}
[sinks.table_{name}]
type = "command"
list = "{name}"
[sinks.table_{name}.options]
command = {json.dumps([sys.executable, "-m", f"fanout_etl.{KIND}"])}
start_timeout_secs = 300
grace_secs = 120
environment = {{ PYTHONPATH = "{os.path.join(CHECKOUT, "integrations/python")}" }}
settings = {settings}
"""
        with open("all.toml", "w", encoding="utf-8") as file:
            file.write(text)
        for number in (1, 2):
            self.run_at(day(number), file="all.toml")
            for name in lists:
                found = glob.glob(f"truth/{name}/{date(number)}/*/list.ndjson")
                if name == "changes" and number == 1:
                    self.assertEqual(found, [])  # the first night has nothing to compare with
                    continue
                with open(found[0], encoding="utf-8") as lines:
                    truth = [json.loads(line) for line in lines]
                self.assertGreater(len(truth), 0, name)
                rows = self.kind.read(name, date(number), "wxsimulated").drop_columns(["dt"]).to_pylist()
                self.assertEqual(sorted_rows(rows), sorted_rows(truth), name)


class Kills(Tables):
    latency_ms = 100

    def test_killed_runs_leave_each_list_once_and_no_reader_sees_a_part(self):
        seed = int(os.environ.get("CRASH_SEED", random.randrange(1_000_000)))
        self.say(f"CRASH_SEED={seed}")
        chance = random.Random(seed)
        self.pipeline()
        began = time.monotonic()
        self.run_at(day(1))
        usual = time.monotonic() - began  # seconds of a run
        polls, wrong, stop = 0, [], threading.Event()

        def poll():
            nonlocal polls
            while not stop.is_set():
                for number, app_id in itertools.product((1, 2), ACCOUNTS.values()):
                    try:
                        rows = self.kind.read("followers", date(number), app_id)
                        found = set() if rows is None else set(rows["openid"].to_pylist())
                        if len(found) not in (0, self.followers) or rows is not None and rows.num_rows != len(found):
                            wrong.append((number, app_id, rows.num_rows))
                    except Exception as error:  # no reader may fail, either
                        wrong.append((number, app_id, repr(error)))
                    polls += 1
                    time.sleep(0.02)  # the runs need the processor, too

        reader = threading.Thread(target=poll)
        reader.start()
        self.killed_programs = 0
        kills, late, finished, is_begun, minute = 0, 0, 0, True, 1
        while kills < KILLS or late < KILLS // 4:
            number = 1 if kills < KILLS // 2 else 2
            minute += 1
            before = self.kind.files("followers")
            process = self.command("run", "test.toml", "--clock", day(number, minute), *([] if is_begun else ["--fresh"]))
            started = time.monotonic()
            if self.kill_at_random(process, chance, usual, before, is_thorough=kills % 2 == 1):
                kills, late, is_begun = kills + 1, late + bool(self.kind.files("followers") - before), True
            else:
                finished, is_begun, usual = finished + 1, False, time.monotonic() - started
        for number in (1, 2):
            self.run_at(day(number, minute + 1))
        wait_for_programs(self.folder)
        stop.set()
        reader.join()
        self.assertEqual(wrong, [])
        self.assertGreater(polls, KILLS)
        for number in (1, 2):
            for app_id in ACCOUNTS.values():
                self.assert_true(number, app_id)
        self.assert_no_file_is_missing()
        commits, orphans = self.kind.commits("followers"), len(self.orphans())
        self.assertEqual(self.kind.files("followers") - self.kind.named("followers"), self.orphans())
        # A program that has seen the end of its input has removed its file.
        self.assertLessEqual(orphans, self.killed_programs)
        self.say(
            f"{kills} kills, {late} of them after a file was begun, {finished} runs to their end between them, "
            f"{polls} polls, none saw a part; "
            f"{commits} commits, {orphans} orphans, no file missing; {time.monotonic() - began:.0f} s"
        )
        if self.kind.clean("followers"):
            self.assertEqual(self.orphans(), set())
            for number in (1, 2):
                for app_id in ACCOUNTS.values():
                    self.assert_true(number, app_id)

    def kill_at_random(self, process, chance, usual, before, is_thorough):
        """Kills a run at any time, or shortly after it has begun a file; returns False if it has ended before.

        The program of the sink sees the end of its input and ends late, by itself; or it is killed at the same time.
        """
        waits_for_file = chance.random() < 0.6
        moment = time.monotonic() + chance.uniform(0.1, usual)
        while process.poll() is None:
            if waits_for_file and self.kind.files("followers") - before:
                waits_for_file, moment = False, time.monotonic() + chance.uniform(0, usual / 3)
            if not waits_for_file and time.monotonic() >= moment:
                programs = children(process.pid) if is_thorough else []
                self.killed_programs += len(programs)
                for pid in [process.pid, *programs]:
                    kill(pid)
                process.communicate()
                return True
            time.sleep(0.01)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, out + err)
        return False


def children(pid):
    """Returns the processes that a process has started, and those that these have started."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(path.split("/")[2])
            found += [child, *children(child)]
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for_programs(folder):
    """Waits until no program of a sink runs in a folder."""
    def runs(path):
        try:
            with open(f"{path}/cmdline", "rb") as file:
                return os.readlink(f"{path}/cwd") == folder and b"fanout_etl" in file.read()
        except OSError:
            return False

    while any(runs(path) for path in glob.glob("/proc/[0-9]*")):
        time.sleep(0.1)


class Conformance(Tables):
    # fanout does not know the folder of a program, and a program has its columns from the pipeline file.
    SKIPPED = {
        "roots_lie_where_the_options_say",
        "a_list_of_one_column_is_published",
        "columns_come_in_any_order",
        "values_of_every_kind_come_back",
        "a_list_of_profiles_comes_back",
        "staging_stays_outside_the_roots",
        "a_batch_refused_for_now_is_accepted_later",
        "a_simulated_list_stays_apart",
        "what_was_removed_is_gone",
    }

    def test_the_suite_finds_every_promise_kept(self):
        self.pipeline()
        began = time.monotonic()
        reader = [sys.executable, os.path.join(HERE, "read_list.py"), KIND, "followers"]
        said = self.fanout("sinks", "test", "test.toml", "--sink", "table", "--yes", "--", *reader)
        skipped = {line.split(":")[0].removeprefix("skipped").strip() for line in said.splitlines() if line.startswith("skipped")}
        last = [line for line in said.splitlines() if " kept, " in line][0]
        self.say(f"sinks test: {last}; {time.monotonic() - began:.0f} s")
        self.assertEqual(skipped, self.SKIPPED)
        self.assertIn(", 0 broken", last)
        wait_for_programs(self.folder)
        self.assert_no_file_is_missing()


if __name__ == "__main__":
    unittest.main()
