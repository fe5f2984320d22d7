"""How old the prices of a plan are: what is older than the platform allows is used, and said. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from engineshed.model.plan import Plan

MAX_AGE_DAYS = 90


def with_age_of_prices(plan: Plan, today: date, max_age_days: int) -> Plan:
    """The plan, with a line first in `decided_by` that names the engines whose prices are older, and how old."""
    dates: dict[str, date] = {}
    for candidate in plan.candidates:
        rates, engine = candidate.offer.rates, candidate.offer.engine
        if rates is not None and rates.as_of is not None:
            dates[engine] = min(rates.as_of, dates.get(engine, rates.as_of))
    old = {engine: (today - as_of).days for engine, as_of in dates.items()}
    said = ", ".join(f"{engine} {days} days" for engine, days in sorted(old.items()) if days > max_age_days)
    if not said:
        return plan
    line = f"prices are older than {max_age_days} days ({said}): `engineshed prices refresh`, or state newer ones"
    return replace(plan, decided_by=(line, *plan.decided_by))
