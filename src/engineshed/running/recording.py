"""Makes facts, and writes those that stand by themselves. What moves an attempt (intended, submitted, settled) is told
with the very write that moves it. A ledger that is away costs another fact its moment, never a run its life.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.model.attempt import Lease
from engineshed.model.errors import LedgerBusy
from engineshed.model.fact import Fact, FactKind
from engineshed.model.launch import Intent, Launch
from engineshed.running.shed import Shed


def fact(shed: Shed, intent: Intent, kind: FactKind, *, nth: str = "", data: Mapping[str, Any] | None = None) -> Fact:
    """One fact about an attempt. `nth` tells facts of one kind apart; the same fact written twice counts once."""
    return Fact(
        kind=kind,
        identity=f"{intent.token}:{kind}:{nth}",
        at=shed.clock.now(),
        token=intent.token,
        labels={
            "team": intent.team,
            "code_location": intent.code_location,
            "engine": intent.engine,
            "asset": intent.asset,
            "asset_group": str(intent.record.get("asset_group", "")),
            "mode": str(intent.mode),
            "transport": intent.channel,
        },
        data=dict(data or {}),
    )


def record(shed: Shed, intent: Intent, kind: FactKind, *, nth: str = "", data: Mapping[str, Any] | None = None) -> None:
    """Write one fact about an attempt by itself."""
    try:
        shed.ledger.append([fact(shed, intent, kind, nth=nth, data=data)])
    except LedgerBusy:
        return


def record_launch(shed: Shed, intent: Intent, started: Launch, lease: Lease) -> None:
    """Write the platform's run beside its intent. Raises LeaseLost, LedgerBusy."""
    told = fact(shed, intent, FactKind.SUBMITTED, data={"native_id": started.native_id})
    shed.ledger.record_launch(started, lease, [told])
