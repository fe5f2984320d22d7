"""Ranks offers and says why. Pure: the same input gives the same plan, whatever the day.

Refuses to guess: an engine without a price for its offer, over budget, or not the pinned one is turned down with the
reason; among the rest a stated preference decides, then the least forecast cost, then hours, then the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from engineshed.model.history import PastRun
from engineshed.model.job import SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Plan, Rejection
from engineshed.planning.forecast import forecast
from engineshed.planning.layers import merge


def plan(
    job: SparkJob,
    findings: Iterable[Offer | Rejection],
    *,
    history: Sequence[PastRun] = (),
    layers: Sequence[Layer] = (),
    spent: Iterable[tuple[str, str]] = (),
) -> Plan:
    """The ranked plan for one run of the job.

    findings: what the engines answered. spent: (engine, offer name) pairs that have failed already in this run.
    Raises SettingInvalid for contradictory layers; a plan without candidates is returned, its `chosen` raises NoOffer.
    """
    objective, said = merge(layers)
    failed_before = frozenset(spent)
    candidates: list[Candidate] = []
    rejections: list[Rejection] = []
    for finding in findings:
        if isinstance(finding, Rejection):
            rejections.append(finding)
            continue
        candidate = Candidate(finding, forecast(finding, history, job.expected_input_bytes))
        rejection = _objection(candidate, objective, failed_before)
        if rejection is None:
            candidates.append(candidate)
        else:
            rejections.append(rejection)
    candidates.sort(key=lambda c: _rank(c, objective))
    return Plan(
        candidates=tuple(candidates),
        rejections=tuple(rejections),
        decided_by=(*said, *_rule(candidates, objective)),
    )


def _objection(candidate: Candidate, objective: Objective, failed: frozenset[tuple[str, str]]) -> Rejection | None:
    offer, expected = candidate.offer, candidate.forecast

    def out(code: str, reason: str) -> Rejection:
        return Rejection(engine=offer.engine, offer=offer.name, code=code, reason=reason)

    if offer.engine in objective.forbidden:
        return out("forbidden", "forbidden by policy or setting")
    if objective.pinned is not None and offer.engine != objective.pinned:
        return out("not_pinned", f"engine {objective.pinned} is pinned")
    if (offer.engine, offer.name) in failed:
        return out("failed_before", "this offer failed before in this run")
    if offer.rates is None:
        return out("price_unknown", "no price is known for it; add one to the price book")
    if objective.budget_usd is not None and (expected.cost_usd or Decimal(0)) > objective.budget_usd:
        return out("budget", f"forecast ${expected.cost_usd} is above the budget of ${objective.budget_usd}")
    return None


def _rank(candidate: Candidate, objective: Objective) -> tuple[int, Decimal, float, str, str]:
    offer, expected = candidate.offer, candidate.forecast
    order = {name: place for place, name in enumerate(objective.preferred)}
    unknown = Decimal("Infinity")
    cost = unknown if expected.cost_usd is None else expected.cost_usd
    hours = float("inf") if expected.hours is None else expected.hours
    return (order.get(offer.engine, len(order)), cost, hours, offer.engine, offer.name)


def _rule(candidates: Sequence[Candidate], objective: Objective) -> tuple[str, ...]:
    if not candidates:
        return ()
    first = candidates[0]
    name = f"{first.offer.engine} ({first.offer.name})"
    if objective.pinned is not None:
        return (f"{name} is chosen: its engine is pinned",)
    if len(candidates) == 1:
        return (f"{name} is chosen: it is the only offer left",)
    if first.offer.engine in objective.preferred:
        return (f"{name} is chosen: first of the preferred engines that made an offer",)
    if first.forecast.cost_usd is not None:
        return (f"{name} is chosen: least forecast cost",)
    return (f"{name} is chosen: nothing tells the offers apart, so by name",)
