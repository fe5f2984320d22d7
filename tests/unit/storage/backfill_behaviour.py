"""What a ledger does with backfills on any database. Subclasses give the fixture `url` of an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import ledger_samples as samples
import pytest
from ledger_samples import CET, NOON

from engineshed.model.backfill import Backfill, BackfillState, BackfillWork
from engineshed.model.budget import Account, Allowance, BudgetScope, Standing, Terms
from engineshed.model.errors import BudgetExceeded
from engineshed.model.job import Mode
from engineshed.storage.ledger import SqlLedger, open_ledger

WORK = BackfillWork(
    team="web",
    code_location="web_graph",
    assets=("web_graph/nodes", "web_graph/edges"),
    partitions=("c1|d1", "c1|ä"),
    chunk=2,
    mode=Mode.FULL,
    engine="emr",
    value_usd_per_hour=Decimal("1.50"),
    deadline=NOON.astimezone(CET),
)
BACKFILL = Backfill(
    id=WORK.named(),
    work=WORK,
    submitted_at=NOON,
    budget_usd=Decimal("0.3000000001"),
    plan={"cost": {"expected_usd": "0.25"}},
)


class BackfillBehaviour:
    @pytest.fixture
    def ledger(self, url: str) -> Iterator[SqlLedger]:
        ledger = open_ledger(url)
        yield ledger
        ledger.close()

    def test_what_is_recorded_comes_back_and_a_second_of_its_id_changes_nothing(self, ledger: SqlLedger) -> None:
        assert ledger.record_backfill(BACKFILL)
        assert not ledger.record_backfill(replace(BACKFILL, budget_usd=None))
        assert ledger.backfill(BACKFILL.id) == BACKFILL
        assert ledger.backfill("bf-none") is None
        moved = replace(
            BACKFILL,
            state=BackfillState.PAUSED,
            reason="it is spent",
            settled=1,
            launched=2,
            tries=3,
            asked_at=NOON + timedelta(seconds=1),
            failed=("c1|ä",),
            skipped=("c1|d1",),
        )
        assert ledger.move_backfill(moved)
        assert ledger.backfill(BACKFILL.id) == replace(moved, version=2)

    def test_of_many_who_saw_the_same_row_one_moves_it(self, ledger: SqlLedger) -> None:
        ledger.record_backfill(BACKFILL)
        with ThreadPoolExecutor(8) as pool:
            moved = list(pool.map(lambda n: ledger.move_backfill(replace(BACKFILL, launched=n)), range(16)))
        assert moved.count(True) == 1
        there = ledger.backfill(BACKFILL.id)
        assert there is not None
        assert (there.version, there.launched) == (2, moved.index(True))

    def test_a_location_sees_its_own_oldest_first_and_those_that_are_not_over(self, ledger: SqlLedger) -> None:
        early = replace(BACKFILL, id="bf-early", submitted_at=NOON - timedelta(hours=1))
        done = replace(BACKFILL, id="bf-done", state=BackfillState.DONE)
        other = replace(BACKFILL, id="bf-other", work=replace(WORK, code_location="elsewhere"))
        for one in (BACKFILL, done, other, early):
            ledger.record_backfill(one)
        assert [b.id for b in ledger.backfills("web_graph", over=False)] == ["bf-early", BACKFILL.id]
        assert {b.id for b in ledger.backfills("web_graph")} == {"bf-early", "bf-done", BACKFILL.id}

    def test_its_runs_pay_from_one_budget_whatever_their_run_and_are_refused_beyond_it(self, ledger: SqlLedger) -> None:
        account = Account(BudgetScope.BACKFILL, BACKFILL.id)
        terms = Terms(allowances=(Allowance(account, Decimal("0.35")),))

        def intend(n: int) -> None:
            lease = ledger.acquire(f"step-{n}", f"body-{n}", now=NOON, ttl_s=60)
            assert lease is not None
            key = samples.key(step=f"step-{n}", run=f"run-{n}")
            ledger.record_intent(samples.intent(n, of=key, backfill=BACKFILL.id), lease, terms=terms)

        def admitted(n: int) -> bool:
            try:
                intend(n)
            except BudgetExceeded:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(admitted, range(1, 17)))
        assert ends.count(True) == 3
        with pytest.raises(BudgetExceeded, match=f"backfill {BACKFILL.id} has spent \\$0 and reserved \\$0.30"):
            intend(17)
        assert ledger.standing(account) == Standing(reserved_usd=Decimal("0.30"))
        mine = ledger.attempts_of_backfill(BACKFILL.id)
        assert len(mine) == 3
        assert {attempt.intent.backfill for attempt in mine} == {BACKFILL.id}
        lease = ledger.acquire("step-20", "body", now=NOON, ttl_s=60)
        assert lease is not None
        ledger.record_intent(samples.intent(20, of=samples.key(step="step-20")), lease)
        assert ledger.standing(account).reserved_usd == Decimal("0.30")
        assert len(ledger.attempts_of_backfill(BACKFILL.id)) == 3
