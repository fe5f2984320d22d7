"""What a backfill does next, and that no order of looks, deaths and costs gets it more than a chunk past its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.model.backfill import Backfill, BackfillState, BackfillWork
from engineshed.model.job import Mode
from engineshed.planning.backfill_guard import ASKED, Afforded, Move, Progress, decide

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEYS = tuple("abcdefg")


def backfill(chunk: int = 2, keys: tuple[str, ...] = KEYS, **changes: object) -> Backfill:
    work = BackfillWork(
        team="web", code_location="web", assets=("edges",), partitions=keys, chunk=chunk, mode=Mode.FULL
    )
    return replace(Backfill(id="bf-1", work=work, submitted_at=NOON), **changes)  # type: ignore[arg-type]


def everything(keys: Sequence[str]) -> Afforded:
    return Afforded(tuple(keys))


def look(there: Backfill, now: datetime = NOON, afford: object = everything, **seen: Progress) -> Move:
    return decide(there, seen, now=now, afford=afford)  # type: ignore[arg-type]


def test_a_chunk_is_launched_waited_for_and_followed_by_the_next_until_all_is_made() -> None:
    there, launched = backfill(), []
    for _ in range(4):
        move = look(there, **dict.fromkeys(there.in_flight, Progress.MADE))
        assert move.after is not None
        launched.append(move.launch)
        there = move.after
        assert there.in_flight == move.launch
        waiting = look(there, **dict.fromkeys(there.in_flight, Progress.LIVE))
        assert (waiting.after, waiting.launch) == (None, ())
        assert "in work" in waiting.why
    assert launched == [("a", "b"), ("c", "d"), ("e", "f"), ("g",)]
    done = look(there, g=Progress.MADE).after
    assert done is not None
    assert (done.state, done.settled, done.in_flight) == (BackfillState.DONE, 7, ())


def test_one_live_run_keeps_the_next_chunk_back_though_others_have_failed() -> None:
    there = backfill(settled=0, launched=2)
    assert look(there, a=Progress.FAILED, b=Progress.LIVE).after is None
    paused = look(there, a=Progress.FAILED, b=Progress.MADE).after
    assert paused is not None
    assert (paused.state, paused.failed, paused.launched) == (BackfillState.PAUSED, ("a",), 2)
    assert "1 partition (a) failed" in paused.reason


def test_runs_that_were_asked_for_and_never_came_are_asked_for_again_after_a_while_and_no_others() -> None:
    there = backfill(launched=2, asked_at=NOON)
    early = look(there, NOON + ASKED - timedelta(seconds=1), a=Progress.MADE)
    assert (early.after, early.launch) == (None, ())
    late = look(there, NOON + ASKED, a=Progress.MADE)
    assert late.after is not None
    assert (late.launch, late.after.in_flight, late.after.launched) == (("b",), ("a", "b"), 2)
    assert late.after.run_key("b") == there.run_key("b")


def test_what_the_money_does_not_pay_for_pauses_with_the_reason_and_what_it_pays_for_goes() -> None:
    none = look(backfill(), afford=lambda keys: Afforded((), "the budget has $0.10 left"))
    assert none.after is not None
    assert (none.launch, none.after.state, none.after.reason) == ((), BackfillState.PAUSED, "the budget has $0.10 left")
    assert none.after.launched == 0
    some = look(backfill(chunk=3), afford=lambda keys: Afforded(keys[:1], "the budget has $0.10 left"))
    assert some.after is not None
    assert (some.launch, some.after.in_flight) == (("a",), ("a",))


@pytest.mark.parametrize("state", [s for s in BackfillState if s is not BackfillState.RUNNING])
def test_what_is_not_running_launches_nothing(state: BackfillState) -> None:
    assert look(backfill(state=state)) == Move(why=str(state))


def test_skipped_partitions_are_never_asked_for_again() -> None:
    there = backfill(launched=2, skipped=("a",), asked_at=None)
    assert look(there).launch == ("b",)
    assert look(there, b=Progress.MADE).launch == ("c", "d")


@dataclass
class World:
    """A row under compare-and-set, Dagster's runs by run key, and the money they take.

    Looks are split in two, so that others come in between.
    """

    row: Backfill
    budget: Decimal
    estimate: Decimal
    costs: list[Decimal]
    runs: dict[str, tuple[str, Progress]] = field(default_factory=dict)
    spent: dict[str, Decimal] = field(default_factory=dict)
    reserved: dict[str, Decimal] = field(default_factory=dict)
    now: datetime = NOON
    pending: list[tuple[Move, Backfill]] = field(default_factory=list)

    def begin(self) -> None:
        """A look reads and decides."""
        self.pending.append((decide(self.row, self.seen(), now=self.now, afford=self.afford), self.row))

    def seen(self) -> dict[str, Progress]:
        """As Dagster's record is read: what was made counts for good, what failed for its own try."""
        found: dict[str, Progress] = {}
        for name, (key, progress) in self.runs.items():
            if progress is Progress.FAILED and name != self.row.run_key(key):
                continue
            found[key] = Progress.MADE if Progress.MADE in (progress, found.get(key)) else progress
        return found

    def afford(self, keys: Sequence[str]) -> Afforded:
        left = self.budget - sum(self.spent.values()) - sum(self.reserved.values())
        return Afforded(tuple(keys[: int(left / self.estimate)]), "the budget is spent")

    def finish(self, n: int, *, dies: bool) -> None:
        """A look writes; unless it dies there, the runs that it asked for start."""
        move, read = self.pending.pop(n % len(self.pending))
        if move.after is None or read.version != self.row.version:
            return
        self.row = replace(move.after, version=self.row.version + 1)
        if dies:
            return
        for key in move.launch:
            if self.row.run_key(key) not in self.runs:
                self.runs[self.row.run_key(key)] = (key, Progress.LIVE)
                self.reserved[key] = self.estimate

    def end_a_run(self, n: int, *, fails: bool) -> None:
        live = [(name, key) for name, (key, progress) in self.runs.items() if progress is Progress.LIVE]
        if not live:
            return
        name, key = live[n % len(live)]
        self.runs[name] = (key, Progress.FAILED if fails else Progress.MADE)
        self.reserved.pop(key)
        self.spent[name] = self.costs[len(self.spent) % len(self.costs)]

    def check(self) -> None:
        live = [key for key, progress in self.runs.values() if progress is Progress.LIVE]
        assert len(live) <= self.row.work.chunk
        assert len(set(live)) == len(live)
        made = [key for key, progress in self.runs.values() if progress is Progress.MADE]
        assert len(set(made)) == len(made), "made twice"
        if self.row.state is BackfillState.DONE:
            return
        chunk = self.row.work.partitions[self.row.settled : self.row.launched]
        before = sum((usd for name, usd in self.spent.items() if self.runs[name][0] not in chunk), Decimal(0))
        assert before <= self.budget, "more than the chunk in flight is beyond the budget"


