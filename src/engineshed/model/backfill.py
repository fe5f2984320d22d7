"""A backfill as the ledger keeps it: what is to be made, how much it may cost, and how far it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engineshed.model.budget import Account, BudgetScope
from engineshed.model.job import Mode

BACKFILL_TAG = "engineshed/backfill"
"""The run tag that names the backfill a run belongs to: it pays from that backfill's budget."""


class BackfillState(StrEnum):
    """Only a running one launches anything. Done and cancelled ones stay as they are."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing comes after."""
        return self in (BackfillState.DONE, BackfillState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillWork:
    """What is to be made; it never changes.

    assets: joined by `/`, each after those it reads; partitions: in the order in which they are launched.
    chunk: so many at once; the money is looked at between two chunks. engine: the one to use, if it is pinned.
    value_usd_per_hour: what an hour saved is worth. deadline: UTC.
    """

    team: str
    code_location: str
    assets: tuple[str, ...]
    partitions: tuple[str, ...]
    chunk: int
    mode: Mode
    engine: str | None = None
    value_usd_per_hour: Decimal | None = None
    deadline: datetime | None = None

    def named(self, nth: int = 0) -> str:
        """`bf-` and 12 hex digits of the content: the same work submitted twice has one name. nth: of those alike."""
        plain = json.dumps({"nth": nth, **asdict(self)}, sort_keys=True, default=str)
        return f"bf-{hashlib.sha256(plain.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """One row. `version` grows with every move, and only who has seen the newest may move it.

    plan: as forecast when it was submitted, for people. settled: so many partitions, from the first, need no look any
    more; launched: so many have been asked for. Between the two lies the chunk in flight.
    asked_at: when its runs were asked for; None where they have to be asked for anew.
    tries: how often it has been started or resumed. failed: what stopped it; skipped: what is not to be tried again.
    """

    id: str
    work: BackfillWork
    submitted_at: datetime
    budget_usd: Decimal | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    state: BackfillState = BackfillState.RUNNING
    reason: str = ""
    settled: int = 0
    launched: int = 0
    tries: int = 1
    asked_at: datetime | None = None
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    version: int = 1

    @property
    def account(self) -> Account:
        """Who pays for its runs."""
        return Account(BudgetScope.BACKFILL, self.id)

    @property
    def in_flight(self) -> tuple[str, ...]:
        """The partitions of the chunk that was launched last, without those that are skipped."""
        return tuple(k for k in self.work.partitions[self.settled : self.launched] if k not in self.skipped)

    @property
    def to_come(self) -> tuple[str, ...]:
        """The partitions that were never asked for."""
        return self.work.partitions[self.launched :]

    def run_key(self, partition: str) -> str:
        """What Dagster launches once."""
        return f"{self.id}:{self.tries}:{partition}"
