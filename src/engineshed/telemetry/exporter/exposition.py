"""Series as OpenMetrics text, by Prometheus' own library.

The text is made when something changed and kept: a scrape never waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from engineshed.telemetry import metrics as table
from engineshed.telemetry.metrics import METRICS, Kind
from engineshed.telemetry.series import Histogram, SeriesSet

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Families(Collector):
    def __init__(self, parts: Sequence[SeriesSet]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        for row in METRICS:
            yield _family(row, self._parts)


def openmetrics(parts: Sequence[SeriesSet]) -> bytes:
    """All metrics of the table, those without series too, from any number of sets that share none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(parts))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


def _family(row: table.Metric, parts: Sequence[SeriesSet]) -> Metric:
    if row.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(row.name, row.help, labels=row.labels)
        for values, found in _histograms(row, parts):
            histogram.add_metric(values, buckets=list(_cumulative(row, found)), sum_value=found.total)
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    if row.kind is Kind.COUNTER:
        family = CounterMetricFamily(row.name.removesuffix("_total"), row.help, labels=row.labels)
    else:
        family = GaugeMetricFamily(row.name, row.help, labels=row.labels)
    for part in parts:
        for values, number in part.numbers(row).items():
            family.add_metric(values, number)
    return family


def _histograms(row: table.Metric, parts: Sequence[SeriesSet]) -> Iterator[tuple[Sequence[str], Histogram]]:
    for part in parts:
        yield from part.histograms(row).items()


def _cumulative(row: table.Metric, found: Histogram) -> Iterator[tuple[str, float]]:
    bounds = [*(str(float(bound)) for bound in row.buckets), "+Inf"]
    return zip(bounds, accumulate(map(float, found.counts)), strict=True)
