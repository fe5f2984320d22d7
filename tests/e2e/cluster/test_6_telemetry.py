"""Telemetry as the cluster's Prometheus sees it: found by the chart's own marks, live while a run lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster
from .conftest import PARTITION, PLATFORM
from .prometheus import Prometheus

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
