"""Runs a recorded materialisation again, from its staged code and its pinned inputs, and compares content hashes.

The output goes to a place of its own and never replaces a partition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import ConfigurationInvalid
from engineshed.model.job import SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.running.order import Order
from engineshed.running.result import Published, Result
from engineshed.running.route import Route
from engineshed.running.shed import Shed
from engineshed.running.standalone import StandaloneStep
from engineshed.storage.datasets import Datasets


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One table of one partition, recorded and made again. A hash is computed where it was not recorded."""

    asset: str
    partition: str | None
    table: str
    recorded_engine: str
    engine: str
    recorded_hash: str
    hash: str
    recorded_rows: int
    rows: int

    @property
    def equal(self) -> bool:
        """The contents are equal, row for row."""
        return self.recorded_hash == self.hash


def recorded(shed: Shed, run: str, asset: str | None = None) -> list[Attempt]:
    """The successful Spark attempts of a Dagster run (its id or its first characters).

    Raises ConfigurationInvalid saying what is there.
    """
    attempts = shed.ledger.attempts_of_run(run)
    good = [
        a
        for a in attempts
        if a.settlement is not None
        and a.settlement.outcome is Outcome.SUCCEEDED
        and (asset is None or a.intent.asset == asset)
    ]
    if not good:
        there = ", ".join(
            f"{a.intent.asset} ({'live' if a.live else a.settlement.outcome})" for a in attempts if a.settlement
        )
        raise ConfigurationInvalid(
            f"run {run!r} has no successful Spark attempt{f' of {asset}' if asset else ''} in the ledger "
            f"(it has: {there or 'nothing'}): name a run whose Spark assets were materialised."
        )
    return good


def reproduce(
    attempt: Attempt, shed: Shed, scratch: Datasets, *, engine: str | None, say: Callable[[str], None]
) -> list[Comparison]:
    """Make the attempt's tables again below `scratch` and compare. `engine` None: the recorded one."""
    assert attempt.settlement is not None
    before = Result.from_json(attempt.settlement.result)
    order = _again(attempt, engine or before.engine, shed)
    step = StandaloneStep(order.asset, order.selection, say)
    after = Route(step, order, replace(shed, datasets=scratch, sources=shed.datasets)).run()
    return _compare(before, after, shed.datasets, scratch)


def _again(attempt: Attempt, engine: str, shed: Shed) -> Order:
    order = Order.from_json(attempt.intent.record["order"])
    return replace(
        order,
        job=_from_staged(order.job, attempt.intent.record["staged"], shed),
        layers=(Layer("reproduce", Objective(pinned=engine)),),
    )


def _from_staged(job: SparkJob, staged: Mapping[str, str], shed: Shed) -> SparkJob:
    """The job as it was staged, whatever has become of its source since."""
    root = Path(staged["root"])
    if "://" in staged["root"] and shed.exchange is not None:
        root = Path(shed.staging.keep(staged["digest"], shed.exchange.files(staged["root"])))
    script = root / staged["script"]
    if not script.is_file():
        raise ConfigurationInvalid(f"the staged code {script} is gone, so the run cannot be repeated as it was.")
    modules = tuple(str(p) for p in sorted(root.iterdir()) if p.name != script.name)
    return replace(job, script=str(script), modules=modules)


def _compare(before: Result, after: Result, old: Datasets, new: Datasets) -> list[Comparison]:
    made = {p.ref.partition: p for p in after.published}
    found: list[Comparison] = []
    for published in before.published:
        again = made[published.ref.partition]
        for table in published.rows:
            found.append(
                Comparison(
                    asset=published.ref.asset,
                    partition=published.ref.partition,
                    table=table,
                    recorded_engine=before.engine,
                    engine=after.engine,
                    recorded_hash=_hash(published, table, old),
                    hash=_hash(again, table, new),
                    recorded_rows=published.rows[table],
                    rows=again.rows[table],
                )
            )
    return found


def _hash(published: Published, table: str, datasets: Datasets) -> str:
    known = published.hashes[table]
    return known if known is not None else datasets.compute_hash(datasets.at(published.ref), table)


def all_equal(comparisons: Sequence[Comparison]) -> bool:
    """True when there is something to compare and all of it is equal."""
    return bool(comparisons) and all(c.equal for c in comparisons)
