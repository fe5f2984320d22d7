"""The showcase on Spark on Kubernetes: where it runs, as whom, what it says meanwhile, and that data are the same."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from ..pages import ENDED, Materialisation, Pages, wait_for
from .cluster import Cluster, Object
from .conftest import ASSETS, PARTITION, PATIENCE, Local
from .watching import Watching, most_at_once, running, watching

TEAM = "team-web-graph"
# The exporter is away from here on until test_6: runs do not need it, it has to count them afterwards, and its absence
# has to become an alert, which takes five minutes.
pytestmark = pytest.mark.usefixtures("silence")


@dataclass(frozen=True, slots=True)
class Showcase:
    """One run of all four assets. `lines`: what the run's log said, with the seconds after launch when it was seen."""

    run_id: str
    status: str
    seconds: float
    seen: Watching
    lines: tuple[tuple[float, str], ...]


@pytest.fixture(scope="module")
def showcase(seeds: str, pages: Pages, cluster: Cluster, times: dict[str, str]) -> Showcase:
    """The run, followed while it lives."""
    lines: dict[str, float] = {}
    with watching(TEAM) as seen:
        began_s = time.monotonic()
        run_id = pages.launch(*ASSETS, partition=PARTITION)

        def over() -> str | None:
            time.sleep(1)  # Watching shall not take the cores that the run needs.
            for line in pages.messages(run_id):
                lines.setdefault(line, time.monotonic() - began_s)
            status: str = pages.run(run_id)["status"]
            return status if status in ENDED else None

        status = wait_for(over, f"the end of run {run_id}", 600)
        seconds = time.monotonic() - began_s
        time.sleep(2)
    times["the showcase on Spark on Kubernetes, launch to success"] = f"{seconds:.1f} s"
    return Showcase(run_id, status, seconds, seen, tuple((at, line) for line, at in lines.items()))


def test_it_succeeds_and_materialises_each_asset_once(showcase: Showcase, pages: Pages) -> None:
    assert showcase.status == "SUCCESS", "\n".join(pages.messages(showcase.run_id))
    for asset in ASSETS:
        made = _made(pages, asset, showcase.run_id)
        assert len(made) == 1
        assert made[0].metadata["engineshed/engine"] == "kubernetes"
        assert made[0].metadata["engineshed/cost_usd"] > 0


def test_it_gives_the_same_data_as_the_local_engine(showcase: Showcase, pages: Pages, local: Local) -> None:
    for (asset, table), digest in local.hashes.items():
        (made,) = _made(pages, asset, showcase.run_id)
        assert made.metadata[f"dataset_hash/{table}"] == digest, f"{asset}.{table}"
    assert {asset for asset, _ in local.hashes} == set(ASSETS)


def test_run_driver_and_executors_are_in_the_teams_namespace_under_its_accounts(showcase: Showcase) -> None:
    accounts = {
        role: {pod["spec"]["serviceAccountName"] for pod in showcase.seen.pods(labels).values()}
        for role, labels in {
            "run": {"engineshed.dev/role": "run"},
            "driver": {"engineshed.dev/role": "spark-driver"},
            "executor": {"spark-role": "executor"},
        }.items()
    }
    assert accounts == {"run": {"web-graph"}, "driver": {"web-graph-spark"}, "executor": {"web-graph-executor"}}


def test_executors_go_from_none_to_two_to_none_within_one_job(showcase: Showcase) -> None:
    """By the kubelet's times; that idle ones go while their driver lives on is a test of the engine's contract."""
    drivers = showcase.seen.pods({"engineshed.dev/role": "spark-driver"})
    assert len(drivers) == len(ASSETS)
    grew = []
    for driver in drivers:
        life, executors = showcase.seen.span(driver), showcase.seen.executors(driver)
        assert life is not None
        assert life.ended is not None
        for executor in executors:
            assert life.began < executor.began, f"{driver} began with an executor"
            assert executor.ended is not None, f"an executor of {driver} was never seen to end"
            assert executor.ended <= life.ended, f"an executor outlived {driver}"
        grew.append(most_at_once(executors))
    assert max(grew) == 2, dict(zip(drivers, grew, strict=True))


