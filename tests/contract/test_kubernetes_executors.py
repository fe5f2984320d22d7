"""Spark with executors on a real cluster: their pods, their bill, and what the death of one of them does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.clusters import ClusterBench, job_extras, kubectl

from engineshed.model.launch import Launch, Token
from engineshed.model.request import Work
from engineshed.model.resources import Resources
from engineshed.model.status import State
from engineshed.ports.engine import Engine

pytestmark = pytest.mark.needs_cluster

TWO = Resources(driver_cores=1, driver_memory_gib=1, executors=2, executor_cores=1, executor_memory_gib=1)

_WORKS = """
import engineshed_driver

def slow(number):
    import socket
    time.sleep({seconds})
    return socket.gethostname()

with engineshed_driver.open_job(app_name="executors") as job:
    hosts = job.session.sparkContext.parallelize(range({tasks}), {tasks}).map(slow).collect()
    {then}
    job.report({{"hosts": sorted(set(hosts)), "tasks": len(hosts)}})
"""


def works(*, seconds: float, tasks: int, then: str = "pass") -> str:
    return "import time\n" + _WORKS.format(seconds=seconds, tasks=tasks, then=then)


def with_executors(bench: ClusterBench, source: str, **engine_settings: Any) -> Work:
    token = bench.token()
    work = bench.work(source, token=token, extras=job_extras(token))
    job = replace(work.job, resources=TWO, engine_settings={"kubernetes": engine_settings})
    return replace(work, job=job, offer=bench.offer(job))


def executors(bench: ClusterBench, token: Token, phase: str = "Running") -> list[dict[str, Any]]:
    return [pod for pod in bench.pods(token, "spark-executor") if pod["status"]["phase"] == phase]


def report(bench: ClusterBench, work: Work) -> dict[str, Any]:
    payloads = [m.params["payload"] for m in bench.messages(work) if m.method == "report_custom_message"]
    found: dict[str, Any] = next(p["engineshed/report"] for p in payloads if "engineshed/report" in p)
    return found


def watched(bench: ClusterBench, engine: Engine, launch: Launch, count: int) -> list[dict[str, Any]]:
    """The executors' pods once so many run, the run being looked at meanwhile as a watcher does."""

    def there() -> bool:
        state = engine.status(launch).state
        assert not state.final, engine.status(launch).failure
        return len(executors(bench, launch.token)) == count

    bench.wait_until(there, f"{count} executors")
    return executors(bench, launch.token)


def test_the_work_is_done_by_executors_that_the_driver_owns(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), with_executors(bench, works(seconds=1.0, tasks=8))
    launch = engine.submit(engine.render(work))
    pods = watched(bench, engine, launch, 2)
    (driver,) = bench.pods(work.token, "spark-driver")
    owners = {owner["uid"] for pod in pods for owner in pod["metadata"]["ownerReferences"]}
    assert owners == {driver["metadata"]["uid"]}
    assert {pod["spec"].get("automountServiceAccountToken") for pod in pods} == {False}
    status = bench.final(engine, launch)
    assert status.state is State.SUCCEEDED, status.failure
    said = report(bench, work)
    assert said["tasks"] == 8
    assert set(said["hosts"]) <= {pod["metadata"]["name"] for pod in pods}
    bench.wait_until(lambda: engine.usage(launch).complete, "the end of all pods")
    usage = engine.usage(launch)
    held = [interval for interval in usage.intervals if interval.item == "pod-memory-gib:any"]
    assert [interval.quantity for interval in held] == [1.0, 1.0, 1.0]
    assert engine.cost(usage, bench.book).total_usd > 0


def test_a_killed_executor_costs_its_tasks_alone(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), with_executors(bench, works(seconds=1.5, tasks=16))
    launch = engine.submit(engine.render(work))
    victim = watched(bench, engine, launch, 2)[0]["metadata"]["name"]
    kubectl("--namespace", bench.namespace, "delete", "pod", victim, "--grace-period=0", "--force", "--wait=false")
    status = bench.final(engine, launch)
    assert status.state is State.SUCCEEDED, status.failure
    assert report(bench, work)["tasks"] == 16
    pods = {interval.start for interval in engine.usage(launch).intervals}
    assert len(pods) >= 3


def test_a_deleted_driver_is_a_failure_that_may_be_tried_again(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), with_executors(bench, works(seconds=60, tasks=2))
    launch = engine.submit(engine.render(work))
    watched(bench, engine, launch, 2)
    (driver,) = bench.pods(work.token, "spark-driver")
    kubectl("--namespace", bench.namespace, "delete", "pod", driver["metadata"]["name"], "--wait=false")
    status = bench.final(engine, launch)
    assert status.state is State.FAILED
    assert status.failure is not None
    assert status.failure.failure_class.tries_next_offer, status.failure
    bench.wait_until(lambda: not bench.pods(work.token), "the end of all pods")
    usage = engine.usage(launch)
    assert len([i for i in usage.intervals if i.item == "pod-cpu:any"]) == 3
    assert usage.complete


def test_executors_come_and_go_with_the_work(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster(conf={"spark.dynamicAllocation.executorIdleTimeout": "3s"})
    source = works(seconds=1.0, tasks=20, then="time.sleep(15)")
    engine, work = bench.engine(), with_executors(bench, source, dynamic_allocation={"min": 0, "max": 2})
    launch = engine.submit(engine.render(work))
    watched(bench, engine, launch, 2)
    watched(bench, engine, launch, 0)
    status = bench.final(engine, launch)
    assert status.state is State.SUCCEEDED, status.failure
    assert report(bench, work)["tasks"] == 20


def test_nothing_is_left_of_a_run_that_was_removed(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), with_executors(bench, works(seconds=60, tasks=2))
    launch = engine.submit(engine.render(work))
    watched(bench, engine, launch, 2)
    kubectl("--namespace", bench.namespace, "delete", "job", work.token, "--wait=false")

    def left() -> str:
        words = ["get", "pods,configmaps,services", "--selector", f"engineshed.dev/token={work.token}", "--output=name"]
        return subprocess.check_output(["kubectl", "--namespace", bench.namespace, *words], text=True)

    bench.wait_until(lambda: not left(), "nothing of the run")
