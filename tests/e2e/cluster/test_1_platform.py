"""The platform alone: it starts empty and healthy, everything of it is restricted, and Helm's own test passes."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request

import pytest

from ..pages import wait_for
from .cluster import Cluster, call
from .conftest import PATIENCE, PLATFORM, Platform


def test_it_starts_empty_and_healthy(platform: Platform, cluster: Cluster) -> None:
    assert platform.pages.locations() == {}
    pods = [p for p in cluster.objects("pods", PLATFORM) if p["status"]["phase"] != "Succeeded"]
    assert {p["metadata"]["labels"]["app.kubernetes.io/component"] for p in pods} >= {
        "webserver",
        "daemon",
        "provisioner",
        "postgresql",
        "objectstore",
    }
    for pod in pods:
        conditions = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
        assert conditions["Ready"] == "True", pod["metadata"]["name"]
        restarts = [s["restartCount"] for s in pod["status"]["containerStatuses"]]
        assert restarts == [0] * len(restarts), pod["metadata"]["name"]


@pytest.mark.speed
def test_it_is_ready_within_a_minute(platform: Platform) -> None:
    assert platform.seconds <= 60 * PATIENCE


def test_the_daemons_are_alive(platform: Platform) -> None:
    def healthy() -> bool:
        answer = platform.pages.ask(
            "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
        )["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(daemon["healthy"] for daemon in answer if daemon["required"])

    wait_for(healthy, "heartbeats of all daemons", 120)


def test_its_namespace_enforces_restricted(platform: Platform, cluster: Cluster) -> None:
    found = cluster.object("namespace", PLATFORM, PLATFORM)
    assert found is not None
    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    events = cluster.objects("events", PLATFORM)
    assert [e["message"] for e in events if "violates PodSecurity" in e.get("message", "")] == []


def test_helm_test_passes(platform: Platform) -> None:
    said = call("helm", "test", "engineshed", "--namespace", PLATFORM, "--timeout", "120s")
    assert said.code == 0, said.text


def test_prometheus_sees_discovery(platform: Platform, cluster: Cluster) -> None:
    query = urllib.parse.urlencode({"query": 'up{namespace="engineshed"} == 1'})
    with cluster.forwarded("service/dev-services-prometheus", 9090, PLATFORM) as port:

        def scraped() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=10) as reply:
                return len(json.load(reply)["data"]["result"]) >= 2

        wait_for(scraped, "webserver's and daemon's discovery in Prometheus", 90)
