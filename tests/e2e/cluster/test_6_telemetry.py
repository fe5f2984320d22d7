"""Telemetry as the cluster's Prometheus sees it: found by the chart's own marks, live while a run lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..pages import Pages, wait_for
from .conftest import PARTITION, PLATFORM
from .counting import in_prometheus, in_the_event_log
from .prometheus import Prometheus

BEHIND = 'ALERTS{alertname="EngineshedExporterBehind", alertstate="firing"}'
LIVE = 'sum(engineshed_live_{}{{team="web-graph", engine="kubernetes"}})'


def test_an_exporter_that_is_away_is_an_alert_and_no_longer_when_it_is_back(
    silence: Callable[[], None], prometheus: Prometheus
) -> None:
    try:
        wait_for(lambda: prometheus.value(BEHIND), "EngineshedExporterBehind to fire, after its five minutes", 420)
    finally:
        silence()
    wait_for(lambda: not prometheus.value(BEHIND), "EngineshedExporterBehind to be over", 120)


def test_what_ran_meanwhile_is_counted_as_in_the_event_log(nodes: str, pages: Pages, prometheus: Prometheus) -> None:
    logged = in_the_event_log(pages)
    assert logged.succeeded > 0

    def same() -> bool:
        counted = in_prometheus(prometheus)
        return (counted.submitted, counted.succeeded) == (logged.submitted, logged.succeeded)

    wait_for(same, f"{logged} in Prometheus", 90)
    # Runs that failed or were cancelled have spoken too, and no materialisation says how much.
    assert in_prometheus(prometheus).messages >= logged.messages


def test_prometheus_finds_what_the_charts_mark(prometheus: Prometheus) -> None:
    # Drivers of teams come and go, and answer only while their session is there.
    of_platform = prometheus.series(f'up{{namespace="{PLATFORM}"}}')
    up = {labels.get("component"): value for labels, value in of_platform.items()}
    assert {"webserver", "daemon", "provisioner", "exporter"} <= up.keys()
    assert set(up.values()) == {1.0}, up


def test_a_run_shows_its_progress_while_it_lives_and_only_then(
    nodes: str, pages: Pages, prometheus: Prometheus
) -> None:
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


def test_the_driver_of_that_run_was_found_and_told_of_its_tasks(prometheus: Prometheus) -> None:
    tasks = 'sum(metrics_executor_completedTasks_total{namespace=~"team-.*"})'
    assert (prometheus.value(f"max_over_time(({tasks})[10m:5s])") or 0) > 0
