"""What a cluster does to a driver that did nothing wrong: quota, eviction, preemption, a node that goes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.contract.clusters import ClusterBench, kubectl

from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Launch
from engineshed.model.status import State
from engineshed.ports.engine import Engine

pytestmark = pytest.mark.needs_cluster

SLEEPS = "time.sleep(600)\n"


@contextmanager
def applied(*things: dict[str, Any]) -> Iterator[None]:
    """These objects, deleted at the end."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(things)})
    kubectl("apply", "-f", "-", given=listed)
    try:
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", given=listed)


def started(bench: ClusterBench, source: str = SLEEPS) -> tuple[Engine, Launch, str]:
    """A driver that runs, and its pod's name."""
    engine, work = bench.engine(), bench.work(source)
    launch = engine.submit(engine.render(work))
    bench.wait_until(lambda: engine.status(launch).state is State.RUNNING, "the driver's start")
    return engine, launch, str(bench.pods(work.token)[0]["metadata"]["name"])


def failure(bench: ClusterBench, engine: Engine, launch: Launch) -> Failure:
    status = bench.final(engine, launch)
    assert status.state is State.FAILED
    assert status.failure is not None
    return status.failure


def test_a_quota_that_is_used_up_is_a_lack_of_room_and_is_named(on_cluster: Callable[..., ClusterBench]) -> None:
    able = on_cluster()
    bench = on_cluster(unschedulable_after_s=4.0)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "nothing-more", "namespace": bench.namespace},
        "spec": {"hard": {"limits.memory": "1Mi"}},
    }
    with applied(quota):
        used = ["--namespace", bench.namespace, "get", "resourcequota", "nothing-more", "--output=name"]
        bench.wait_until(lambda: bool(kubectl(*used)), "the quota")
        engine, work = bench.engine(), able.work()
        found = failure(bench, engine, engine.submit(engine.render(work)))
    assert (found.failure_class, found.reason) == (FailureClass.CAPACITY, "quota_exceeded")
    assert "nothing-more" in found.message


def test_an_evicted_driver_says_so_and_is_billed(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, launch, pod = started(bench)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": bench.namespace},
    }
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))
    found = failure(bench, engine, launch)
    assert (found.failure_class, found.reason) == (FailureClass.PLATFORM, "evicted")
    assert engine.usage(launch).hours > 0


def test_a_driver_that_gives_way_to_another_is_a_lack_of_room(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster(cpu_request_ratio="0.7")
    engine, launch, _ = started(bench)
    (node,) = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    cores = int(node["status"]["allocatable"]["cpu"])
    first = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "try-first"},
        "value": 100_000,
    }
    restricted = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "sleeps",
        "image": "engineshed/spark:dev",
        "command": ["sleep", "600"],
        "resources": {"requests": {"cpu": f"{cores * 1000 - 500}m"}},
        "securityContext": restricted,
    }
    rival = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rival", "namespace": bench.namespace},
        "spec": {"priorityClassName": "try-first", "terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    with applied(first), applied(rival):
        found = failure(bench, engine, launch)
    assert (found.failure_class, found.reason) == (FailureClass.CAPACITY, "preempted")


def test_a_node_that_goes_is_a_loss_of_spot(on_cluster: Callable[..., ClusterBench]) -> None:
    bench = on_cluster()
    engine, launch, _ = started(bench)
    (node,) = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    name = node["metadata"]["name"]
    kubectl("taint", "nodes", name, "try.engineshed.dev/gone=yes:NoExecute")
    try:
        found = failure(bench, engine, launch)
    finally:
        subprocess.run(["kubectl", "taint", "nodes", name, "try.engineshed.dev/gone-"], check=True, capture_output=True)
        kubectl("--namespace", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
    assert (found.failure_class, found.reason) == (FailureClass.SPOT_LOSS, "node_lost")
