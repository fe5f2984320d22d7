"""How runs end on a real cluster: what cannot start, what dies, what a launcher left half done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.contract.clusters import ClusterBench, kubectl

from engineshed.engines.kubernetes import attachments
from engineshed.model.errors import EngineError, JobInvalid, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.status import State

pytestmark = pytest.mark.needs_cluster

LARGE = {"large": "x" * 100_000}


@pytest.mark.parametrize(
    ("settings", "failure_class", "reason", "said"),
    [
        ({"image": "engineshed/none:dev"}, FailureClass.CONFIGURATION, "image_pull", "engineshed/none:dev"),
        ({"node_selector": {"no": "node"}, "nodes": []}, FailureClass.CAPACITY, "unschedulable", "nodes are available"),
        ({"service_account": "nobody"}, FailureClass.CONFIGURATION, "pod_refused", "nobody"),
        ({"env_from_secrets": ["none"]}, FailureClass.CONFIGURATION, "container_config", "none"),
    ],
)
def test_a_driver_that_cannot_start_is_ended_and_says_why(
    on_cluster: Callable[..., ClusterBench],
    settings: Mapping[str, Any],
    failure_class: FailureClass,
    reason: str,
    said: str,
) -> None:
    able = on_cluster()
    bench = on_cluster(**settings, unschedulable_after_s=4.0)
    engine, work = bench.engine(), able.work()
    launch = engine.submit(engine.render(work))
    status = bench.final(engine, launch)
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (failure_class, reason), status.failure
    assert said in status.failure.message + status.failure.detail
    bench.wait_until(lambda: not bench.pods(work.token), "the end of the pod")


def test_a_driver_that_takes_too_much_memory_says_so(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine = bench.engine()
    launch = engine.submit(engine.render(bench.work("held = [bytearray(2**20) for _ in range(3000)]\n")))
    status = bench.final(engine, launch)
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (FailureClass.PLATFORM, "out_of_memory")


def test_a_submit_that_died_halfway_is_completed_by_the_next(
    on_cluster: Callable[..., ClusterBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = on_cluster()
    engine = bench.engine()
    work = bench.work("import dagster_pipes\nwith dagster_pipes.open_dagster_pipes() as p: pass\n", extras=LARGE)
    request = engine.render(work)

    def dies(*_: object) -> dict[str, Any]:
        raise EngineError("the launcher died here")

    with monkeypatch.context() as patch:
        patch.setattr(attachments, "config_map", dies)
        with pytest.raises(EngineError, match="died here"):
            engine.submit(request)
    found = engine.find(work.token)
    assert found is not None
    assert engine.status(found).state is State.QUEUED
    assert bench.pods(work.token) == []
    assert bench.engine().submit(request) == found
    assert bench.final(engine, found).state is State.SUCCEEDED
    assert bench.runs_of(work.token) == 1
    assert bench.messages(work)[-1].method == "closed"


def test_a_run_that_waits_for_its_attachments_can_be_cancelled(
    on_cluster: Callable[..., ClusterBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), bench.work()
    request = engine.render(work)

    def dies(*_: object) -> dict[str, Any]:
        raise EngineError("the launcher died here")

    with monkeypatch.context() as patch:
        patch.setattr(attachments, "config_map", dies)
        with pytest.raises(EngineError):
            engine.submit(request)
    launch = engine.find(work.token)
    assert launch is not None
    engine.cancel(launch)
    assert engine.submit(request) == launch
    assert bench.final(engine, launch).state is State.CANCELLED
    assert bench.runs_of(work.token) == 0


def test_another_request_under_the_same_token_is_refused(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), bench.work()
    bench.final(engine, engine.submit(engine.render(work)))
    with pytest.raises(SubmitRejected, match="another request"):
        engine.submit(engine.render(bench.work("print('other')\n", token=work.token)))


def test_files_too_large_for_a_config_map_are_refused_with_the_remedy(
    on_cluster: Callable[..., ClusterBench],
) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), bench.work(extras={"large": "x" * 1_000_000})
    with pytest.raises(JobInvalid, match="exchange"):
        engine.submit(engine.render(work))


def test_the_attachments_go_with_their_run(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, work = bench.engine(), bench.work()
    bench.final(engine, engine.submit(engine.render(work)))
    there = ["--namespace", bench.namespace, "get", "configmaps", "--output=name"]
    assert work.token in kubectl(*there)
    kubectl("--namespace", bench.namespace, "delete", "job", work.token, "--wait=false")
    bench.wait_until(lambda: work.token not in kubectl(*there), "the end of the ConfigMap")
