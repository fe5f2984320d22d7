"""What failed attempts add. An attempt that fails in a way that is tried again has burnt a share of a run.

With failure share p and burnt share f, a run that is repeated until it succeeds takes 1 + f * p / (1 - p) times what a
good one takes. What no repetition cures (user code, configuration) is left out: it ends the run, whatever the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from engineshed.model.history import PastRun

MOST_FAILURE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is believed before the first attempt: a share of failures, worth so many attempts seen."""

    failure_share: float
    attempts: float
    burnt_share: float = 0.5


ON_DEMAND = Expectation(0.01, 5)
SPOT = Expectation(0.10, 5)
"""Spot capacity is taken away now and then; five attempts of one's own count as much as either belief."""

NONE = Expectation(0.0, 0)
"""Believes what it sees, and that is all: for tables of past runs."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often attempts fail, and what a failed one takes of a good one's hours."""

    failure_share: float
    burnt_share: float

    @property
    def factor(self) -> float:
        """By what a good run's hours and dollars are multiplied."""
        return 1 + self.burnt_share * self.failure_share / (1 - self.failure_share)


def reliability(past: Iterable[PastRun], good_hours: float, believed: Expectation) -> Reliability:
    """From the attempts of one offer. `good_hours`: what a good run of it takes."""
    good, bad = 0, []
    for run in past:
        if run.failure_class is None:
            good += 1
        elif run.failure_class.tries_next_offer:
            bad.append(min(1.0, run.hours / good_hours) if good_hours > 0 else believed.burnt_share)
    attempts = good + len(bad) + believed.attempts
    share = (len(bad) + believed.failure_share * believed.attempts) / attempts if attempts else 0.0
    return Reliability(min(share, MOST_FAILURE_SHARE), fmean(bad) if bad else believed.burnt_share)
