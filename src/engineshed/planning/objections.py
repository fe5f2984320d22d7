"""Why an offer is turned down. Pure; the first reason that holds is the one that is given.

Refuses to guess: an offer without a price, or one that a limit on money or on places leaves no room for, is out with
the fact and the remedy. A deadline turns nothing down by itself: see `planner`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engineshed.model.budget import Allowance, Standing
from engineshed.model.objective import Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Forecast, Rejection

FULL = "full"
"""The one reason that passes by itself: whoever has no other offer may wait for a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds besides the objective.

    failed: (engine, offer name) that have failed in this run. spot_lost: spot capacity was taken from this run, so that
    it gets none again. full: engine -> why it takes no further run now. allowances: the budgets that the run draws on,
    and where each stands.
    """

    failed: frozenset[tuple[str, str]] = frozenset()
    spot_lost: bool = False
    full: Mapping[str, str] = field(default_factory=dict)
    allowances: Sequence[tuple[Allowance, Standing]] = ()


def objection(offer: Offer, expected: Forecast, objective: Objective, limits: Limits) -> Rejection | None:
    """The reason why the offer is out; None when it is in."""
    code_and_reason = (
        _by_preference(offer, objective)
        or _by_failure(offer, limits)
        or _by_price(offer)
        or _by_budget(expected, limits.allowances)
        or _by_room(offer, limits)
    )
    if code_and_reason is None:
        return None
    code, reason = code_and_reason
    return Rejection(engine=offer.engine, offer=offer.name, code=code, reason=reason)


def _by_preference(offer: Offer, objective: Objective) -> tuple[str, str] | None:
    if offer.engine in objective.forbidden:
        return "forbidden", "forbidden by policy or setting"
    if objective.pinned is not None and offer.engine != objective.pinned:
        return "not_pinned", f"engine {objective.pinned} is pinned"
    return None


def _by_failure(offer: Offer, limits: Limits) -> tuple[str, str] | None:
    if (offer.engine, offer.name) in limits.failed:
        return "failed_before", "this offer failed before in this run"
    if limits.spot_lost and offer.spot:
        return "spot_lost", "spot capacity was taken from this run before: on demand only"
    return None


def _by_price(offer: Offer) -> tuple[str, str] | None:
    if offer.rates is None:
        return "price_unknown", "no price is known for it; add one to the price book"
    return None


def _by_budget(expected: Forecast, allowances: Sequence[tuple[Allowance, Standing]]) -> tuple[str, str] | None:
    for allowance, standing in allowances:
        left = allowance.limit_usd - standing.committed_usd
        if (expected.cost_usd or Decimal(0)) > left:
            limit = f"${allowance.limit_usd}"
            if standing != Standing():
                limit += f", ${standing.spent_usd} spent and ${standing.reserved_usd} reserved"
            return "budget", f"forecast ${expected.cost_usd} is above the budget of {allowance.account} ({limit})"
        if left <= 0 and expected.cost_usd is None:
            return "budget", f"nothing is left of the budget of {allowance.account} (${allowance.limit_usd})"
    return None


def _by_room(offer: Offer, limits: Limits) -> tuple[str, str] | None:
    reason = limits.full.get(offer.engine)
    return None if reason is None else (FULL, reason)
