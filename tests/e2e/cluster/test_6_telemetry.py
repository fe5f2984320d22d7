"""Telemetry as the cluster's Prometheus sees it: found by the chart's own marks, live while a run lives, equal to the
event log and the ledger afterwards, whoever was restarted meanwhile."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster
from .conftest import ASSETS, PARTITION, PLATFORM
from .prometheus import Prometheus
from .watching import running

EXPORTER = f"{PLATFORM}-exporter"
LIVE = 'sum(engineshed_live_{}{{team="web-graph", engine="kubernetes"}})'


@pytest.fixture(scope="module")
def prometheus(nodes: str, cluster: Cluster) -> Iterator[Prometheus]:
    """The one of dev-services."""
    with cluster.forwarded("service/dev-services-prometheus", 9090, PLATFORM) as port:
        found = Prometheus(f"http://127.0.0.1:{port}")
        wait_for(lambda: found.value("vector(1)"), "an answer of Prometheus")
        yield found


def test_prometheus_finds_what_the_charts_mark(prometheus: Prometheus) -> None:
    up = {labels.get("component"): value for labels, value in prometheus.series("up").items()}
    assert {"webserver", "daemon", "provisioner", "exporter"} <= up.keys()
    assert set(up.values()) == {1.0}, up


def test_a_run_shows_its_progress_while_it_lives_and_only_then(pages: Pages, prometheus: Prometheus) -> None:
    run_id = pages.launch("edges", partition=PARTITION)
    seen: Counter[str] = Counter()

    def over() -> bool:
        for name in ("attempts", "tasks_done", "tasks_known"):
            seen[name] = max(seen[name], int(prometheus.value(LIVE.format(name)) or 0))
        return pages.run(run_id)["status"] in ("SUCCESS", "FAILURE", "CANCELED")

    wait_for(over, f"the end of run {run_id}")
    assert pages.run(run_id)["status"] == "SUCCESS", "\n".join(pages.messages(run_id))
    assert seen["attempts"] == 1
    assert 0 < seen["tasks_done"] <= seen["tasks_known"]
    wait_for(lambda: not prometheus.value(LIVE.format("attempts")), "no live attempt in Prometheus", 60)
    assert not prometheus.value(LIVE.format("tasks_known"))


def test_restarts_in_mid_run_lose_nothing(pages: Pages, cluster: Cluster, prometheus: Prometheus) -> None:
    run_id = pages.launch("edges", partition=PARTITION)
    pages.is_past(run_id, "Submitted to kubernetes")
    cluster.kubectl("rollout", "restart", f"deployment/{EXPORTER}", "--namespace", PLATFORM)
    for component in ("prometheus", "postgresql"):
        _kill(cluster, component)
    assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
    cluster.kubectl("rollout", "status", f"deployment/{EXPORTER}", "--namespace", PLATFORM, "--timeout=120s")
    _recounts(pages, cluster, prometheus)


def test_an_alert_fires_while_the_exporter_is_away_and_clears_when_it_is_back(
    pages: Pages, cluster: Cluster, prometheus: Prometheus
) -> None:
    assert "EngineshedExporterBehind" in prometheus.rules(), "the charts' rules are not loaded"
    cluster.kubectl("scale", "deployment", EXPORTER, "--namespace", PLATFORM, "--replicas=0")
    try:
        wait_for(lambda: prometheus.alerts().get("EngineshedExporterBehind"), "the alert pending or firing", 420)
        # Runs go on, and what they did meanwhile is counted when it is back.
        run_id = pages.launch("edges", partition=PARTITION)
        assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
        wait_for(lambda: prometheus.alerts().get("EngineshedExporterBehind") == "firing", "the alert firing", 420)
    finally:
        cluster.kubectl("scale", "deployment", EXPORTER, "--namespace", PLATFORM, "--replicas=1")
    wait_for(lambda: "EngineshedExporterBehind" not in prometheus.alerts(), "the alert over", 120)
    _recounts(pages, cluster, prometheus)


def test_no_message_was_lost_and_no_rule_or_round_failed(prometheus: Prometheus) -> None:
    assert not prometheus.value("sum(engineshed_messages_lost_total)")
    assert not prometheus.value("sum(engineshed_messages_damaged_total)")
    assert (prometheus.value("sum(engineshed_messages_total)") or 0) > 0
    assert not prometheus.value('sum(engineshed_exporter_progress_posts_total{outcome=~"refused|dropped"})')
    assert not prometheus.value("sum(prometheus_rule_evaluation_failures_total)")


def _kill(cluster: Cluster, component: str) -> None:
    """End a container of dev-services without a word, so that its pod starts it anew on the same data."""
    pods = cluster.objects("pods", PLATFORM, f"app.kubernetes.io/component={component}")
    (pod,) = [pod for pod in pods if running(pod)]
    pids = cluster.node_pids(pod)
    if not pids:
        pytest.skip("the node's processes are not this machine's, so nothing can be killed without a word")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _recounts(pages: Pages, cluster: Cluster, prometheus: Prometheus) -> None:
    """Counters against Dagster's event log (what was materialised) and the ledger (what was tried, what it cost)."""
    made = [m for asset in (*ASSETS, "company_registry/seeds") for m in pages.materialisations(asset)]
    succeeded = Counter(str(m.metadata["engineshed/engine"]) for m in made if "engineshed/token" in m.metadata)
    booked = _costs(cluster)
    attempts = {line["engine"]: int(line["attempts"]) for line in booked}
    costs_usd = {line["engine"]: float(line["total_usd"]) for line in booked}

    def agree() -> bool:
        return (
            _by_engine(prometheus, 'engineshed_attempts_total{outcome="succeeded"}') == dict(succeeded)
            and _by_engine(prometheus, "engineshed_attempts_total") == attempts
            and _by_engine(prometheus, "engineshed_cost_usd_total") == pytest.approx(costs_usd)
        )

    wait_for(agree, f"counters equal to {succeeded} of the event log and {booked} of the ledger", 60)


def _by_engine(prometheus: Prometheus, series: str) -> dict[str, float]:
    return {labels["engine"]: value for labels, value in prometheus.series(f"sum by (engine) ({series})").items()}


def _costs(cluster: Cluster) -> list[dict[str, Any]]:
    command = ("engineshed", "costs", "--by", "engine", "--json")
    found: list[dict[str, Any]] = json.loads(
        cluster.kubectl("exec", f"deployment/{EXPORTER}", "--namespace", PLATFORM, "--", *command)
    )
    return found
