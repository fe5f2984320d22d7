"""What an attempt's bad end changes for the next one: more memory after a lack of it, on demand after spot was lost.

Read from the attempts on record, not from memory: a successor of a worker that died goes on where that one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import SparkJob
from engineshed.model.resources import Resources

MEMORY = "memory"
ON_DEMAND = "on_demand"

OUT_OF_MEMORY = "out_of_memory"
"""The reason that every engine gives for it."""

MOST_DOUBLINGS = 2
"""A job that lacks memory four times over has another trouble than its size."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """doublings: of memory. on_demand: no spot capacity any more."""

    doublings: int = 0
    on_demand: bool = False

    def sized(self, job: SparkJob) -> SparkJob:
        """The job with as much memory as it should have now."""
        if not self.doublings:
            return job
        there, factor = job.resources, 2**self.doublings
        resources: Resources = replace(
            there,
            driver_memory_gib=there.driver_memory_gib * factor,
            executor_memory_gib=there.executor_memory_gib * factor,
        )
        return replace(job, resources=resources)


def escalation(attempts: Sequence[Attempt]) -> Escalation:
    """After all attempts of a key since its last success, oldest first."""
    failures = [attempt.settlement.failure for attempt in since_success(attempts) if attempt.settlement is not None]
    lacked = sum(failure is not None and failure.reason == OUT_OF_MEMORY for failure in failures)
    lost = any(failure is not None and failure.failure_class is FailureClass.SPOT_LOSS for failure in failures)
    return Escalation(doublings=min(lacked, MOST_DOUBLINGS), on_demand=lost)


def escalates(before: Escalation, failure: Failure) -> str:
    """What that failure, the next after `before`, is answered with: `memory`, `on_demand`, or nothing."""
    if failure.reason == OUT_OF_MEMORY and before.doublings < MOST_DOUBLINGS:
        return MEMORY
    if failure.failure_class is FailureClass.SPOT_LOSS and not before.on_demand:
        return ON_DEMAND
    return ""


def since_success(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Those after the last that succeeded."""
    good = [n for n, a in enumerate(attempts) if a.settlement is not None and a.settlement.outcome is Outcome.SUCCEEDED]
    return attempts[good[-1] + 1 :] if good else attempts
