"""Ends an attempt: audit, publish, meter, settle. Everything here may be done again by a successor with the same
effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engineshed.model.attempt import Attempt, Outcome, Settlement
from engineshed.model.check import CheckOutcome
from engineshed.model.commit import Commit, TableContent
from engineshed.model.errors import ChecksFailed, EngineshedError
from engineshed.model.fact import FactKind
from engineshed.model.failure import Failure
from engineshed.model.launch import Launch
from engineshed.model.money import Cost
from engineshed.model.usage import Usage
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.linking import links_of_settled
from engineshed.running.order import Order
from engineshed.running.recording import fact, record
from engineshed.running.result import Published, Result
from engineshed.running.shed import Shed
from engineshed.running.transcript import Transcript
from engineshed.running.volume import settled_data

Contents = Mapping[str | None, Sequence[TableContent]]
"""For each target partition the tables that an attempt has written."""

Audit = Callable[[Contents], Sequence[CheckOutcome]]
"""Looks at what an attempt wrote, before it is published."""


def settle_good(
    step: Step, order: Order, attempt: Attempt, transcript: Transcript, shed: Shed, keeper: LeaseKeeper, audit: Audit
) -> Result:
    """Publish and settle a good run. Raises ChecksFailed or PublishRefused when its data may not be published."""
    assert attempt.launch is not None
    contents = _collect(order, attempt, shed)
    outcomes = tuple(audit(contents)) if contents else ()
    _refuse_failed(order, outcomes)
    keeper.keep(at_once=True)
    provenance = _provenance(order, attempt, transcript)
    commits = tuple(_publish(order, attempt, shed, contents, provenance))
    keeper.keep(at_once=True)
    usage, cost = meter(step, attempt, shed)
    result = _result(order, attempt, transcript, shed, commits, outcomes, usage, cost, provenance)
    settlement = Settlement(
        outcome=Outcome.SUCCEEDED,
        run_id=step.run_id,
        settled_at=shed.clock.now(),
        result=result.to_json(),
        usage=usage,
        cost=cost,
    )
    told = fact(shed, attempt.intent, FactKind.SETTLED, data=settled_data(attempt, settlement, transcript))
    settled = shed.ledger.settle(attempt.intent.token, settlement, keeper.lease, [told])
    assert settled.settlement is not None
    _sweep(step, order, attempt, shed)
    return Result.from_json(settled.settlement.result)


def _sweep(step: Step, order: Order, attempt: Attempt, shed: Shed) -> None:
    """Scratch that is not deleted costs space, never a result."""
    try:
        for target in order.selection.targets if order.job.tables else ():
            shed.datasets.sweep(order.asset, target, order.mode, attempt.intent.token, order.job.tables)
    except EngineshedError as error:
        step.warning(f"Scratch of {attempt.intent.token} could not be deleted: {error}")


def settle_bad(
    step: Step,
    attempt: Attempt,
    outcome: Outcome,
    failure: Failure,
    shed: Shed,
    keeper: LeaseKeeper,
    transcript: Transcript | None = None,
) -> None:
    """Settle a failed or cancelled run: what it used is booked, nothing is published."""
    usage, cost = meter(step, attempt, shed)
    settlement = Settlement(
        outcome=outcome, run_id=step.run_id, settled_at=shed.clock.now(), failure=failure, usage=usage, cost=cost
    )
    told = fact(shed, attempt.intent, FactKind.SETTLED, data=settled_data(attempt, settlement, transcript))
    shed.ledger.settle(attempt.intent.token, settlement, keeper.lease, [told])


def meter(step: Step, attempt: Attempt, shed: Shed) -> tuple[Usage | None, Cost | None]:
    """What the platform metered and what it costs. A billing failure never fails a run; it is counted and said."""
    engine = shed.engines[attempt.intent.engine]
    usage: Usage | None = None
    try:
        if attempt.launch is None:
            return None, None
        usage = engine.usage(attempt.launch)
        return usage, engine.cost(usage, shed.prices)
    except EngineshedError as error:
        step.warning(f"The cost of {attempt.intent.token} is unknown: {error}")
        record(shed, attempt.intent, FactKind.BILLING_FAILED, data={"error": str(error)})
        return usage, None


def _collect(order: Order, attempt: Attempt, shed: Shed) -> dict[str | None, Sequence[TableContent]]:
    if not order.job.tables:
        return {}
    return {
        target: shed.datasets.collect(order.asset, target, order.mode, attempt.intent.token, order.job.tables)
        for target in order.selection.targets
    }


def _refuse_failed(order: Order, outcomes: Sequence[CheckOutcome]) -> None:
    failed = [o for o in outcomes if o.blocking and not o.passed]
    if failed:
        names = "; ".join(f"{o.name}: {o.description or dict(o.metadata)}" for o in failed)
        raise ChecksFailed(
            f"{order.asset} is not published, because {len(failed)} of {len(outcomes)} checks failed: {names}.",
            outcomes,
        )


def _publish(
    order: Order, attempt: Attempt, shed: Shed, contents: Contents, provenance: Mapping[str, Any]
) -> list[Commit]:
    commits = []
    for target, tables in contents.items():
        commit = shed.datasets.publish(
            asset=order.asset,
            partition=target,
            mode=order.mode,
            ordinal=attempt.intent.ordinal,
            token=attempt.intent.token,
            contents=tables,
            upstream=order.inputs.get(target or "", ()),
            provenance=provenance,
        )
        record(shed, attempt.intent, FactKind.PUBLISHED, nth=target or "", data={"rows": _rows(commit)})
        commits.append(commit)
    return commits


def _provenance(order: Order, attempt: Attempt, transcript: Transcript) -> dict[str, Any]:
    intent = attempt.intent
    return {
        **order.provenance,
        "staged": dict(intent.record["staged"]),
        "engine": intent.engine,
        "offer": intent.offer,
        "runtime": dict(transcript.reported.runtime),
        "inputs": transcript.reported.report.get("inputs", []),
        "conf": dict(order.job.conf),
        "run_id": intent.run_id,
    }


def _result(
    order: Order,
    attempt: Attempt,
    transcript: Transcript,
    shed: Shed,
    commits: tuple[Commit, ...],
    outcomes: tuple[CheckOutcome, ...],
    usage: Usage | None,
    cost: Cost | None,
    provenance: Mapping[str, Any],
) -> Result:
    intent, launch = attempt.intent, attempt.launch
    assert launch is not None
    return Result(
        token=intent.token,
        ordinal=intent.ordinal,
        asset=order.asset,
        mode=order.mode,
        engine=intent.engine,
        offer=intent.offer,
        native_id=launch.native_id,
        seconds=_seconds(usage, launch, shed),
        attempts=len(shed.ledger.attempts(intent.key)),
        adopted=False,
        messages=transcript.messages,
        plan=intent.record["plan"],
        links=links_of_settled(intent, launch, shed),
        provenance=provenance,
        published=tuple(published_of(c) for c in commits),
        reported=transcript.reported,
        checks=outcomes,
        usage=usage,
        cost=cost,
        warnings=(f"{transcript.damaged} damaged messages were passed over",) if transcript.damaged else (),
    )


def _seconds(usage: Usage | None, launch: Launch, shed: Shed) -> float:
    if usage is not None and usage.intervals:
        return usage.hours * 3600
    return (shed.clock.now() - launch.submitted_at).total_seconds()


def published_of(commit: Commit) -> Published:
    """What a result says of a commit."""
    return Published(
        ref=commit.ref,
        upstream=commit.upstream,
        rows=_rows(commit),
        size_bytes={t.name: t.size_bytes for t in commit.tables},
        hashes={t.name: t.dataset_hash for t in commit.tables},
    )


def _rows(commit: Commit) -> dict[str, int]:
    return {t.name: t.rows for t in commit.tables}
