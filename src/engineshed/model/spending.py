"""What one attempt took and cost, as showback reads it: a row of the ledger without its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engineshed.model.attempt import Outcome
from engineshed.model.failure import FailureClass
from engineshed.model.job import Mode
from engineshed.model.money import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One settled attempt, failed ones included: they cost too.

    partition_keys: empty for an asset without partitions. hours: None where nothing was metered. cost: billed where the
    bill is whole, else metered; None where the platform gave no usage or the book no price. metered: what it was
    settled with. bill: whose bill says so, and of when. forecast_usd: what was reserved when it was intended.
    """

    token: str
    team: str
    code_location: str
    asset: str
    partition_keys: tuple[str, ...]
    engine: str
    offer: str
    mode: Mode
    outcome: Outcome
    settled_at: datetime
    forecast_usd: Decimal
    failure_class: FailureClass | None = None
    hours: float | None = None
    input_bytes: int | None = None
    cost: Cost | None = None
    metered: Cost | None = None
    bill: str | None = None
