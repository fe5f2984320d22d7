"""Run workers that die in the middle: their driver lives on, and a successor finishes the step."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster, Object
from .conftest import PARTITION
from .watching import running

TEAM = "team-web-graph"
# The exporter is away while these runs die and recover too, see test_3.
pytestmark = pytest.mark.usefixtures("silence")


def _submitted(pages: Pages, run_id: str) -> str:
    """The token of the run's launch."""
    found = re.search(r"token (es-\w+)", pages.is_past(run_id, "Submitted to kubernetes"))
    assert found is not None
    return found[1]


def _driver(cluster: Cluster, token: str) -> Object | None:
    pods = [p for p in cluster.objects("pods", TEAM, f"engineshed.dev/token={token}") if running(p)]
    drivers = [p for p in pods if p["metadata"]["labels"].get("engineshed.dev/role") == "spark-driver"]
    return drivers[0] if drivers else None


def _worker(cluster: Cluster, run_id: str) -> Object:
    found = [p for p in cluster.objects("pods", TEAM, "engineshed.dev/role=run") if run_id in str(p["metadata"])]
    assert found, f"no pod of run {run_id}"
    return found[-1]


def _retried(pages: Pages, run_id: str) -> str:
    """The run that follows a failed one; its id."""
    assert pages.ended(run_id) == "FAILURE"
    child = wait_for(
        lambda: next((r for r in pages.runs() if r["parentRunId"] == run_id), None), f"the retry of {run_id}", 90
    )
    child_id: str = child["runId"]
    return child_id


@pytest.mark.parametrize("death", ["delete_job", "kill"])
def test_a_driver_outlives_its_run_worker_and_is_taken_over(
    nodes: str, pages: Pages, cluster: Cluster, death: str
) -> None:
    before = len(pages.materialisations("edges", PARTITION))
    run_id = pages.launch("edges", partition=PARTITION)
    token = _submitted(pages, run_id)
    driver = wait_for(lambda: _driver(cluster, token), "the driver's pod")
    uid = driver["metadata"]["uid"]
    worker = _worker(cluster, run_id)
    if death == "delete_job":
        cluster.kubectl("delete", "job", worker["metadata"]["labels"]["job-name"], "--namespace", TEAM, "--wait=false")
    else:
        pids = cluster.node_pids(worker)
        if not pids:
            pytest.skip("the node's processes are not this machine's, so nothing can be killed without a word")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    still = _driver(cluster, token)
    assert still is not None
    assert still["metadata"]["uid"] == uid
    child = _retried(pages, run_id)
    assert pages.ended(child) == "SUCCESS", "\n".join(pages.messages(child))
    assert "Adopted kubernetes run" in "\n".join(pages.messages(child))
    made = pages.materialisations("edges", PARTITION)
    assert len(made) == before + 1
    assert made[0].metadata["engineshed/token"] == token
    assert made[0].metadata["engineshed/adopted"] is True
    jobs = cluster.objects("jobs", TEAM, "engineshed.dev/role=spark-driver")
    assert [j["metadata"]["name"] for j in jobs if run_id in str(j["metadata"])] == [token]


def test_a_driver_that_is_deleted_is_said_and_tried_again(nodes: str, pages: Pages, cluster: Cluster) -> None:
    """On the only offer that this team has: a node that goes must not cost its people a run."""
    run_id = pages.launch("edges", partition=PARTITION, tags={"dagster/max_retries": "0"})
    token = _submitted(pages, run_id)
    driver = wait_for(lambda: _driver(cluster, token), "the driver's pod")
    for pid in cluster.node_pids(driver):
        os.kill(pid, signal.SIGKILL)
    cluster.kubectl("delete", "pod", driver["metadata"]["name"], "--namespace", TEAM, "--grace-period=0", "--force")
    assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
    said = "\n".join(pages.messages(run_id))
    assert token in said
    assert re.search(r"failed \((platform|spot_loss), \w+\)", said), said
    assert "trying once more where the run was lost: kubernetes" in said
    (made,) = [m for m in pages.materialisations("edges", PARTITION) if m.run_id == run_id]
    assert made.metadata["engineshed/attempts"] == 2
    wait_for(lambda: not _executors(cluster, token), "its executors gone", 60)


def _executors(cluster: Cluster, token: str) -> list[Object]:
    return [p for p in cluster.objects("pods", TEAM, "spark-role=executor") if token in str(p["metadata"])]


def test_a_finished_job_names_the_run_it_belongs_to(nodes: str, pages: Pages, cluster: Cluster) -> None:
    named: list[Mapping[str, object]] = [
        dict(job["metadata"].get("annotations", {}))
        for job in cluster.objects("jobs", TEAM, "engineshed.dev/role=spark-driver")
    ]
    assert named
    assert all(re.search(r"[0-9a-f]{8}-", str(annotations)) for annotations in named)
