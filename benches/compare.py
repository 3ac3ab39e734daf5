#!/usr/bin/env python3
"""Compares `fanout run` with a plain program (`baseline`) and with fetching alone.

One simulator process serves all of them. They run alternately, in an order that rotates from round to round, each as a
process of its own in a fresh folder; see README.md in this folder for the method. Standard library only.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

APP_ID = "wx00000000000000be"
SECRET = "a-secret-of-the-simulator"

PIPELINE = """\
name = "compare"

[source]
base_url = "{base_url}"

[[accounts]]
name = "compare"
app_id = "{app_id}"
secret = {{ env = "FANOUT_BENCH_SECRET" }}

[journal]
path = "state"

[sinks.archive]
type = "parquet"
[sinks.archive.options]
root = "out"
{options}"""

# What the plain program writes by default, as options of the sink.
LIKE_PLAIN = 'compression = "snappy"\nencoding = "plain"\n'


@dataclass
class Measurement:
    """What one process took: seconds of wall time and of CPU (user and system), and its largest resident set in MiB."""

    wall: float
    cpu: float
    memory: float


class Failed(Exception):
    """A program under measurement did not do its job, so that there is nothing to compare."""


def environment():
    """Returns the environment for all programs: no pipeline settings and no proxy from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FANOUT_")}
    return kept | {"FANOUT_BENCH_SECRET": SECRET, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def measure(command, directory):
    """Runs `command` in `directory`; returns its measurement and what it printed."""
    with open(directory / "stdout", "w+b") as stdout, open(directory / "stderr", "w+b") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=directory, env=environment(), stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        printed, complaint = stdout.read().decode(), stderr.read().decode()
    if process.returncode != 0:
        raise Failed(f"`{command[0]}` ended with {process.returncode}:\n{complaint}{printed}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Measurement(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20), printed


def run_fanout(options, base_url, directory, sink_options=""):
    pipeline = directory / "pipeline.toml"
    pipeline.write_text(PIPELINE.format(base_url=base_url, app_id=APP_ID, options=sink_options))
    measurement, _ = measure([options.fanout, "run", str(pipeline)], directory)
    manifests = (directory / "out").rglob("_manifest.json")
    rows = sum(file["rows"] for manifest in manifests for file in json.loads(manifest.read_text())["files"])
    expect_rows("fanout", rows, options.followers)
    return measurement


def run_fanout_snappy(options, base_url, directory):
    return run_fanout(options, base_url, directory, LIKE_PLAIN)


def run_plain(options, base_url, directory, *flags):
    command = [options.baseline, base_url, APP_ID, SECRET, str(directory / "out.parquet"), *flags]
    measurement, printed = measure(command, directory)
    expect_rows("plain", json.loads(printed)["rows"], options.followers)
    return measurement


def run_plain_zstd(options, base_url, directory):
    return run_plain(options, base_url, directory, "--zstd")


def run_fetch_only(options, base_url, directory):
    command = [options.baseline, base_url, APP_ID, SECRET, "none", "--fetch-only"]
    return measure(command, directory)[0]


PROGRAMS = {
    "fanout": run_fanout,
    "fanout snappy": run_fanout_snappy,
    "plain": run_plain,
    "plain zstd": run_plain_zstd,
    "fetch-only": run_fetch_only,
}

# The plain program that is the faster one comes first.
RATIOS = [
    ("fanout", "plain"),
    ("fanout snappy", "plain"),
    ("fanout", "plain zstd"),
    ("fanout", "fetch-only"),
]


def expect_rows(program, found, expected):
    if found != expected:
        raise Failed(f"{program} wrote {found} rows, expected {expected}")


@contextmanager
def simulator(options):
    """Starts the simulator and yields its base URL, the first line that it prints."""
    command = [options.fanout, "simulate", "--followers", str(options.followers)]
    command += ["--latency-ms", str(options.latency_ms), "--port", "0"]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        base_url = process.stdout.readline().strip().rstrip("/")
        if not base_url.startswith("http"):
            raise Failed(f"`{' '.join(command)}` printed {base_url!r}, expected its base URL")
        yield base_url
    finally:
        process.terminate()
        process.wait()


def run_rounds(options, base_url):
    """Returns the measurements of each program, one a round; the warm-up rounds are left out."""
    names = list(PROGRAMS)
    measurements = {name: [] for name in names}
    for number in range(-options.warm_up, options.rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            directory = Path(tempfile.mkdtemp(prefix="fanout-compare-", dir=options.directory))
            try:
                measurement = PROGRAMS[name](options, base_url, directory)
            finally:
                shutil.rmtree(directory)
            if number >= 0:
                measurements[name].append(measurement)
    return measurements


def ratios(over, under, field="wall"):
    return [getattr(above, field) / getattr(below, field) for above, below in zip(over, under, strict=True)]


def print_table(options, measurements):
    print(f"{options.followers:,} followers, {options.latency_ms} ms a call, {options.rounds} rounds; medians")
    print(f"{'program':<14}{'wall s':>10}{'CPU s':>10}{'max RSS MiB':>14}")
    for name, rounds in measurements.items():
        columns = [statistics.median(getattr(one, field) for one in rounds) for field in ("wall", "cpu", "memory")]
        print(f"{name:<14}{columns[0]:>10.3f}{columns[1]:>10.3f}{columns[2]:>14.1f}")


def print_ratios(title, values):
    """Prints the ratio of each round, and returns their median."""
    median = statistics.median(values)
    print(f"{title}: median {median:.3f}, rounds {' '.join(f'{value:.3f}' for value in values)}")
    return median


def floor_of_memory(directory):
    """Returns the resident set, in MiB, that any program seems to have: Linux counts what the parent had at the fork."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        return measure(["true"], Path(folder))[0].memory


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = Path(__file__).resolve().parent.parent / "target" / "release"
    parser.add_argument("--fanout", default=str(release / "fanout"), help="the fanout binary")
    parser.add_argument("--baseline", default=str(release / "baseline"), help="the baseline binary")
    parser.add_argument("--followers", type=int, default=1_000_000)
    parser.add_argument("--latency-ms", type=int, default=0, help="time that the simulator waits before each reply")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=1, help="rounds before those that count")
    parser.add_argument("--directory", help="where the programs write; default: the system's temporary folder")
    parser.add_argument("--check", type=float, metavar="RATIO", help="fail when fanout takes more than this, in plain programs")
    parser.add_argument("--check-fetch", type=float, metavar="RATIO", help="fail when fanout/fetch-only is above this")
    options = parser.parse_args()
    if options.rounds < 1 or options.warm_up < 0:
        parser.error("at least one round, and no negative number of warm-up rounds")
    # Absolute, for each program runs in a folder of its own.
    options.fanout, options.baseline = os.path.abspath(options.fanout), os.path.abspath(options.baseline)
    return options


def main():
    options = parse_arguments()
    try:
        with simulator(options) as base_url:
            measurements = run_rounds(options, base_url)
    except (Failed, OSError) as error:
        sys.exit(f"error: {error}")
    print_table(options, measurements)
    print(f"(the measuring process alone shows {floor_of_memory(options.directory):.1f} MiB of max RSS)")
    found = {}
    for over, under in RATIOS:
        for field in ("wall", "cpu"):
            title = f"{over}/{under} {field}"
            found[title] = print_ratios(title, ratios(measurements[over], measurements[under], field))
    ratio, slower = found["fanout/plain wall"], found["fanout/fetch-only wall"]
    if options.check is not None and ratio > options.check:
        sys.exit(f"error: fanout/plain is {ratio:.3f}, expected at most {options.check}")
    if options.check_fetch is not None and slower > options.check_fetch:
        sys.exit(f"error: fanout/fetch-only is {slower:.3f}, expected at most {options.check_fetch}")


if __name__ == "__main__":
    main()
