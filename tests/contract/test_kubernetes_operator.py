"""The same engine through the real Spark operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.contract.clusters import ClusterBench, job_extras
from tests.contract.spark_operator import running_operator

from engineshed.model.request import Work
from engineshed.model.resources import Resources
from engineshed.model.status import State

pytestmark = pytest.mark.needs_cluster

COUNTS = """
import engineshed_driver
with engineshed_driver.open_job("contract") as job:
    job.report({"rows": job.session.range(1000).repartition(2).count()})
"""


@pytest.fixture(scope="module", autouse=True)
def _operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(tmp_path_factory.mktemp("operator") / "log"):
        yield


def with_an_executor(bench: ClusterBench, work: Work) -> Work:
    job = replace(work.job, resources=Resources(driver_cores=1, driver_memory_gib=1, executors=1))
    return replace(work, job=job, offer=bench.offer(job))


def test_a_job_runs_as_an_application_of_the_operator(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster(operator={"enabled": True})
    engine = bench.engine()
    token = bench.token()
    work = with_an_executor(bench, bench.work(COUNTS, token=token, extras=job_extras(token)))
    launch = engine.submit(engine.render(work))
    status = bench.final(engine, launch)
    assert status.state is State.SUCCEEDED, status
    assert bench.messages(work)[-1].method == "closed"
    assert {pod["metadata"]["labels"]["spark-role"] for pod in bench.pods(work.token)} >= {"driver"}
    usage = engine.usage(launch)
    assert usage.hours > 0
    engine.forget(launch)
    bench.wait_until(lambda: engine.find(work.token) is None, "the application gone")


def test_a_cancelled_application_ends_and_is_billed(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster(operator={"enabled": True})
    engine = bench.engine()
    work = with_an_executor(bench, bench.work("time.sleep(600)\n"))
    launch = engine.submit(engine.render(work))
    bench.wait_until(lambda: engine.status(launch).state is State.RUNNING, "the driver's start")
    engine.cancel(launch)
    engine.cancel(launch)
    assert bench.final(engine, launch).state is State.CANCELLED
    bench.wait_until(lambda: not bench.pods(work.token), "the end of the driver's pod")
    assert engine.usage(launch).hours > 0


def test_a_driver_that_fails_is_told_by_its_pod(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster(operator={"enabled": True})
    engine = bench.engine()
    work = with_an_executor(bench, bench.work("print('the last word', flush=True)\nsys.exit(3)\n"))
    launch = engine.submit(engine.render(work))
    status = bench.final(engine, launch)
    assert status.state is State.FAILED
    assert status.failure is not None
    assert "the last word" in status.failure.detail
    assert bench.runs_of(work.token) == 1
