"""Runs the DAG's tasks against a program that stands in for fanout, without Airflow: what is mapped, and what is tried again."""

import os
import runpy
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Ends with the code that the test asks for, and leaves its arguments behind.
PROGRAM = '#!/bin/sh\necho "$*" >"$FANOUT_ARGUMENTS"\nexit "$FANOUT_EXIT"\n'

# What the DAG is made with.
SCHEDULE: dict = {}


class AirflowException(Exception):
    """As Airflow's: the task is tried again."""


class AirflowFailException(AirflowException):
    """As Airflow's: it is not."""


class Task:
    """As Airflow's, as far as the DAG uses it."""

    def __init__(self, function):
        self.function = function
        self.mapped = None

    def expand(self, **mapped):
        """Notes over what the task is mapped."""
        self.mapped = mapped


def load() -> dict:
    """Loads the DAG with what stands in for Airflow."""
    # Airflow warns of `airflow.exceptions`, which it will remove.
    exceptions = types.ModuleType("airflow.sdk.exceptions")
    exceptions.AirflowException = AirflowException
    exceptions.AirflowFailException = AirflowFailException
    sdk = types.ModuleType("airflow.sdk")
    sdk.dag = lambda **arguments: lambda function: lambda: SCHEDULE.update(arguments) or function()
    sdk.task = lambda **_: Task
    sys.modules |= {"airflow": types.ModuleType("airflow"), "airflow.sdk.exceptions": exceptions, "airflow.sdk": sdk}
    return runpy.run_path(str(ROOT / "deploy/airflow/fanout_followers.py"))


def outcome(task: Task, index: int, code: int) -> type | None:
    """Runs one task and returns what it raises."""
    os.environ["FANOUT_EXIT"] = str(code)
    try:
        task.function(index)
    except AirflowException as error:
        return type(error)
    return None


if __name__ == "__main__":
    dag = load()
    task, shards = dag["read_shard"], dag["SHARDS"]
    assert task.mapped == {"index": list(range(shards))}, task.mapped
    # Without a time zone the schedule is UTC's: half past ten in Beijing.
    assert SCHEDULE["schedule"] == "30 2 * * *", SCHEDULE
    assert str(SCHEDULE["start_date"].tzinfo) == "Asia/Shanghai", SCHEDULE
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "fanout")
        program.write_text(PROGRAM)
        program.chmod(0o755)
        arguments = Path(folder, "arguments")
        os.environ |= {"PATH": f"{folder}:{os.environ['PATH']}", "FANOUT_ARGUMENTS": str(arguments)}
        for shard in range(shards):
            assert outcome(task, shard, 0) is None
            assert arguments.read_text() == f"run {dag['PIPELINE']} --shard {shard}/{shards}\n"
        for exit_code, expected in [
            (75, AirflowException),
            (130, AirflowException),
            (1, AirflowFailException),
            (2, AirflowFailException),
        ]:
            assert outcome(task, 0, exit_code) is expected, exit_code
    print(f"airflow: {shards} mapped tasks")
