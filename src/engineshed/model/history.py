"""A past run, as the planner sees it: the join of what was forecast, metered and paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engineshed.model.failure import FailureClass
from engineshed.model.job import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One settled attempt. `failure_class` is None for a success; `input_bytes` is None where it was not metered.

    partitions: how many it made at once; 1 for an asset without partitions.
    """

    job: str
    engine: str
    offer: str
    mode: Mode
    hours: float
    cost_usd: Decimal
    ended_at: datetime
    failure_class: FailureClass | None = None
    input_bytes: int | None = None
    partitions: int = 1
