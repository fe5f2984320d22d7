"""One observation of a foreign run. Vendor states are mapped into these six; an unknown one raises StateUnknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engineshed.model.failure import Failure


class State(StrEnum):
    """Where a run is. The last three are final."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True when the platform will not change it any more."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the platform said at `observed_at` (UTC). `native` is the vendor's word; `failure` is set when FAILED."""

    state: State
    native: str
    observed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: Failure | None = None
