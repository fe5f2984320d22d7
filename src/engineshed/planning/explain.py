"""A plan in words: Markdown for the Dagster UI, and plain facts for JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engineshed.model.plan import Candidate, Plan


def as_markdown(plan: Plan) -> str:
    """The candidates and rejections as one table, ties, then what decided."""
    lines = [
        "| | engine | offer | forecast | four in five | hours | basis | why |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for place, candidate in enumerate(plan.candidates):
        mark, why = ("chosen", plan.decided_by[-1]) if place == 0 else ("possible", f"ranked {place + 1}")
        lines.append(_row(mark, candidate, why))
    lines += [
        f"| rejected | {r.engine} | {r.offer or '-'} | - | - | - | - | {_cell(r.reason)} |" for r in plan.rejections
    ]
    said = [f"Not told apart by cost: {', '.join(plan.ties)}."] if plan.ties else []
    steps = "\n".join(f"1. {line}" for line in plan.decided_by)
    return "\n\n".join(["\n".join(lines), *said, *([steps] if steps else [])])


def as_text(plan: Plan) -> str:
    """The same for a terminal: aligned columns."""
    head = ("", "engine", "offer", "forecast", "four in five", "hours", "basis", "why")
    rows = [
        (*_cells("chosen" if place == 0 else "possible", candidate), "" if place == 0 else f"ranked {place + 1}")
        for place, candidate in enumerate(plan.candidates)
    ]
    rows += [("rejected", r.engine, r.offer or "-", "-", "-", "-", "-", r.reason) for r in plan.rejections]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in (head, *rows)]
    ties = [f"not told apart by cost: {', '.join(plan.ties)}"] if plan.ties else []
    return "\n".join(line.rstrip() for line in [*lines, "", *ties, *plan.decided_by])


def as_json(plan: Plan) -> dict[str, Any]:
    """Plain JSON of the plan: `chosen`, `candidates`, `rejections`, `ties`, `decided_by`."""
    candidates = [_facts(c) for c in plan.candidates]
    return {
        "chosen": candidates[0] if candidates else None,
        "candidates": candidates,
        "rejections": [
            {"engine": r.engine, "offer": r.offer, "code": r.code, "reason": r.reason} for r in plan.rejections
        ],
        "ties": list(plan.ties),
        "decided_by": list(plan.decided_by),
    }


def _facts(candidate: Candidate) -> dict[str, Any]:
    offer, expected = candidate.offer, candidate.forecast
    return {
        "engine": offer.engine,
        "offer": offer.name,
        "spot": offer.spot,
        "usd_per_hour": None if offer.rates is None else str(offer.rates.total_usd_per_hour),
        "price_source": None if offer.rates is None else offer.rates.source,
        "hours": expected.hours,
        "cold_start_hours": expected.cold_start_hours,
        "cost_usd": _text(expected.cost_usd),
        "low_usd": _text(expected.low_usd),
        "high_usd": _text(expected.high_usd),
        "basis": str(expected.basis),
        "runs": expected.runs,
        "failure_share": round(expected.failure_share, 4),
        "burnt_share": round(expected.burnt_share, 4),
    }


def _row(mark: str, candidate: Candidate, why: str) -> str:
    return "| " + " | ".join((*_cells(mark, candidate), _cell(why))) + " |"


def _cells(mark: str, candidate: Candidate) -> tuple[str, ...]:
    offer, expected = candidate.offer, candidate.forecast
    hours = "unknown" if expected.hours is None else f"{expected.hours:.4f}"
    words = str(expected.basis).replace("_", " ")
    basis = f"{words}, {expected.runs} run{'s' * (expected.runs != 1)}" if expected.runs else words
    around = "-" if expected.low_usd is None else f"{_money(expected.low_usd)} to {_money(expected.high_usd)}"
    return (mark, offer.engine, offer.name, _money(expected.cost_usd), around, hours, basis)


def _money(usd: Decimal | None) -> str:
    """Cents, and for less than a dime hundredths of them."""
    if usd is None:
        return "unknown"
    return f"${usd:.2f}" if usd >= Decimal("0.10") or usd == 0 else f"${usd:.4f}"


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
