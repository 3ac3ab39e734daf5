"""Reads the follower lists of all accounts every night: one mapped task for each shard, independent of each other.

For Airflow 3. The workers need the program `fanout`, the pipeline file, and a folder that outlives a task (`journal.path`).
"""

import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

PIPELINE = "/etc/fanout/followers.toml"
SHARDS = 4

# Exit codes after which the same command may succeed: 75 (try again later), 130 (interrupted).
LATER = (75, 130)


@task(retries=8, retry_delay=timedelta(minutes=30), max_active_tis_per_dagrun=SHARDS)
def read_shard(index: int) -> None:
    """Reads the lists of one shard and publishes them. A retry does not read again what was read before."""
    ended = subprocess.run(["fanout", "run", PIPELINE, "--shard", f"{index}/{SHARDS}"], check=False)
    if ended.returncode in LATER:
        raise AirflowException(f"shard {index}/{SHARDS} ended with {ended.returncode}: it is tried again later")
    if ended.returncode != 0:
        raise AirflowFailException(f"shard {index}/{SHARDS} ended with {ended.returncode}: a person must act")


@dag(
    # Airflow takes the time zone of the schedule from the start date. WeChat's day is Beijing's.
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")),
    # WeChat has only the present list: a missed night cannot be fetched later.
    catchup=False,
    max_active_runs=1,
    tags=["wechat"],
)
def fanout_followers() -> None:
    """Reads all shards at the same time."""
    read_shard.expand(index=list(range(SHARDS)))


fanout_followers()
