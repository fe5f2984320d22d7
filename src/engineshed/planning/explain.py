"""A plan in words: Markdown for the Dagster UI, and plain facts for JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engineshed.model.plan import Candidate, Plan


def as_markdown(plan: Plan) -> str:
    """The candidates and rejections as one table, then what decided."""
    lines = [
        "| | engine | offer | forecast | hours | basis | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, candidate in enumerate(plan.candidates):
        mark, why = ("chosen", plan.decided_by[-1]) if place == 0 else ("possible", f"ranked {place + 1}")
        lines.append(_row(mark, candidate, why))
    lines += [f"| rejected | {r.engine} | {r.offer or '-'} | - | - | - | {_cell(r.reason)} |" for r in plan.rejections]
    steps = "\n".join(f"1. {line}" for line in plan.decided_by)
    return "\n".join(lines) + (f"\n\n{steps}" if steps else "")


def as_json(plan: Plan) -> dict[str, Any]:
    """Plain JSON of the plan: `chosen`, `candidates`, `rejections`, `decided_by`."""
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
        "usd_per_hour": None if offer.rates is None else str(offer.rates.total_usd_per_hour),
        "price_source": None if offer.rates is None else offer.rates.source,
        "hours": expected.hours,
        "cost_usd": None if expected.cost_usd is None else str(expected.cost_usd),
        "basis": str(expected.basis),
        "runs": expected.runs,
    }


def _row(mark: str, candidate: Candidate, why: str) -> str:
    offer, expected = candidate.offer, candidate.forecast
    hours = "unknown" if expected.hours is None else f"{expected.hours:.4f}"
    basis = f"{expected.basis}, {expected.runs} runs" if expected.runs else str(expected.basis)
    cells = (mark, offer.engine, offer.name, _money(expected.cost_usd), hours, basis, _cell(why))
    return "| " + " | ".join(cells) + " |"


def _money(usd: Decimal | None) -> str:
    return "unknown" if usd is None else f"${usd.normalize():f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
