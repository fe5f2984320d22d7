"""One priced way to run a job on an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engineshed.model.money import Rates
from engineshed.model.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A priced way to run the job.

    name: stable within the engine for the same shape, so history can be compared: `local[2]`, `3x m6i.xlarge spot`.
    resources: what the run will really get.
    rates: US dollars per hour while it runs; None where no price is known (the planner rejects it and says so).
    cold_start_s: seconds from submit to the first useful work, a prior until history knows better.
    shape: JSON that the engine's own `render` reads back; opaque to everyone else.
    """

    engine: str
    name: str
    resources: Resources
    rates: Rates | None
    cold_start_s: float = 0.0
    spot: bool = False
    shape: Mapping[str, Any] = field(default_factory=dict)
