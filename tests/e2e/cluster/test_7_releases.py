"""Upgrade, rollback, uninstall: a running run is not harmed, and at the end nothing is left."""

from __future__ import annotations

import os
import re

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster, Object, call
from .conftest import PARTITION, PLATFORM, REPOSITORY, TEAMS, make
from .counting import Counts, in_prometheus, in_the_event_log
from .prometheus import Prometheus
from .watching import running

TEAM = "team-web-graph"


def _helm(*words: str) -> str:
    said = call("helm", *words, timeout_s=300)
    assert said.code == 0, said.text
    return said.text


def _code_server(cluster: Cluster) -> str:
    pods = cluster.objects("pods", TEAM, "app.kubernetes.io/component=code-server")
    uid: str = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))["metadata"]["uid"]
    return uid


def test_a_location_is_upgraded_and_rolled_back_under_a_running_run(nodes: str, pages: Pages, cluster: Cluster) -> None:
    before = _code_server(cluster)
    run_id = pages.launch("edges", partition=PARTITION)
    pages.is_past(run_id, "Submitted to kubernetes")
    values = REPOSITORY / "code_locations/web_graph/values.yaml"
    chart = str(REPOSITORY / "charts/code-location")
    _helm(
        "upgrade", "web-graph", chart, "--namespace", TEAM, "--values", str(values),
        "--set", "contact=upgraded@example.org", "--set", "codeServer.podAnnotations.upgraded=yes", "--wait",
    )  # fmt: skip
    assert _code_server(cluster) != before
    assert pages.locations()["web_graph"] == "LOADED"
    assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
    _helm("rollback", "web-graph", "--namespace", TEAM, "--wait")
    wait_for(lambda: pages.locations().get("web_graph") == "LOADED", "the location after the rollback", 60)
    again = pages.launch("nodes_only", partition=PARTITION)
    assert pages.ended(again) == "SUCCESS", "\n".join(pages.messages(again))


def test_the_platform_is_upgraded_and_the_teams_get_the_new_settings(
    nodes: str, pages: Pages, cluster: Cluster
) -> None:
    def told() -> str:
        found = cluster.object("configmap", "engineshed-instance", TEAM)
        assert found is not None
        return str(found["data"]["dagster.yaml"])

    chart, values = str(REPOSITORY / "charts/platform"), str(REPOSITORY / "charts/platform/values-kind.yaml")
    assert "max_concurrent_runs: 7" not in told()
    _helm(
        "upgrade", "engineshed", chart, "--namespace", PLATFORM, "--values", values,
        "--set", "instance.queue.maxConcurrentRuns=7", "--wait",
    )  # fmt: skip
    wait_for(lambda: "max_concurrent_runs: 7" in told(), "the new settings in the team's namespace", 60)
    wait_for(lambda: _loaded(pages), "both locations after the upgrade", 90)
    _helm("rollback", "engineshed", "--namespace", PLATFORM, "--wait")
    wait_for(lambda: "max_concurrent_runs: 7" not in told(), "the old settings in the team's namespace", 60)
    wait_for(lambda: _loaded(pages), "both locations after the rollback", 90)


def _loaded(pages: Pages) -> bool:
    try:
        return pages.locations() == dict.fromkeys(TEAMS, "LOADED")
    except OSError:
        return False


def test_database_exporter_and_prometheus_restart_in_mid_run_and_nothing_is_lost(
    nodes: str, pages: Pages, cluster: Cluster, prometheus: Prometheus
) -> None:
    wait_for(lambda: _loaded(pages), "both locations", 90)
    counted, logged = _agreed(pages, prometheus)
    run_id = pages.launch("edges", partition=PARTITION)
    token = re.search(r"token (es-\w+)", pages.is_past(run_id, "Submitted to kubernetes"))
    assert token is not None
    _restart(cluster, "prometheus", "kill -TERM 1")
    cluster.kubectl("delete", "pod", "--selector", _component("exporter"), "--namespace", PLATFORM, "--wait=false")
    # The second end of the database within seconds makes the kubelet wait with the restart.
    for _ in range(2):
        _restart(cluster, "postgresql", "kill -INT 1")

    def over() -> str | None:
        try:
            found = [r for r in pages.runs() if run_id in (r["runId"], r["rootRunId"])]
        except (OSError, AssertionError):
            return None
        ended = [r["status"] for r in found if r["status"] in {"SUCCESS", "FAILURE", "CANCELED"}]
        retried = any(t["key"] == "dagster/will_retry" and t["value"] == "true" for r in found for t in r["tags"])
        return "SUCCESS" if "SUCCESS" in ended else ("FAILURE" if ended and not retried else None)

    assert wait_for(over, "the run's end over the loss of the database", 300) == "SUCCESS"

    def newest() -> str | None:
        try:  # The web pages may still hold connections to the database that went.
            return str(pages.materialisations("edges", PARTITION)[0].metadata["engineshed/token"])
        except OSError:
            return None

    assert wait_for(newest, "the newest materialisation", 60) == token[1]
    now_counted, now_logged = _agreed(pages, prometheus)
    assert now_logged - logged == Counts(submitted=1, succeeded=1, messages=now_logged.messages - logged.messages)
    assert now_counted - counted == now_logged - logged


