"""Between the model's values and the rows of the tables: nothing is lost on the way there and back.

JSON columns give back JSON: a tuple inside a record returns as a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from engineshed.model.attempt import Attempt, Outcome, Settlement
from engineshed.model.fact import Fact, FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.history import PastRun
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey, Token
from engineshed.model.money import Basis, Cost
from engineshed.model.spending import Spending
from engineshed.model.usage import Usage, UsageInterval
from engineshed.storage.ledger.schema import billings, facts, intents, launches, settlements

_AS_THEY_ARE = (
    "token", "ordinal", "run_id", "asset", "job", "team", "code_location", "engine", "offer", "channel", "address",
    "reserved_usd", "created_at", "backfill",
)  # fmt: skip


_OF_INTENT = ("token", "team", "code_location", "asset", "partition_keys", "engine", "offer", "mode", "reserved_usd")
_OF_SETTLEMENT = (
    "outcome", "settled_at", "failure_class", "hours", "input_bytes", "compute_usd", "storage_usd", "surcharge_usd",
    "cost_basis",
)  # fmt: skip

SPENDING_COLUMNS = (
    *(intents.c[name] for name in _OF_INTENT),
    *(settlements.c[name] for name in _OF_SETTLEMENT),
    *billings.c,
)
"""What showback needs: none of the JSON that makes rows large, but the keys."""


def intent_row(intent: Intent) -> dict[str, Any]:
    """The columns of `intents` for a new, live attempt."""
    return {name: getattr(intent, name) for name in _AS_THEY_ARE} | {
        "key_digest": intent.key.digest,
        "root_run_id": intent.key.root_run_id,
        "step_key": intent.key.step_key,
        "partition_keys": list(intent.key.partition_keys),
        "mode": intent.mode.value,
        "record": intent.record,
        "live": True,
        "cursor": "",
    }


def launch_row(launch: Launch) -> dict[str, Any]:
    """The columns of `launches`."""
    return {
        "token": launch.token,
        "engine": launch.engine,
        "native_id": launch.native_id,
        "submitted_at": launch.submitted_at,
        "url": launch.url,
        "extras": launch.extras,
    }


def settlement_row(token: Token, settlement: Settlement) -> dict[str, Any]:
    """The columns of `settlements`."""
    failure, usage, cost = settlement.failure, settlement.usage, settlement.cost
    return {
        "token": token,
        "outcome": settlement.outcome.value,
        "run_id": settlement.run_id,
        "settled_at": settlement.settled_at,
        "failure_class": failure and failure.failure_class.value,
        "failure": failure and {"reason": failure.reason, "message": failure.message, "detail": failure.detail},
        "usage": usage and _usage_json(usage),
        "hours": usage.hours if usage and usage.intervals else None,
        "input_bytes": _input_bytes(usage),
        "compute_usd": cost and cost.compute_usd,
        "storage_usd": cost and cost.storage_usd,
        "surcharge_usd": cost and cost.surcharge_usd,
        "cost_basis": cost and cost.basis.value,
        "result": settlement.result,
    }


def fact_row(fact: Fact) -> dict[str, Any]:
    """The columns of `facts` for a fact that has no position yet."""
    return {
        "identity": fact.identity,
        "kind": fact.kind.value,
        "token": fact.token,
        "at": fact.at,
        "labels": fact.labels,
        "data": fact.data,
    }


def attempt_of(row: RowMapping) -> Attempt:
    """From a join of `intents` with `launches` and `settlements`."""
    return Attempt(
        intent=_intent_of(row),
        launch=None if row[launches.c.token] is None else _launch_of(row),
        settlement=None if row[settlements.c.token] is None else _settlement_of(row),
        cursor=row[intents.c.cursor],
    )


def fact_of(row: RowMapping) -> Fact:
    """From a row of `facts`."""
    return Fact(
        kind=FactKind(row[facts.c.kind]),
        identity=row[facts.c.identity],
        at=row[facts.c.at],
        token=row[facts.c.token],
        labels=row[facts.c.labels],
        data=row[facts.c.data],
    )


def past_run_of(row: RowMapping) -> PastRun:
    """From a join of `intents`, `launches`, `settlements` and `billings` that has a cost."""
    ended_at: datetime = row[settlements.c.settled_at]
    hours = row[settlements.c.hours]
    if hours is None:
        hours = max(0.0, (ended_at - row[launches.c.submitted_at]).total_seconds() / 3600)
    return PastRun(
        job=row[intents.c.job],
        engine=row[intents.c.engine],
        offer=row[intents.c.offer],
        mode=Mode(row[intents.c.mode]),
        hours=hours,
        cost_usd=(billed_of(row) or _cost_of(row)).total_usd,
        ended_at=ended_at,
        failure_class=_failure_class_of(row),
        input_bytes=row[settlements.c.input_bytes],
        partitions=max(1, len(row[intents.c.partition_keys])),
    )


def spending_of(row: RowMapping) -> Spending:
    """From a join of `intents`, `settlements` and `billings`, cut to SPENDING_COLUMNS."""
    metered, billed = _known_cost_of(row), billed_of(row)
    return Spending(
        token=row[intents.c.token],
        team=row[intents.c.team],
        code_location=row[intents.c.code_location],
        asset=row[intents.c.asset],
        partition_keys=tuple(row[intents.c.partition_keys]),
        engine=row[intents.c.engine],
        offer=row[intents.c.offer],
        mode=Mode(row[intents.c.mode]),
        outcome=Outcome(row[settlements.c.outcome]),
        settled_at=row[settlements.c.settled_at],
        forecast_usd=row[intents.c.reserved_usd],
        failure_class=_failure_class_of(row),
        hours=row[settlements.c.hours],
        input_bytes=row[settlements.c.input_bytes],
        cost=billed or metered,
        metered=metered,
        bill=None if billed is None else f"{row[billings.c.accounts]}, {row[billings.c.exported_at]:%Y-%m-%d}",
    )


def billed_of(row: RowMapping) -> Cost | None:
    """What was billed, where the bill is whole; from a join with `billings`."""
    if row[billings.c.token] is None:
        return None
    return Cost(
        compute_usd=row[billings.c.billed_compute_usd],
        storage_usd=row[billings.c.billed_storage_usd],
        surcharge_usd=row[billings.c.billed_surcharge_usd],
        basis=Basis.BILLED,
    )


def _intent_of(row: RowMapping) -> Intent:
    plain = {name: row[intents.c[name]] for name in _AS_THEY_ARE}
    key = LaunchKey(row[intents.c.root_run_id], row[intents.c.step_key], tuple(row[intents.c.partition_keys]))
    return Intent(**plain, key=key, mode=Mode(row[intents.c.mode]), record=row[intents.c.record])


def _launch_of(row: RowMapping) -> Launch:
    return Launch(
        engine=row[launches.c.engine],
        token=Token(row[launches.c.token]),
        native_id=row[launches.c.native_id],
        submitted_at=row[launches.c.submitted_at],
        url=row[launches.c.url],
        extras=row[launches.c.extras],
    )


def _settlement_of(row: RowMapping) -> Settlement:
    failure, usage = row[settlements.c.failure], row[settlements.c.usage]
    return Settlement(
        outcome=Outcome(row[settlements.c.outcome]),
        run_id=row[settlements.c.run_id],
        settled_at=row[settlements.c.settled_at],
        result=row[settlements.c.result],
        failure=None if failure is None else Failure(FailureClass(row[settlements.c.failure_class]), **failure),
        usage=None if usage is None else _usage_of(usage),
        cost=_known_cost_of(row),
    )


def _known_cost_of(row: RowMapping) -> Cost | None:
    return None if row[settlements.c.cost_basis] is None else _cost_of(row)


def _cost_of(row: RowMapping) -> Cost:
    return Cost(
        compute_usd=row[settlements.c.compute_usd],
        storage_usd=row[settlements.c.storage_usd],
        surcharge_usd=row[settlements.c.surcharge_usd],
        basis=Basis(row[settlements.c.cost_basis]),
    )


def _failure_class_of(row: RowMapping) -> FailureClass | None:
    told = row[settlements.c.failure_class]
    if told is not None:
        return FailureClass(told)
    untold = {Outcome.FAILED: FailureClass.PLATFORM, Outcome.CANCELLED: FailureClass.CANCELLED}
    return untold.get(Outcome(row[settlements.c.outcome]))


def _usage_json(usage: Usage) -> dict[str, Any]:
    return {
        "complete": usage.complete,
        "measures": usage.measures,
        "intervals": [
            {
                "item": i.item,
                "market": i.market,
                "quantity": i.quantity,
                "start": i.start.isoformat(),
                "end": i.end.isoformat(),
            }
            for i in usage.intervals
        ],
    }


def _usage_of(plain: Mapping[str, Any]) -> Usage:
    return Usage(
        complete=plain["complete"],
        measures=plain["measures"],
        intervals=tuple(
            UsageInterval(
                item=i["item"],
                market=i["market"],
                quantity=i["quantity"],
                start=datetime.fromisoformat(i["start"]),
                end=datetime.fromisoformat(i["end"]),
            )
            for i in plain["intervals"]
        ),
    )


def _input_bytes(usage: Usage | None) -> int | None:
    read = usage.measures.get("input_bytes") if usage else None
    return None if read is None else int(read)
