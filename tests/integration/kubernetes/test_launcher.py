"""The launcher against the real API server: Jobs are where discovery says, and attacks leave none anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus
from tests.integration.kubernetes.spaces import Cluster, until
from tests.unit.running.launcher.platforms import ApiServer, Platform

from engineshed.discovery.listing import CodeLocation
from engineshed.model.errors import LaunchRefused
from engineshed.running.launcher import TenantRunLauncher
from engineshed.testing.clock import VirtualClock

pytestmark = pytest.mark.needs_cluster


def _location(cluster: Cluster, space: str, name: str) -> CodeLocation:
    """With a Service that is there: runs belong to it, and what belongs to nothing is collected."""
    uid = cluster.service(space, name.replace("_", "-"), name, "192.0.2.1", 4000)
    return CodeLocation(
        name=name,
        namespace=space,
        team="try",
        service_account="default",
        image="engineshed/nothing:try",
        service=name.replace("_", "-"),
        host=f"{name.replace('_', '-')}.{space}.svc",
        port=4000,
        uid=uid,
        created="2026-01-01T00:00:00Z",
    )


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    launcher = TenantRunLauncher(
        locations_file=str(tmp_path / "locations.json"),
        clock=VirtualClock(),
        load_incluster_config=False,
        kubeconfig_file=os.environ["KUBECONFIG"],
        instance_config_map="engineshed-instance",
        dagster_home="/opt/dagster/home",
    )
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher.register_instance(instance)
        yield Platform(instance, launcher, ApiServer(), tmp_path / "locations.json", VirtualClock())


def _jobs(cluster: Cluster, space: str) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = cluster.do("GET", f"/apis/batch/v1/namespaces/{space}/jobs").body["items"]
    return jobs


def _launch(platform: Platform, **what: Any) -> Any:
    from dagster._core.launcher import LaunchRunContext

    run = platform.run(**what)
    platform.launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return run


def test_a_run_is_started_watched_and_ended_in_its_namespace(cluster: Cluster, platform: Platform) -> None:
    mine, other = cluster.namespace("try"), cluster.namespace("other")
    web = _location(cluster, mine, "web_graph")
    platform.know(web, _location(cluster, other, "victim"))

    run = _launch(
        platform, planner=web, tags={"dagster-k8s/config": json.dumps({"job_metadata": {"labels": {"a": "b"}}})}
    )

    [job] = _jobs(cluster, mine)
    assert _jobs(cluster, other) == []
    assert job["metadata"]["labels"]["engineshed.dev/code-location"] == "web_graph"
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING

    assert platform.launcher.terminate(run.run_id)
    until(lambda: _jobs(cluster, mine) == [], 30, "the Job is gone")
    assert platform.launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN


def test_the_job_of_a_run_that_never_started_ends_with_the_monitors_last_question(
    cluster: Cluster, platform: Platform
) -> None:
    mine = cluster.namespace("try")
    web = _location(cluster, mine, "web_graph")
    platform.know(web)
    run = _launch(platform, planner=web)
    assert len(_jobs(cluster, mine)) == 1
    assert platform.launcher.get_run_worker_debug_info(run)
    until(lambda: _jobs(cluster, mine) == [], 30, "the Job is gone")


def test_a_forged_context_neither_starts_nor_ends_anything_elsewhere(cluster: Cluster, platform: Platform) -> None:
    mine, other = cluster.namespace("try"), cluster.namespace("other")
    web, victim = _location(cluster, mine, "web_graph"), _location(cluster, other, "victim")
    platform.know(web, victim)
    theirs = _launch(platform, planner=victim)
    forged = {"k8s": {"namespace": other}}

    with pytest.raises(LaunchRefused, match=f"namespace is '{other}'"):
        _launch(platform, planner=web, context=forged)
    volumes = [{"name": "h", "hostPath": {"path": "/"}}]
    with pytest.raises(LaunchRefused, match="hostPath"):
        _launch(platform, planner=web, context={"k8s": {"volumes": volumes}})
    assert _jobs(cluster, mine) == []

    mine_too = platform.run(planner=web, context=forged, status=DagsterRunStatus.STARTED)
    assert not platform.launcher.terminate(mine_too.run_id)
    assert [job["metadata"]["name"] for job in _jobs(cluster, other)] == [f"dagster-run-{theirs.run_id}"]