def _agreed(pages: Pages, prometheus: Prometheus) -> tuple[Counts, Counts]:
    """What Prometheus counts, once it is as many launches as in the event log, and what that counts."""
    logged = in_the_event_log(pages)

    def same() -> Counts | None:
        counted = in_prometheus(prometheus)
        return counted if (counted.submitted, counted.succeeded) == (logged.submitted, logged.succeeded) else None

    return wait_for(same, f"{logged} in Prometheus", 120), logged


def _component(name: str) -> str:
    return f"app.kubernetes.io/component={name}"


def _restart(cluster: Cluster, component: str, command: str) -> None:
    """The container, not its pod: what dev-services keep lives and dies with the pod."""
    (pod,) = cluster.objects("pods", PLATFORM, _component(component))
    name, restarts = pod["metadata"]["name"], _restarts(pod)
    cluster.kubectl("exec", name, "--namespace", PLATFORM, "--", "sh", "-c", command)
    wait_for(lambda: _restarted(cluster, component, restarts), f"{component} again", 60)


def _restarts(pod: Object) -> int:
    return sum(int(status["restartCount"]) for status in pod["status"]["containerStatuses"])


def _restarted(cluster: Cluster, component: str, before: int) -> bool:
    pods = cluster.objects("pods", PLATFORM, _component(component))
    return all(_restarts(pod) > before and running(pod) for pod in pods)


def test_uninstalling_a_location_ends_what_it_runs_and_leaves_nothing(
    nodes: str, pages: Pages, cluster: Cluster
) -> None:
    run_id = pages.launch("edges", partition=PARTITION, tags={"dagster/max_retries": "0"})
    pages.is_past(run_id, "Submitted to kubernetes")
    _helm("uninstall", "web-graph", "--namespace", TEAM, "--wait", "--timeout", "180s")
    wait_for(lambda: not [p for p in cluster.objects("pods", TEAM) if running(p)], "all pods of the team gone", 120)
    wait_for(lambda: "web_graph" not in pages.locations(), "the location gone from the pages", 120)
    assert pages.locations() == {"company_registry": "LOADED"}
    wait_for(lambda: not _left(cluster, TEAM), f"nothing left but {_left(cluster, TEAM)}", 60)
    make("location", "LOCATION=web_graph")
    wait_for(lambda: pages.locations().get("web_graph") == "LOADED", "the location back", 60)


def test_uninstalling_everything_leaves_nothing(seeds: str, cluster: Cluster) -> None:
    if os.environ.get("E2E_KEEP"):
        pytest.skip("E2E_KEEP asks to keep the releases")
    make("uninstall")
    for namespace in (PLATFORM, *TEAMS.values()):
        wait_for(lambda: not _there(cluster, namespace), f"namespace {namespace} gone", 120)  # noqa: B023
    for kind in ("clusterroles", "clusterrolebindings"):
        names = [o["metadata"]["name"] for o in cluster.objects(kind)]
        assert [n for n in names if "engineshed" in n] == []


def _there(cluster: Cluster, namespace: str) -> bool:
    return any(n["metadata"]["name"] == namespace for n in cluster.objects("namespaces"))


def _left(cluster: Cluster, namespace: str) -> list[str]:
    """What is there besides what an empty namespace has and what a person put there."""
    expected = {"kube-root-ca.crt", "default", "object-store"}
    kinds = (
        "deployments", "services", "configmaps", "secrets", "serviceaccounts", "roles", "rolebindings",
        "networkpolicies", "resourcequotas", "limitranges", "cronjobs", "poddisruptionbudgets",
        "persistentvolumeclaims", "jobs", "pods",
    )  # fmt: skip
    return [
        f"{kind}/{o['metadata']['name']}"
        for kind in kinds
        for o in cluster.objects(kind, namespace)
        if o["metadata"]["name"] not in expected
    ]