@settings(max_examples=300)
@given(
    chunk=st.integers(1, 4),
    budget=st.integers(0, 12),
    costs=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    deeds=st.lists(
        st.tuples(st.sampled_from(["begin", "finish", "die", "end", "fail", "later", "resume"]), st.integers(0, 7)),
        max_size=80,
    ),
)
def test_whatever_dies_or_overlaps_at_most_one_chunk_goes_beyond_the_budget_and_nothing_is_made_twice(
    chunk: int, budget: int, costs: list[int], deeds: list[tuple[str, int]]
) -> None:
    world = World(backfill(chunk), Decimal(budget), Decimal(1), [Decimal(cost) for cost in costs])
    for deed, n in deeds:
        if deed == "begin":
            world.begin()
        elif deed in ("finish", "die") and world.pending:
            committed = sum(world.spent.values()) + sum(world.reserved.values())
            before = len(world.runs)
            world.finish(n, dies=deed == "die")
            if len(world.runs) > before:
                launched = (len(world.runs) - before) * world.estimate
                assert committed + launched <= world.budget, "launched though the money left does not pay for it"
        elif deed in ("end", "fail"):
            world.end_a_run(n, fails=deed == "fail")
        elif deed == "later":
            world.now += timedelta(seconds=40)
        elif deed == "resume" and world.row.state is BackfillState.PAUSED:
            tries = world.row.tries + bool(world.row.failed)
            world.row = replace(
                world.row, state=BackfillState.RUNNING, failed=(), tries=tries, version=world.row.version + 1
            )
        world.check()
