"""What no step can do any more is done from outside, under the team's own account."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest


def test_the_reaper_looks_regularly_and_never_twice_at_once(alpha):
    values = {"schedule": "*/5 * * * *", "graceSeconds": 60, "keepStagedDays": 7}
    reaper = alpha({"reaper": values}).one("CronJob", "alpha-reaper")
    assert reaper["spec"]["schedule"] == "*/5 * * * *"
    assert reaper["spec"]["concurrencyPolicy"] == "Forbid"
    job = reaper["spec"]["jobTemplate"]["spec"]
    assert job["backoffLimit"] == 0
    assert job["activeDeadlineSeconds"] < 600
    pod = job["template"]["spec"]
    assert pod["serviceAccountName"] == "alpha"
    assert pod["containers"][0]["args"] == ["engineshed", "reap", "--grace=60", "--keep-staged=7"]


def test_it_can_ask_dagster_which_runs_live(alpha):
    pod = alpha().one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    mounts = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"]}
    assert mounts["/opt/dagster/home/dagster.yaml"]["subPath"] == "dagster.yaml"
    env = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    assert env["DAGSTER_HOME"] == "/opt/dagster/home"
    assert env["ENGINESHED_TEAM"] == "alpha"


def test_it_can_be_switched_off(alpha):
    assert alpha({"reaper": {"enabled": False}}).all("CronJob") == []


@pytest.mark.parametrize("way", ["end", "refuse"])
def test_live_launches_are_dealt_with_before_anything_goes(alpha, way):
    job = alpha({"onUninstall": way}).one("Job", "alpha-leaving")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    assert "before-hook-creation" in job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] <= 200, "well before Helm's own five minutes"
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "alpha"
    assert pod["containers"][0]["args"] == [f"--leaving={way}"]
    assert job["spec"]["ttlSecondsAfterFinished"] <= 3600, "a failed one is not there for ever"


def _leave(job: Any, tmp_path: Path, *, provisioned: bool) -> subprocess.CompletedProcess[str]:
    """What the hook's container does, with its folders and the program `engineshed` of this test."""
    platform, home, bin_ = (tmp_path / name for name in ("platform", "home", "bin"))
    for folder in (platform, home, bin_):
        folder.mkdir()
    if provisioned:
        (platform / "dagster.yaml").write_text("storage: {}")
    program = bin_ / "engineshed"
    program.write_text('#!/bin/sh\necho "$@"; cat "$DAGSTER_HOME/dagster.yaml"; exit 3\n')
    program.chmod(0o755)
    container = job["spec"]["template"]["spec"]["containers"][0]
    words = [word.replace("/etc/engineshed/platform", str(platform)) for word in container["command"]]
    environment = {"PATH": f"{bin_}:{os.environ['PATH']}", "DAGSTER_HOME": str(home)}
    return subprocess.run(
        [*words, *container["args"]], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_leaving_asks_dagster_and_hands_on_what_it_says(alpha, tmp_path):
    ended = _leave(alpha({"onUninstall": "refuse"}).one("Job", "alpha-leaving"), tmp_path, provisioned=True)
    assert (ended.returncode, ended.stdout) == (3, "reap --leaving=refuse\nstorage: {}")


def test_a_release_that_never_ran_anything_goes_at_once(alpha, tmp_path):
    ended = _leave(alpha().one("Job", "alpha-leaving"), tmp_path, provisioned=False)
    assert ended.returncode == 0, ended.stderr
    assert "nothing is to be ended" in ended.stdout


def test_nothing_that_such_a_release_lacks_keeps_the_hook_from_starting(alpha):
    job = alpha({"objectStore": {"existingSecret": "store"}}).one("Job", "alpha-leaving")
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    secrets = [e["valueFrom"]["secretKeyRef"] for e in container["env"] if "valueFrom" in e]
    platform = next(volume for volume in pod["volumes"] if volume["name"] == "platform")
    lacking = [*secrets, *(each["secretRef"] for each in container["envFrom"]), platform["configMap"]]
    assert len(lacking) == 3
    assert all(each["optional"] for each in lacking)
    files = [mount["mountPath"] for mount in container["volumeMounts"] if mount.get("subPath")]
    assert files == ["/etc/engineshed/location/location.yaml"], "no file of the platform's is mounted by itself"