def test_messages_and_progress_arrive_while_it_runs(showcase: Showcase) -> None:
    progress = [at for at, line in showcase.lines if line.startswith("progress:")]
    assert progress, "no progress was seen"
    assert min(progress) < 0.6 * showcase.seconds
    # The first asset's driver spoke before the last asset's was submitted.
    submitted = [at for at, line in showcase.lines if "Submitted to kubernetes" in line]
    assert len(submitted) == len(ASSETS)
    assert min(progress) < max(submitted)


def test_messages_are_neither_lost_nor_doubled(showcase: Showcase, pages: Pages) -> None:
    for asset in ASSETS:
        (made,) = _made(pages, asset, showcase.run_id)
        assert made.metadata["engineshed/messages"] > 0
        assert "damaged" not in str(made.metadata)


@pytest.mark.speed
def test_it_is_not_much_slower_than_the_local_engine(showcase: Showcase, local: Local, times: dict[str, str]) -> None:
    added_s = showcase.seconds - local.seconds
    times["the showcase on engine local of this machine"] = f"{local.seconds:.1f} s"
    times["the showcase, added by Kubernetes"] = f"{added_s:.1f} s (bar 100 s)"
    assert added_s <= 100 * PATIENCE


@pytest.mark.speed
def test_a_stage_begins_soon_after_the_submit(showcase: Showcase, pages: Pages, times: dict[str, str]) -> None:
    waits = []
    for asset in ASSETS:
        events = [e for e in pages.events(showcase.run_id) if e["stepKey"] == asset]
        at = {e["message"]: int(e["timestamp"]) / 1000 for e in reversed(events)}
        submitted = min(t for message, t in at.items() if "Submitted to kubernetes" in message)
        staged = [t for message, t in at.items() if re.match(r"progress: .*stages", message)]
        if staged:
            waits.append(min(staged) - submitted)
    assert waits, "no progress named a stage"
    times["from the engine's submit to the first Spark stage"] = f"{min(waits):.1f} s to {max(waits):.1f} s (bar 20 s)"
    assert min(waits) <= 20 * PATIENCE


def test_nothing_of_spark_goes_on_after_the_run(showcase: Showcase, cluster: Cluster) -> None:
    def live() -> list[Object]:
        return [p for p in cluster.objects("pods", TEAM, "spark-role=executor") if running(p)]

    wait_for(lambda: not live(), "all executors ended", 60)
    for pod in cluster.objects("pods", TEAM, "spark-role=executor"):
        assert [o["kind"] for o in pod["metadata"]["ownerReferences"]] == ["Pod"], "its driver's end takes it away"


def test_logs_are_shown_after_the_pods_are_gone(showcase: Showcase, pages: Pages, cluster: Cluster) -> None:
    for job in cluster.objects("jobs", TEAM, "engineshed.dev/role=run"):
        cluster.kubectl("delete", "job", job["metadata"]["name"], "--namespace", TEAM, "--wait=true")
    assert cluster.objects("pods", TEAM, "engineshed.dev/role=run") == []
    assert wait_for(lambda: pages.compute_log(showcase.run_id), "the compute log", 60)


def test_the_cancel_of_a_person_lands(nodes: str, pages: Pages, cluster: Cluster) -> None:
    run_id = pages.launch("edges", partition=PARTITION)
    pages.is_past(run_id, "Submitted to kubernetes")
    wait_for(lambda: _drivers(cluster, run_id), "the driver's pod")
    before = len(pages.materialisations("edges", PARTITION))
    pages.terminate(run_id)
    assert pages.ended(run_id) == "CANCELED"
    wait_for(lambda: not _drivers(cluster, run_id), "the driver gone", 60)
    assert len(pages.materialisations("edges", PARTITION)) == before


def _drivers(cluster: Cluster, run_id: str) -> list[Mapping[str, object]]:
    pods = cluster.objects("pods", TEAM, "engineshed.dev/role=spark-driver")
    return [
        p
        for p in pods
        if run_id in str(p["metadata"].get("annotations", {})) + str(p["metadata"].get("labels", {}))
        and p["status"].get("phase") in ("Pending", "Running")
    ]


def _made(pages: Pages, asset: str, run_id: str) -> list[Materialisation]:
    return [m for m in pages.materialisations(asset, PARTITION) if m.run_id == run_id]
