"""The plan of an order as things are now: what engines offer, what the ledger remembers, what budgets leave."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engineshed.model.budget import Allowance, BudgetScope, Standing
from engineshed.model.errors import EngineshedError
from engineshed.model.launch import LaunchKey
from engineshed.model.offer import Offer
from engineshed.model.plan import Plan, Rejection
from engineshed.planning.ageing import with_age_of_prices
from engineshed.planning.ahead import Following, in_sight
from engineshed.planning.layers import merge
from engineshed.planning.objections import Limits
from engineshed.planning.planner import Moment
from engineshed.planning.planner import plan as rank
from engineshed.ports.engine import Engine
from engineshed.running.order import Declared, Order
from engineshed.running.shed import Shed
from engineshed.running.terms import Before, full_engines, lot_of, terms_of


def plan_order(order: Order, shed: Shed, key: LaunchKey | None = None, before: Before | None = None) -> Plan:
    """The plan, in sight of what the run has still to do; nothing is submitted.

    key, before: whose attempt it is to be, and what has failed for it.
    """
    terms = terms_of(order, shed, key)
    standings = [(allowance, shed.ledger.standing(allowance.account)) for allowance in terms.allowances]
    before = before or Before()
    limits = Limits(failed=before.failed, spot_lost=before.spot_lost, full=full_engines(shed), allowances=standings)
    moment = Moment(shed.clock.now(), lot_of(key))
    own = _ranked(order, shed, limits, moment)
    if not order.ahead:
        return own
    free = replace(limits, failed=frozenset(), allowances=())
    following = [Following(a.asset, a.after, _ranked(_as_order(a, order), shed, free, moment)) for a in order.ahead]
    objective, _ = merge(order.layers)
    return in_sight(own, order.asset, following, objective, now=moment.now, left_usd=_left_usd(standings))


def _ranked(order: Order, shed: Shed, limits: Limits, moment: Moment) -> Plan:
    findings: list[Offer | Rejection] = []
    for name, engine in sorted(shed.engines.items()):
        try:
            unreached = _unreached_data(engine, order, shed)
            findings.extend([unreached] if unreached else engine.offers(order.job, shed.prices))
        except EngineshedError as error:
            findings.append(Rejection(engine=name, code="no_answer", reason=str(error)))
    findings += [Rejection(engine=n, code="not_built", reason=why) for n, why in sorted(shed.rejected.items())]
    ranked = rank(
        order.job,
        findings,
        history=shed.ledger.past_runs(order.job.name, order.mode),
        layers=order.layers,
        limits=limits,
        moment=moment,
        partitions=len(order.selection.targets),
    )
    return with_age_of_prices(ranked, moment.now.date(), shed.prices_max_age_days)


def _as_order(declared: Declared, order: Order) -> Order:
    """The following asset under the same run's other layers."""
    layers = tuple(declared.layer if layer.own else layer for layer in order.layers)
    return replace(order, asset=declared.asset, job=declared.job, layers=layers, ahead=())


def _left_usd(standings: list[tuple[Allowance, Standing]]) -> Decimal | None:
    """Of what the whole run may spend."""
    left = [a.limit_usd - s.committed_usd for a, s in standings if a.account.scope is BudgetScope.RUN]
    return min(left, default=None)


def _unreached_data(engine: Engine, order: Order, shed: Shed) -> Rejection | None:
    if not engine.capabilities.beyond_machine or shed.exchange is not None or not order.job.data:
        return None
    reason = f"its drivers cannot read {order.job.data[0]} of this machine: set exchange_root, so that it is uploaded"
    return Rejection(engine=engine.name, code="no_exchange", reason=reason)
