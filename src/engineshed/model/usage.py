"""What the platform metered: spans of time in which something was held. Cost is a pure function of it and of prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageInterval:
    """`quantity` units of `item` held from `start` to `end` (UTC).

    item: a key of the price book (`node`, `m5.xlarge`, `dbu:jobs`, `pod-cpu`, `ebs-gib`).
    market: `on_demand`, `spot` or empty where there is none.
    """

    item: str
    quantity: float
    start: datetime
    end: datetime
    market: str = ""

    @property
    def hours(self) -> float:
        """Hours held, never below zero."""
        return max(0.0, (self.end - self.start).total_seconds() / 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """All that a run held. `complete` is False while the platform may still add to it.

    `measures` are facts that cost nothing by themselves: `cpu_s`, `max_rss_bytes`, `exit_code`.
    """

    intervals: tuple[UsageInterval, ...] = ()
    complete: bool = True
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """Wall-clock hours from the first start to the last end."""
        if not self.intervals:
            return 0.0
        first = min(i.start for i in self.intervals)
        last = max(i.end for i in self.intervals)
        return max(0.0, (last - first).total_seconds() / 3600)
