"""What a backfill does next, and that no order of looks, deaths and costs gets it more than a chunk past its budget."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

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
    """A row under compare-and-set, runs by (run key, number), and the money they take.

    A look is split in three, so that others come in between: it decides, it writes, its runs start. A daemon knows the
    runs of a key that were there when its look began, no later ones; one that takes longer than ASKED is dead.
    """

    row: Backfill
    budget: Decimal
    estimate: Decimal
    costs: list[Decimal]
    runs: dict[tuple[str, int], tuple[str, Progress]] = field(default_factory=dict)
    spent: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    now: datetime = NOON
    pending: list[tuple[Move, Backfill, set[str]]] = field(default_factory=list)
    asked: list[tuple[Backfill, tuple[str, ...], set[str]]] = field(default_factory=list)

    def begin(self) -> None:
        """A look reads and decides."""
        move = decide(self.row, self.seen(), now=self.now, afford=self.afford)
        self.pending.append((move, self.row, {name for name, _ in self.runs}))

    def seen(self) -> dict[str, Progress]:
        """As Dagster's record is read: what was made counts for good, what failed for its own try."""
        found: dict[str, Progress] = {}
        for (name, _), (key, progress) in self.runs.items():
            if progress is Progress.FAILED and name != self.row.run_key(key):
                continue
            found[key] = Progress.MADE if Progress.MADE in (progress, found.get(key)) else progress
        return found

    def afford(self, keys: Sequence[str]) -> Afforded:
        return Afforded(tuple(keys[: max(0, int((self.budget - self.committed) / self.estimate))]), "it is spent")

    @property
    def live(self) -> list[tuple[str, int]]:
        return [name for name, (_, progress) in self.runs.items() if progress is Progress.LIVE]

    @property
    def committed(self) -> Decimal:
        return sum(self.spent.values(), Decimal(0)) + len(self.live) * self.estimate

    def write(self, n: int) -> None:
        """A look moves the row, if nobody has since it read it."""
        move, read, known = self.pending.pop(n % len(self.pending))
        if move.after is None or read.version != self.row.version:
            return
        self.row = replace(move.after, version=self.row.version + 1)
        self.asked.append((self.row, move.launch, known))

    def start(self, n: int) -> None:
        """The runs that a look has asked for."""
        row, keys, known = self.asked.pop(n % len(self.asked))
        if row.asked_at is None or self.now - row.asked_at >= ASKED:
            return
        for key in keys:
            if row.run_key(key) not in known:
                self.runs[row.run_key(key), len(self.runs)] = (key, Progress.LIVE)

    def end(self, n: int, progress: Progress) -> None:
        name = self.live[n % len(self.live)]
        self.runs[name] = (self.runs[name][0], progress)
        self.spent[name] = self.costs[len(self.spent) % len(self.costs)]

    def resume(self) -> None:
        tries = self.row.tries + bool(self.row.failed)
        running = replace(self.row, state=BackfillState.RUNNING, failed=(), tries=tries)
        self.row = replace(running, version=self.row.version + 1)

    def check(self) -> None:
        live = [self.runs[name][0] for name in self.live]
        assert len(live) <= self.row.work.chunk
        assert len(set(live)) == len(live), "made twice at once"
        made = [key for key, progress in self.runs.values() if progress is Progress.MADE]
        assert len(set(made)) == len(made), "made twice"
        if self.row.state is BackfillState.DONE:
            return
        chunk = self.row.work.partitions[self.row.settled : self.row.launched]
        before = sum((usd for name, usd in self.spent.items() if self.runs[name][0] not in chunk), Decimal(0))
        assert before <= self.budget, "more than the chunk in flight is beyond the budget"


DEEDS = ("begin", "begin", "write", "write", "start", "start", "end", "end", "fail", "later", "resume")


@pytest.mark.parametrize("seed", range(500))
def test_whatever_dies_or_overlaps_at_most_one_chunk_goes_beyond_the_budget_and_nothing_is_made_twice(
    seed: int,
) -> None:
    draw = random.Random(seed)
    costs = [Decimal(draw.randint(0, 3)) for _ in range(6)]
    world = World(backfill(draw.randint(1, 4)), Decimal(draw.randint(0, 14)), Decimal(1), costs)
    for _ in range(200):
        deed, n = draw.choice(DEEDS), draw.randint(0, 7)
        if deed == "begin":
            world.begin()
        elif deed == "write" and world.pending:
            world.write(n)
        elif deed == "start" and world.asked:
            before = len(world.live)
            world.start(n)
            if len(world.live) > before:
                assert world.committed <= world.budget, "launched what the money left does not pay for"
        elif deed in ("end", "fail") and world.live:
            world.end(n, Progress.FAILED if deed == "fail" else Progress.MADE)
        elif deed == "later":
            world.now += timedelta(seconds=40)
        elif deed == "resume" and world.row.state is BackfillState.PAUSED:
            world.resume()
        world.check()
