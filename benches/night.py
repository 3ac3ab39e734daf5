#!/usr/bin/env python3
"""Measures a night of many accounts: `fanout run` against the time that its calls take at least.

One simulator process serves all runs. Each run is a process of its own in a fresh folder; the folders are removed after the
last run, because removing them keeps the file system busy. See README.md in this folder. Standard library only.
"""

import argparse
import math
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from compare import Failed, measure, simulator

# Followers in a page.
PAGE = 10_000

PIPELINE = """\
name = "night"

[source]
base_url = "{base_url}"

[limits]
accounts = {at_once}
calls_per_host = {at_once}

[journal]
path = "state"

[sinks.archive]
type = "parquet"
options.root = "out"
"""

ACCOUNT = """
[[accounts]]
name = "account-{number:04}"
app_id = "wx{number:016x}"
secret = {{ env = "FANOUT_BENCH_SECRET" }}
"""


def calls(options):
    """Returns the calls of one account, one after the other: the token, the calls that are left, the pages, the end."""
    return 3 + math.ceil(options.followers / PAGE)


def bound(options):
    """Returns the seconds that the calls of all accounts take, if nothing else takes any."""
    return math.ceil(options.accounts / options.at_once) * calls(options) * options.latency_ms / 1000


def run(options, base_url, directory):
    pipeline = PIPELINE.format(base_url=base_url, at_once=options.at_once)
    pipeline += "".join(ACCOUNT.format(number=number) for number in range(options.accounts))
    (directory / "pipeline.toml").write_text(pipeline)
    measurement, _ = measure([options.fanout, "run", "pipeline.toml"], directory)
    published = len(list((directory / "out").rglob("_SUCCESS")))
    if published != options.accounts:
        raise Failed(f"{published} lists are published, expected {options.accounts}")
    return measurement


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = Path(__file__).resolve().parent.parent / "target" / "release"
    parser.add_argument("--fanout", default=str(release / "fanout"), help="the fanout binary")
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--followers", type=int, default=20_000, help="followers of each account")
    parser.add_argument("--at-once", type=int, default=50, help="accounts at the same time (`limits.accounts`)")
    parser.add_argument("--latency-ms", type=int, default=50, help="time that the simulator waits before each reply")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", help="where fanout writes; default: the system's temporary folder")
    parser.add_argument("--check", type=float, metavar="RATIO", help="fail when a run takes more than this, in bounds")
    options = parser.parse_args()
    options.fanout = str(Path(options.fanout).absolute())
    return options


def main():
    options = parse_arguments()
    directories = []
    try:
        with simulator(options) as base_url:
            measurements = []
            for _ in range(options.rounds):
                directories.append(Path(tempfile.mkdtemp(prefix="fanout-night-", dir=options.directory)))
                measurements.append(run(options, base_url, directories[-1]))
    except (Failed, OSError) as error:
        sys.exit(f"error: {error}")
    finally:
        for directory in directories:
            shutil.rmtree(directory)
    walls = [one.wall for one in measurements]
    wall, cpu, memory = (statistics.median(getattr(one, field) for one in measurements) for field in ("wall", "cpu", "memory"))
    ratio = wall / bound(options)
    print(f"{options.accounts:,} accounts of {options.followers:,} followers, {options.at_once} at once, ", end="")
    print(f"{options.latency_ms} ms a call, {options.rounds} rounds; medians")
    print(f"wall {wall:.3f} s ({min(walls):.3f} to {max(walls):.3f}), CPU {cpu:.3f} s, max RSS {memory:.1f} MiB")
    print(f"calls alone {bound(options):.3f} s, {calls(options)} of each account; a run takes {ratio:.3f} times that")
    if options.check is not None and ratio > options.check:
        sys.exit(f"error: a run takes {ratio:.3f} times its calls, expected at most {options.check}")


if __name__ == "__main__":
    main()
