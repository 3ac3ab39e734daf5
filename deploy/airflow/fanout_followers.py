"""The follower lists of every account, every night: one mapped task for each shard, all of them independent.

For Airflow 3. The workers need the program `fanout`, the pipeline file, and one folder that outlives a task (`journal.path`).
"""

import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import dag, task

PIPELINE = "/etc/fanout/followers.toml"
SHARDS = 4

# What fanout ends with when the same command may succeed later: 75 by itself, 130 when somebody stopped it.
LATER = (75, 130)


@task(retries=8, retry_delay=timedelta(minutes=30), max_active_tis_per_dagrun=SHARDS)
def read_shard(index: int) -> None:
    """Reads the lists of one shard and publishes them. What was read before a retry is not read again."""
    ended = subprocess.run(["fanout", "run", PIPELINE, "--shard", f"{index}/{SHARDS}"], check=False)
    if ended.returncode in LATER:
        raise AirflowException(f"shard {index}/{SHARDS} ended with {ended.returncode}: it is tried again later")
    if ended.returncode != 0:
        raise AirflowFailException(f"shard {index}/{SHARDS} ended with {ended.returncode}: a person must act")


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    # A list is what WeChat says now: a night that was missed cannot be fetched any more.
    catchup=False,
    max_active_runs=1,
    tags=["wechat"],
)
def fanout_followers() -> None:
    """Reads all shards side by side."""
    read_shard.expand(index=list(range(SHARDS)))


fanout_followers()
