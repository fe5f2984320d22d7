"""What a board is made of. Values; no Grafana."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engineshed.telemetry.metrics import Metric

VARIABLES = ("team", "code_location", "engine")
"""What a reader of a board may narrow it to, by these labels."""


class Draw(StrEnum):
    """How a panel shows its series."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    BARS = "bars"
    TABLE = "table"


class Unit(StrEnum):
    """Grafana's identifiers of units."""

    COUNT = "short"
    SECONDS = "s"
    BYTES = "bytes"
    USD = "currencyUSD"
    SHARE = "percentunit"
    RATIO = "none"
    RATE = "ops"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and the name of its series; `{{label}}` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. description: what it says and what to do when it looks wrong.

    warn, alarm: from where on it is yellow and red; above, or below where `low_is_bad`. width: of 24.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    draw: Draw = Draw.LINES
    width: int = 12
    warn: float | None = None
    alarm: float | None = None
    low_is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page. uid: stable, part of its address. variables: those of VARIABLES that its queries use."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[str, ...] = VARIABLES


def of(metric: Metric, **fixed: str) -> str:
    """A selector: the metric narrowed to the board's variables that it has as labels, and to fixed values (`=~`)."""
    return f"{metric.name}{_matchers(metric, fixed)}"


def buckets_of(metric: Metric) -> str:
    """The selector of a histogram's buckets."""
    return f"{metric.name}_bucket{_matchers(metric, {})}"


def per(metric: Metric, *labels: str, over: str = "$__rate_interval", **fixed: str) -> str:
    """A counter's rate a second, summed by labels."""
    return f"sum by ({', '.join(labels)}) (rate({of(metric, **fixed)}[{over}]))"


def grown(metric: Metric, *labels: str, over: str = "$__range", **fixed: str) -> str:
    """By how much a counter has grown, summed by labels; in whole steps, since `increase` guesses beyond the edges.

    The exporter shows a new counter as 0 first and never takes one back, in a new pod neither: what is told now, less
    the least of what any pod told at the beginning or, where it was not there then, since. `clamp_min`: a ledger that
    was restored from a backup has fewer facts.
    """
    series, each = of(metric, **fixed), ", ".join(metric.labels)
    then = f"{series} offset {over} or min_over_time({series}[{over}])"
    growth = f"clamp_min(max by ({each}) ({series}) - min by ({each}) ({then}), 0)"
    return f"sum by ({', '.join(labels)}) ({growth})" if labels else f"sum({growth})"


def total(metric: Metric, *labels: str, **fixed: str) -> str:
    """A gauge, summed by labels."""
    return f"sum by ({', '.join(labels)}) ({of(metric, **fixed)})"


def quantile(share: float, metric: Metric, *labels: str, over: str = "$__rate_interval") -> str:
    """Below which that share of a histogram's observations lies."""
    by = ", ".join(("le", *labels))
    return f"histogram_quantile({share:g}, sum by ({by}) (rate({buckets_of(metric)}[{over}])))"


def _matchers(metric: Metric, fixed: dict[str, str]) -> str:
    found = [f'{label}=~"${label}"' for label in VARIABLES if label in metric.labels]
    found += [f'{label}=~"{value}"' for label, value in fixed.items()]
    return "{" + ", ".join(found) + "}" if found else ""
