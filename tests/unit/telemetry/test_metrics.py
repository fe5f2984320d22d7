"""The table itself: names, labels and buckets as Prometheus wants them."""

from __future__ import annotations

import re

import pytest

from engineshed.telemetry.metrics import LABELS, METRICS, Kind, Metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"engineshed_[a-z][a-z0-9_]*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", metric.name)
    for word, ending in (("seconds", "_seconds"), ("bytes", "_bytes"), ("US dollars", "_usd")):
        if metric.unit == word:
            assert ending in metric.name
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_its_labels_are_of_the_closed_set(metric: Metric) -> None:
    assert set(metric.labels) <= LABELS
    assert len(set(metric.labels)) == len(metric.labels)


@pytest.mark.parametrize("metric", [m for m in METRICS if m.kind is Kind.HISTOGRAM], ids=lambda metric: metric.name)
def test_its_buckets_grow_and_say_why(metric: Metric) -> None:
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.why_buckets


def test_no_name_is_given_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
