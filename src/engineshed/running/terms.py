"""What a plan is held to besides its objective: money, places, and what has failed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from engineshed.model.attempt import Attempt
from engineshed.model.backfill import BACKFILL_TAG
from engineshed.model.budget import Allowance, Terms, tightest
from engineshed.model.errors import SettingInvalid
from engineshed.model.launch import LaunchKey
from engineshed.model.month import month_of
from engineshed.model.plan import Forecast, Plan
from engineshed.planning.escalation import escalation, since_success
from engineshed.planning.layers import allowances
from engineshed.planning.objections import FULL
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper, leave_when_over
from engineshed.running.order import Order
from engineshed.running.shed import Shed


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What has failed for the key in a way that another offer may cure: (engine, offer name).

    own: in this body of the step. earlier: in bodies before it, since the last success. spot_lost: spot capacity was
    taken away.
    """

    own: frozenset[tuple[str, str]] = frozenset()
    earlier: frozenset[tuple[str, str]] = frozenset()
    spot_lost: bool = False

    @property
    def failed(self) -> frozenset[tuple[str, str]]:
        """All of them."""
        return self.own | self.earlier

    def own_only(self) -> Before:
        """Every body tries for itself what is left of nothing else."""
        return replace(self, earlier=frozenset(), spot_lost=False)


def before(attempts: Sequence[Attempt], own: frozenset[tuple[str, str]]) -> Before:
    """From the key's attempts, oldest first, and what this body has seen fail."""
    failures = [(a.intent, a.settlement.failure) for a in since_success(attempts) if a.settlement is not None]
    earlier = frozenset(
        (intent.engine, intent.offer)
        for intent, failure in failures
        if failure is not None and failure.failure_class.tries_next_offer
    )
    return Before(own=own, earlier=earlier - own, spot_lost=escalation(attempts).on_demand)


def terms_of(order: Order, shed: Shed, key: LaunchKey | None) -> Terms:
    """The budgets that a run of the order draws on, and the places it takes."""
    found = allowances(
        order.layers,
        root_run_id=key.root_run_id if key else "",
        asset=order.asset,
        team=order.team,
        month=month_of(shed.clock.now()),
    )
    return Terms(allowances=(*found, *_of_backfill(order, shed)), rooms=shed.rooms)


def _of_backfill(order: Order, shed: Shed) -> tuple[Allowance, ...]:
    """Its budget as it is now: it may have been raised since the run was launched."""
    if not order.backfill:
        return ()
    found = shed.ledger.backfill(order.backfill)
    if found is None:
        raise SettingInvalid(
            f"the run's tag {BACKFILL_TAG} names {order.backfill!r}, which the ledger does not know: launch the run "
            "without it."
        )
    return () if found.budget_usd is None else (Allowance(found.account, found.budget_usd),)


def full_engines(shed: Shed) -> Mapping[str, str]:
    """Engine -> why it takes no further run now."""
    return {
        room.engine: f"{room}, and all places are taken: it takes a run when one ends"
        for room in shed.rooms
        if room.engine in shed.engines and shed.ledger.live_on(room) >= room.most
    }


def reserved_usd(expected: Forecast, terms: Terms, shed: Shed) -> Decimal:
    """The forecast; where that is not known, all that is left of the tightest budget, so that nobody else spends it."""
    if expected.cost_usd is not None:
        return expected.cost_usd
    left = tightest((allowance, shed.ledger.standing(allowance.account)) for allowance in terms.allowances)
    return Decimal(0) if left is None else max(Decimal(0), left[1])


def lot_of(key: LaunchKey | None) -> float:
    """A number from 0 to below 1, the same for every try of the key."""
    return 1.0 if key is None else int(key.digest[:8], 16) / 2**32


def waits(plan: Plan) -> bool:
    """Whether there is nothing but to wait for a place."""
    return not plan.candidates and any(rejection.code == FULL for rejection in plan.rejections)


def wait_for_room(step: Step, plan: Plan, shed: Shed, keeper: LeaseKeeper, *, first: bool) -> None:
    """A while, until somebody may have left; said the first time. Raises what `leave_when_over` raises, LeaseLost."""
    if first:
        reasons = "; ".join(sorted({f"{r.engine}: {r.reason}" for r in plan.rejections if r.code == FULL}))
        step.info(f"Waiting for a place. {reasons}.")
    shed.clock.sleep(shed.cadence.room_s)
    keeper.keep()
    leave_when_over(step, shed)
