"""What a backfill is expected to cost and when it ends, as things are now: each asset planned as a run of it would be.

Full engines are no obstacle, since they empty; how many runs they carry at once is. Offers of unknown cost are left
out: a guard that knows no price guards nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from engineshed.model.backfill import BackfillWork
from engineshed.model.budget import Account, BudgetScope
from engineshed.model.errors import SettingInvalid
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection
from engineshed.planning.backfill import BackfillPlan, Ceiling, Stage, plan_backfill, plan_in_time
from engineshed.planning.layers import merge
from engineshed.planning.planner import margin
from engineshed.running.order import Declared, Order
from engineshed.running.planning import plan_order
from engineshed.running.premises import Premises
from engineshed.running.shed import Shed
from engineshed.running.terms import terms_of

_OF_MONTHS = (BudgetScope.ASSET_MONTH, BudgetScope.TEAM_MONTH)


class Outlook:
    """Forecasts for the assets of one code location."""

    def __init__(self, premises: Premises, shed: Shed, declared: Iterable[Declared]) -> None:
        self._premises, self.shed = premises, shed
        self._declared = {d.asset: d for d in declared}

    def plan(self, work: BackfillWork, partitions: Sequence[str], budget: Ceiling | None = None) -> BackfillPlan:
        """The plan of these partitions under the budget and what months have left; in time for the deadline if it can.

        Raises SettingInvalid where nothing is known of the cost, NoOffer where no engine can make an asset.
        """
        orders = [self._order(asset, work, partitions) for asset in work.assets]
        stages = [self._stage(order) for order in orders]
        ceilings = [*([budget] if budget else []), *self._months(orders)]
        value = work.value_usd_per_hour or Decimal(0)
        places = self._places()
        if work.deadline is None:
            return plan_backfill(partitions, stages, chunk=work.chunk, places=places, ceilings=ceilings, value=value)
        hours = self.hours_to_deadline(work)
        return plan_in_time(
            partitions, stages, chunk=work.chunk, places=places, ceilings=ceilings, hours=hours or 0.0, value=value
        )

    def hours_to_deadline(self, work: BackfillWork) -> float | None:
        """None without a deadline; below 0 when it is past."""
        if work.deadline is None:
            return None
        return (work.deadline - self.shed.clock.now()).total_seconds() / 3600

    def _order(self, asset: str, work: BackfillWork, partitions: Sequence[str]) -> Order:
        declared = self._declared.get(asset)
        if declared is None:
            raise SettingInvalid(
                f"asset {asset!r} is no Spark asset of {work.code_location} any more: cancel the backfill, or bring "
                "the asset back."
            )
        objective = Objective(pinned=work.engine, value_usd_per_hour=work.value_usd_per_hour)
        return Order(
            asset=asset,
            job=declared.job.in_mode(work.mode),
            mode=work.mode,
            team=work.team,
            code_location=work.code_location,
            # One stands for all: what is known of a job says nothing about single partitions.
            selection=PartitionSelection(keys=tuple(partitions[:1])),
            layers=self._premises.layers(Layer("backfill", objective), declared.layer),
        )

    def _stage(self, order: Order) -> Stage:
        found = plan_order(order, replace(self.shed, rooms=()))
        first = found.chosen
        known = tuple(c for c in found.candidates if c.forecast.cost_usd is not None)
        if not known:
            raise SettingInvalid(
                f"nothing is known of what {order.asset!r} costs on {first.offer.engine}: make one partition first, or "
                "declare expected_core_hours."
            )
        objective, _ = merge(order.layers)
        return Stage(order.asset, known, margin(objective))

    def _months(self, orders: Sequence[Order]) -> list[Ceiling]:
        """What the calendar month leaves of the assets' and the team's budgets."""
        limits: dict[Account, Decimal] = {}
        payers: dict[Account, set[str]] = {}
        for order in orders:
            for allowance in terms_of(order, self.shed, None).allowances:
                account = allowance.account
                if account.scope in _OF_MONTHS:
                    limits[account] = min(allowance.limit_usd, limits.get(account, allowance.limit_usd))
                    payers.setdefault(account, set()).add(order.asset)
        return [
            Ceiling(
                f"the budget of {account}",
                limit - self.shed.ledger.standing(account).committed_usd,
                frozenset(payers[account]),
            )
            for account, limit in sorted(limits.items())
        ]

    def _places(self) -> Mapping[str, int]:
        most: dict[str, int] = {}
        for room in self.shed.rooms:
            most[room.engine] = min(room.most, most.get(room.engine, room.most))
        return most
