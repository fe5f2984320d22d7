"""What no step can do any more is done from outside, under the team's own account."""

from __future__ import annotations

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
    assert job["spec"]["activeDeadlineSeconds"] < 300, "Helm itself waits five minutes"
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "alpha"
    assert pod["containers"][0]["args"] == ["engineshed", "reap", f"--leaving={way}"]
