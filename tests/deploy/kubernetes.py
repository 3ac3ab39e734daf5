"""Holds deploy/kubernetes to the schemas of Kubernetes, and its pipeline files and command lines to fanout itself."""

import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
FANOUT = ROOT / "target/debug/fanout"
SHEET = "name,app_id,secret_file\n" + "".join(f"brand-{n},wx{n},secrets/wx{n}\n" for n in range(9))


def pod_jobs(document: dict) -> list[dict]:
    """Returns the specification of the job that a manifest describes, if it does."""
    if document["kind"] == "CronJob":
        return [document["spec"]["jobTemplate"]["spec"]]
    return [document["spec"]] if document["kind"] == "Job" else []


def check(manifest: Path) -> None:
    """Validates each document, and lets `fanout check` judge what the containers would run."""
    documents = list(yaml.safe_load_all(manifest.read_text()))
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
    files = {
        name: text for document in documents if document["kind"] == "ConfigMap" for name, text in document["data"].items()
    }
    for document in documents:
        # Without a time zone the schedule is that of the control plane, mostly UTC.
        if document["kind"] == "CronJob":
            assert document["spec"].get("timeZone") == "Asia/Shanghai", f"{manifest}: the schedule has no time zone"
    jobs = [job for document in documents for job in pod_jobs(document)]
    assert jobs, f"{manifest}: has no job"
    for job in jobs:
        # A Service named `fanout` would set `FANOUT_PORT` and others, which are no keys.
        assert job["template"]["spec"].get("enableServiceLinks") is False, f"{manifest}: links of services are variables"
        container = job["template"]["spec"]["containers"][0]
        command, pipeline, *rest = container["args"]
        assert command == "run", container["args"]
        count = job.get("completions", 1)
        shard = ["--shard", f"$(JOB_COMPLETION_INDEX)/{count}"] if count > 1 else []
        assert rest == shard, f"{rest} with {count} completions"
        judge(files[Path(pipeline).name], rest, count)
    print(f"{manifest.name}: {len(documents)} documents, {sum(job.get('completions', 1) for job in jobs)} pods")


def judge(pipeline: str, arguments: list[str], count: int) -> None:
    """Asks `fanout check` about a pipeline file, as each of the pods; together they have every account once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "p.toml").write_text(pipeline.replace("/etc/fanout/accounts/", "").replace("/data", f"{folder}/data"))
        (path / "accounts.csv").write_text(SHEET)
        seen = []
        for index in range(count):
            # Kubernetes expands the variable: it is part of each pod of an Indexed Job.
            expanded = [argument.replace("$(JOB_COMPLETION_INDEX)", str(index)) for argument in arguments]
            asked = [FANOUT, "check", path / "p.toml", "--simulate", "5", "--json", *expanded]
            ended = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
            seen += [account["account"] for account in yaml.safe_load(ended.stdout)["accounts"]]
        expected = ["brand"] if count == 1 else [f"brand-{n}" for n in range(9)]
        assert sorted(seen) == expected, seen


if __name__ == "__main__":
    for file in sorted((ROOT / "deploy/kubernetes").glob("*.yaml")):
        check(file)
    sys.exit(0)
