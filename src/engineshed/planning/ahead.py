"""One step's plan in sight of those that follow it: the deadline is the run's, not the step's.

A step that nobody waits for may be slow, and one on the critical path may have to be fast though it has an hour left.
Each step plans anew with what has happened by then, so that a late upstream makes the rest hurry. What holds for one
step holds here too: an engine without history counts as dearer by the margin, a run that explores does, and a
preference breaks ties. Steps of unknown hours are left out, and that is said. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engineshed.model.money import Basis
from engineshed.model.objective import Objective
from engineshed.model.plan import Candidate, Plan
from engineshed.planning.comparing import tied
from engineshed.planning.dag import Choice, Combination, Step, best
from engineshed.planning.planner import margin

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
    ways = _ways(own, objective)
    if not following or not wanted or objective.pinned is not None or not ways:
        return own
    known = [(f, theirs) for f in following if (theirs := _ways(f.plan, objective))]
    names = {name, *(f.name for f, _ in known)}
    hours = None if objective.deadline is None else (objective.deadline - now).total_seconds() / 3600
    run = _Run(
        name=name,
        following=tuple(Step(name=f.name, choices=w, after=tuple(a for a in f.after if a in names)) for f, w in known),
        hours=hours,
        left_usd=left_usd,
        value=objective.value_usd_per_hour or Decimal(0),
    )
    found = (_explored(own, run, ways) if own.explores else None) or _least(run, ways, objective.preferred)
    if found is None:
        return own
    chosen = next(c for c in own.candidates if _is(c, found.own))
    unknown = sorted({f.name for f in following} - names)
    return replace(
        own,
        candidates=(chosen, *(c for c in own.candidates if c is not chosen)),
        ties=own.ties if f"{chosen.offer.engine}/{chosen.offer.name}" in own.ties else (),
        explores=own.explores and chosen is own.candidates[0],
        decided_by=(*own.decided_by[:-1], _rule(found, run, unknown)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What is left of the run besides the step's own ways, and what it is held to. hours: to the deadline."""

    name: str
    following: tuple[Step, ...]
    hours: float | None
    left_usd: Decimal | None
    value: Decimal

    def best(self, ways: Sequence[Choice]) -> Combination | None:
        """The best combination that keeps deadline and budget."""
        return best(
            self._steps(ways), deadline_hours=self.hours, budget_usd=self.left_usd, value_usd_per_hour=self.value
        )

    def soonest(self, ways: Sequence[Choice]) -> Combination | None:
        """That which ends first within the budget."""
        return best(self._steps(ways), budget_usd=self.left_usd, value_usd_per_hour=_HURRY)

    def _steps(self, ways: Sequence[Choice]) -> list[Step]:
        return [Step(name=self.name, choices=tuple(ways)), *self.following]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A combination for the run. why: besides its end and cost. kept: the deadline."""

    all: Combination
    why: str = ""
    kept: bool = True

    @property
    def own(self) -> Choice:
        """The step's own way."""
        return self.all.choices[0]


def _explored(own: Plan, run: _Run, ways: Sequence[Choice]) -> _Found | None:
    """With the way that the plan would try, as long as the run keeps deadline and budget all the same."""
    mine = [way for way in ways if _is(own.candidates[0], way)]
    found = run.best(mine) if mine else None
    return None if found is None else _Found(all=found, why="there is no history of it and this run explores; ")


def _least(run: _Run, ways: Sequence[Choice], preferred: Sequence[str]) -> _Found | None:
    found = run.best(ways)
    if found is None:
        late = run.soonest(ways) if run.hours is not None else None
        return None if late is None else _Found(all=late, kept=False)
    for engine in preferred:
        if engine == found.choices[0].engine:
            break
        # What is known of the one and not of the other is no tie: the preference would choose blindly.
        alike = [w for w in ways if w.engine == engine and bool(w.doubt_usd) == bool(found.choices[0].doubt_usd)]
        other = run.best(alike) if alike else None
        if other is not None and tied(found, other, value_usd_per_hour=run.value):
            return _Found(all=other, why="preferred among offers that cost cannot tell apart; ")
    return _Found(all=found)


def _ways(plan: Plan, objective: Objective) -> tuple[Choice, ...]:
    """The ways of which cost and hours are known. Beside some with history those without it are in doubt."""
    found = []
    doubtful = any(c.forecast.basis is not Basis.PRIOR for c in plan.candidates)
    for candidate in plan.candidates:
        offer, expected = candidate.offer, candidate.forecast
        hours, usd = expected.hours_at(objective.confidence), expected.cost_usd
        if hours is not None and usd is not None:
            doubt_usd = usd * margin(objective) if doubtful and expected.basis is Basis.PRIOR else Decimal(0)
            found.append(
                Choice(
                    engine=offer.engine,
                    offer=offer.name,
                    cost_usd=usd,
                    hours=hours,
                    error=expected.error,
                    doubt_usd=doubt_usd,
                )
            )
    return tuple(found)


def _is(candidate: Candidate, way: Choice) -> bool:
    return (candidate.offer.engine, candidate.offer.name) == (way.engine, way.offer)


def _rule(found: _Found, run: _Run, unknown: Sequence[str]) -> str:
    pairs = zip(run.following, found.all.choices[1:], strict=True)
    rest = ", ".join(f"{step.name} on {choice.engine}" for step, choice in pairs) or "nothing else known to follow"
    said = (
        f"{found.own.engine} ({found.own.offer}) is chosen: {found.why}with {rest} the run is expected to end in "
        f"{found.all.hours:.2f} h for ${found.all.cost_usd:.2f}"
    )
    if run.hours is not None:
        said += f", {'by' if found.kept else 'later than'} its deadline in {max(run.hours, 0.0):.2f} h"
    return said + (f"; nothing is known of {', '.join(unknown)}" if unknown else "")
