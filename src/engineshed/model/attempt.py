"""One attempt as the ledger keeps it: intent, launch, and how it was settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engineshed.model.failure import Failure
from engineshed.model.launch import Intent, Launch
from engineshed.model.money import Cost
from engineshed.model.usage import Usage


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEVER_SUBMITTED = "never_submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The end of an attempt, written once. `result` is JSON: what the step returns, so that a successor can return it.

    `run_id` is the Dagster run whose step settled it.
    """

    outcome: Outcome
    run_id: str
    settled_at: datetime
    result: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    usage: Usage | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An intent, its launch once submitted, its settlement once ended. `cursor` is how far messages were handed on."""

    intent: Intent
    launch: Launch | None = None
    settlement: Settlement | None = None
    cursor: str = ""

    @property
    def live(self) -> bool:
        """True until it is settled."""
        return self.settlement is None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to submit, watch and settle what `name` names, until it expires. `epoch` grows with each new holder."""

    name: str
    holder: str
    epoch: int
    expires_at: datetime
