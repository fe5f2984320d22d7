"""Where live numbers go that are no facts: latency, lag. Losing one never matters to a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Meter(Protocol):
    """Receives observations. Must never raise and never wait."""

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """One observation of a metric in the table of telemetry.metrics."""
        ...
