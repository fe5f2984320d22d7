"""One step's plan in sight of those that follow it: the deadline is the run's, not the step's.

A step that nobody waits for may be slow, and one on the critical path may have to be fast though it has an hour left.
Each step plans anew with what has happened by then, so that a late upstream makes the rest hurry. Steps of unknown
hours are left out, and that is said. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engineshed.model.objective import Objective
from engineshed.model.plan import Candidate, Plan
from engineshed.planning.dag import Choice, Combination, Step, best, by_name

_HURRY = Decimal(1_000_000)
"""Dollars for an hour, where the deadline is lost and as little as can be is to be lost of it."""


@dataclass(frozen=True, slots=True)
class Following:
    """A step that is still to come: its name, what it waits for, and its own plan."""

    name: str
    after: tuple[str, ...]
    plan: Plan


def in_sight(
    own: Plan,
    name: str,
    following: Sequence[Following],
    objective: Objective,
    *,
    now: datetime,
    left_usd: Decimal | None = None,
) -> Plan:
    """The plan with the candidate in front that serves the whole run. left_usd: of the run's budget.

    Unchanged where nothing follows, where neither deadline, budget nor the value of an hour is set, where an engine is
    pinned, or where nothing is known of the step itself.
    """
    wanted = objective.deadline is not None or objective.value_usd_per_hour or left_usd is not None
    if not following or not wanted or objective.pinned is not None or not _choices(own, objective):
        return own
    known = [f for f in following if _choices(f.plan, objective)]
    names = {name, *(f.name for f in known)}
    steps = [Step(name=name, choices=_choices(own, objective))]
    steps += [_step(f, names, objective) for f in known]
    hours = None if objective.deadline is None else (objective.deadline - now).total_seconds() / 3600
    found, kept = _best(steps, hours, left_usd, objective.value_usd_per_hour or Decimal(0))
    if found is None:
        return own
    mine = by_name(steps, found)[name]
    chosen = next(c for c in own.candidates if (c.offer.engine, c.offer.name) == (mine.engine, mine.offer))
    unknown = sorted({f.name for f in following} - names)
    return replace(
        own,
        candidates=(chosen, *(c for c in own.candidates if c is not chosen)),
        decided_by=(*own.decided_by[:-1], _rule(chosen, steps, found, hours, unknown, kept=kept)),
    )


def _best(
    steps: Sequence[Step], hours: float | None, left_usd: Decimal | None, value: Decimal
) -> tuple[Combination | None, bool]:
    """The best combination, and whether it keeps the deadline."""
    found = best(steps, deadline_hours=hours, budget_usd=left_usd, value_usd_per_hour=value)
    if found is not None or hours is None:
        return found, True
    return best(steps, budget_usd=left_usd, value_usd_per_hour=_HURRY), False


def _step(following: Following, names: set[str], objective: Objective) -> Step:
    after = tuple(name for name in following.after if name in names)
    return Step(name=following.name, choices=_choices(following.plan, objective), after=after)


def _choices(plan: Plan, objective: Objective) -> tuple[Choice, ...]:
    """The ways of which cost and hours are known."""
    found = []
    for candidate in plan.candidates:
        hours, usd = candidate.forecast.hours_at(objective.confidence), candidate.forecast.cost_usd
        if hours is not None and usd is not None:
            offer = candidate.offer
            error = candidate.forecast.error
            found.append(Choice(engine=offer.engine, offer=offer.name, cost_usd=usd, hours=hours, error=error))
    return tuple(found)


def _rule(
    chosen: Candidate,
    steps: Sequence[Step],
    found: Combination,
    hours: float | None,
    unknown: Sequence[str],
    *,
    kept: bool,
) -> str:
    pairs = list(zip(steps, found.choices, strict=True))[1:]
    rest = ", ".join(f"{step.name} on {choice.engine}" for step, choice in pairs) or "nothing else known to follow"
    said = (
        f"{chosen.offer.engine} ({chosen.offer.name}) is chosen: with {rest} the run is expected to end in "
        f"{found.hours:.2f} h for ${found.cost_usd:.2f}"
    )
    if hours is not None:
        said += f", {'by' if kept else 'later than'} its deadline in {max(hours, 0.0):.2f} h"
    return said + (f"; nothing is known of {', '.join(unknown)}" if unknown else "")
