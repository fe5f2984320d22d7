"""Writes facts. A ledger that is away costs a fact its moment, never a run its life: intents and settlements hold
the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.model.errors import LedgerBusy
from engineshed.model.fact import Fact, FactKind
from engineshed.model.launch import Intent
from engineshed.running.shed import Shed


def record(shed: Shed, intent: Intent, kind: FactKind, *, nth: str = "", data: Mapping[str, Any] | None = None) -> None:
    """One fact about an attempt. `nth` tells facts of one kind apart; the same fact written twice counts once."""
    fact = Fact(
        kind=kind,
        identity=f"{intent.token}:{kind}:{nth}",
        at=shed.clock.now(),
        token=intent.token,
        labels={
            "team": intent.team,
            "code_location": intent.code_location,
            "engine": intent.engine,
            "asset": intent.asset,
            "mode": str(intent.mode),
        },
        data=dict(data or {}),
    )
    try:
        shed.ledger.append([fact])
    except LedgerBusy:
        return
