"""A backfill's plan in words: what makes which partitions, what all of it costs, when it ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from engineshed.model.plan import Candidate
from engineshed.planning.backfill import BackfillPlan, Placed, cost_of, mean_usd


@dataclass(frozen=True, slots=True)
class Line:
    """The partitions of one chunk whose asset is made by the same offer."""

    chunk: int
    asset: str
    candidate: Candidate
    partitions: tuple[str, ...]
    expected_usd: Decimal
    start_hours: float
    end_hours: float


def lines_of(plan: BackfillPlan) -> list[Line]:
    """By chunk, in the order in which they start."""
    chunk_of = {key: n for n, chunk in enumerate(plan.chunks, 1) for key in chunk}
    groups: dict[tuple[int, str, str, str], list[Placed]] = {}
    for placed in sorted(plan.placed, key=lambda p: p.start_hours):
        offer = placed.candidate.offer
        groups.setdefault((chunk_of[placed.partition], placed.asset, offer.engine, offer.name), []).append(placed)
    found = [
        Line(
            chunk=chunk,
            asset=asset,
            candidate=group[0].candidate,
            partitions=tuple(p.partition for p in group),
            expected_usd=sum((mean_usd(p.candidate) for p in group), Decimal(0)),
            start_hours=min(p.start_hours for p in group),
            end_hours=max(p.end_hours for p in group),
        )
        for (chunk, asset, _, _), group in groups.items()
    ]
    return sorted(found, key=lambda line: (line.chunk, line.start_hours))


def as_json(plan: BackfillPlan, start: datetime) -> dict[str, Any]:
    """Plain JSON: `partitions` (where each asset of each is made), `cost`, `hours`, `ends_at`, `left_out`."""
    cost = cost_of(plan.placed)
    return {
        "chunks": [list(chunk) for chunk in plan.chunks],
        "partitions": [_facts(p) for p in plan.placed],
        "cost": {
            "expected_usd": str(cost.expected_usd),
            "low_usd": str(cost.low_usd),
            "high_usd": str(cost.high_usd),
        },
        "hours": plan.hours,
        "starts_at": start.isoformat(),
        "ends_at": ends_at(plan, start).isoformat(),
        "value_usd_per_hour": str(plan.value_usd_per_hour),
        "left_out": list(plan.left_out),
        "stopped_by": None if plan.stopped_by is None else str(plan.stopped_by),
    }


def ends_at(plan: BackfillPlan, start: datetime) -> datetime:
    """When the last step is expected to end."""
    return start + timedelta(hours=plan.hours)


def said(plan: BackfillPlan, start: datetime) -> list[str]:
    """The sum: how many partitions, for how much, until when, and what was left out."""
    cost = cost_of(plan.placed)
    made, chunks = sum(map(len, plan.chunks)), len(plan.chunks)
    found = [
        f"{_counted(made, 'partition')} in {_counted(chunks, 'chunk')}: expected {dollars(cost.expected_usd)}, four in "
        f"five between {dollars(cost.low_usd)} and {dollars(cost.high_usd)}",
        f"begun now, the last ends in {plan.hours:.2f} h, at {ends_at(plan, start):%Y-%m-%d %H:%M} UTC",
    ]
    if plan.value_usd_per_hour:
        found.append(f"an hour counts ${plan.value_usd_per_hour}: its runs choose by that")
    if plan.stopped_by is not None:
        found.append(f"{_counted(len(plan.left_out), 'partition')} left out: {plan.stopped_by}")
    return found


def dollars(usd: Decimal) -> str:
    """Cents, and for less than a dime hundredths of them."""
    return f"${usd:.2f}" if usd >= Decimal("0.10") or usd == 0 else f"${usd:.4f}"


def named(partitions: Sequence[str], most: int = 3) -> str:
    """`a, b, c, .. (12)`: the first few of many."""
    if len(partitions) <= most:
        return ", ".join(partitions)
    return f"{', '.join(partitions[:most])}, .. ({len(partitions)})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _facts(placed: Placed) -> Mapping[str, Any]:
    offer, expected = placed.candidate.offer, placed.candidate.forecast
    return {
        "partition": placed.partition,
        "asset": placed.asset,
        "engine": offer.engine,
        "offer": offer.name,
        "expected_usd": str(mean_usd(placed.candidate)),
        "basis": str(expected.basis),
        "runs": expected.runs,
        "start_hours": placed.start_hours,
        "end_hours": placed.end_hours,
    }
