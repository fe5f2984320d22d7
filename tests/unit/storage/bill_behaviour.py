"""What any ledger must do with bills, on whichever database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import ledger_samples as samples
import pytest
from ledger_behaviour import held
from ledger_samples import NOON
from sqlalchemy import text

from engineshed.model.attempt import Outcome
from engineshed.model.billing import BillExport, BillLine, Part
from engineshed.model.budget import Account, BudgetScope
from engineshed.model.errors import LedgerError
from engineshed.model.job import Mode
from engineshed.model.launch import Token
from engineshed.model.money import Basis, Cost
from engineshed.planning.showback import showback, total
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.storage.ledger.database import Database

# Undoes what migrations after the first have added.
SINCE = (
    "DROP TABLE engineshed_billings",
    "DROP TABLE engineshed_bill_lines",
    "DROP TABLE engineshed_bill_days",
    "DROP TABLE engineshed_backfills",
    "DROP INDEX ix_engineshed_intents_backfill",
    "ALTER TABLE engineshed_intents DROP COLUMN backfill",
    "UPDATE engineshed_alembic_version SET version_num = '0001'",
)

DAY = NOON.date()
LATER = NOON + timedelta(days=3)


def line(token: str, usd: str, part: Part = Part.COMPUTE, **changes: Any) -> BillLine:
    plain = {"account": "aws:1", "day": DAY, "identity": f"{token} {part}", "what": "BoxUsage"}
    return BillLine(**plain | {"part": part, "usd": Decimal(usd), "token": token} | changes)


def export(*lines: BillLine, at: datetime = LATER) -> BillExport:
    return BillExport(exported_at=at, source="cur.csv", lines=lines)


def launched(ledger: SqlLedger, ordinal: int, **changes: Any) -> Token:
    lease = held(ledger)
    one = samples.intent(ordinal, of=samples.key(step=f"step-{ordinal}"), backfill="bf-1", **changes)
    ledger.record_intent(one, lease)
    ledger.record_launch(samples.launch(one.token, native_id=f"j-{ordinal}/s-1"), lease)
    return one.token


METERED = Cost(compute_usd=Decimal(1), surcharge_usd=Decimal("0.25"), basis=Basis.METERED)


def settle(ledger: SqlLedger, token: Token, hours: float = 1, cost: Cost | None = METERED) -> None:
    at = NOON + timedelta(hours=hours)
    ledger.settle(token, samples.settlement(Outcome.SUCCEEDED, settled_at=at, cost=cost), held(ledger))


def settled(ledger: SqlLedger, ordinal: int, *, hours: float = 1, cost: Cost | None = METERED, **changes: Any) -> Token:
    token = launched(ledger, ordinal, **changes)
    settle(ledger, token, hours, cost)
    return token


def whole(token: str, compute: str = "1.10", surcharge: str = "0.30", **changes: Any) -> tuple[BillLine, BillLine]:
    return line(token, compute, **changes), line(token, surcharge, Part.SURCHARGE, **changes)


class BillBehaviour:
    @pytest.fixture
    def ledger(self, url: str) -> Iterator[SqlLedger]:
        ledger = open_ledger(url)
        yield ledger
        ledger.close()

    def spent(self, ledger: SqlLedger) -> dict[str, tuple[Decimal, Basis]]:
        found = ledger.spendings(NOON - timedelta(days=9), NOON + timedelta(days=9))
        return {s.token: (s.cost.total_usd, s.cost.basis) for s in found if s.cost is not None}

    def test_billed_replaces_metered_which_is_kept(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1)
        done = ledger.record_bill(export(*whole(token)))
        assert (done.matched, done.billed, done.waiting, done.unmatched) == (2, (token,), (), ())
        (one,) = ledger.spendings(NOON, LATER)
        assert one.cost == Cost(compute_usd=Decimal("1.10"), surcharge_usd=Decimal("0.30"), basis=Basis.BILLED)
        assert one.metered == Cost(compute_usd=Decimal(1), surcharge_usd=Decimal("0.25"), basis=Basis.METERED)
        assert one.bill == f"aws:1, {LATER:%Y-%m-%d}"

    def test_same_export_again_changes_nothing(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1)
        ledger.record_bill(export(*whole(token)))
        assert ledger.record_bill(export(*whole(token))).billed == ()
        assert self.spent(ledger) == {token: (Decimal("1.40"), Basis.BILLED)}

    def test_later_export_replaces_also_lines_that_are_gone(self, ledger: SqlLedger) -> None:
        one, other = settled(ledger, 1), settled(ledger, 2)
        ledger.record_bill(export(*whole(one), *whole(other)))
        done = ledger.record_bill(export(*whole(one, compute="0.90"), at=LATER + timedelta(hours=1)))
        assert [(w.token, w.why) for w in done.waiting] == [(other, "the newest bill has no line of it")]
        assert self.spent(ledger) == {one: (Decimal("1.20"), Basis.BILLED), other: (Decimal("1.25"), Basis.METERED)}
        assert ledger.record_bill(export(*whole(one), *whole(other))).outdated == 4

    @pytest.mark.parametrize(
        ("lines", "at", "why"),
        [
            (lambda t: (line(t, "1.10"),), LATER, "no bill tells its surcharge yet"),
            (whole, NOON + timedelta(hours=20), "too early to be whole"),
            (lambda t: whole(t, day=DAY + timedelta(days=1)), LATER, f"does not tell {DAY} yet"),
        ],
    )
    def test_bill_that_is_not_whole_waits(self, ledger: SqlLedger, lines: Any, at: datetime, why: str) -> None:
        token = settled(ledger, 1)
        done = ledger.record_bill(export(*lines(token), at=at))
        assert why in done.waiting[0].why
        assert self.spent(ledger) == {token: (Decimal("1.25"), Basis.METERED)}

    def test_line_is_known_by_the_cluster_of_the_run(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1)
        lines = (
            line("", "1.10", engine="local", run_id="j-1"),
            line("", "5", engine="local", run_id="j-", identity="x"),
        )
        done = ledger.record_bill(export(*lines, line(token, "0.30", Part.SURCHARGE)))
        assert self.spent(ledger)[token] == (Decimal("1.40"), Basis.BILLED)
        assert [one.usd for one in done.unmatched] == [Decimal(5)]

    def test_contradiction_of_one_moment_is_refused_whole(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1)
        ledger.record_bill(export(*whole(token)))
        with pytest.raises(LedgerError, match="give each its own --exported"):
            ledger.record_bill(export(*whole(token, compute="7")))
        assert self.spent(ledger) == {token: (Decimal("1.40"), Basis.BILLED)}

    def test_idle_day_between_two_that_an_export_tells_is_told(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1, hours=13)
        early = export(*whole(token), at=LATER)
        assert f"does not tell {DAY + timedelta(days=1)} yet" in ledger.record_bill(early).waiting[0].why
        late = line("", "9", day=DAY + timedelta(days=2), identity="of others")
        done = ledger.record_bill(export(*whole(token), late, at=LATER + timedelta(days=2)))
        assert (done.billed, done.waiting) == ((token,), ())

    def test_attempt_without_a_price_is_priced_by_its_bill(self, ledger: SqlLedger) -> None:
        token = settled(ledger, 1, cost=None)
        assert ledger.past_runs("edges", Mode.SAMPLE) == []
        ledger.record_bill(export(*whole(token)))
        assert self.spent(ledger) == {token: (Decimal("1.40"), Basis.BILLED)}
        assert [run.cost_usd for run in ledger.past_runs("edges", Mode.SAMPLE)] == [Decimal("1.40")]

    def test_attempt_that_is_not_settled_yet_is_billed_by_the_next_import(self, ledger: SqlLedger) -> None:
        token = launched(ledger, 1)
        assert ledger.record_bill(export(*whole(token))).waiting[0].why == "it is not settled yet"
        settle(ledger, token)
        assert ledger.record_bill(export(line("", "1", account="aws:2"))).billed == (token,)

    @pytest.mark.parametrize("scope", list(BudgetScope))
    def test_budgets_count_what_was_billed(self, ledger: SqlLedger, scope: BudgetScope) -> None:
        month = f"{DAY:%Y-%m}"
        account = {
            BudgetScope.RUN: Account(scope, "root-run-1"),
            BudgetScope.ASSET_RUN: Account(scope, "web_graph/edges", "root-run-1"),
            BudgetScope.BACKFILL: Account(scope, "bf-1"),
            BudgetScope.ASSET_MONTH: Account(scope, "web_graph/edges", month),
            BudgetScope.TEAM_MONTH: Account(scope, "web", month),
        }[scope]
        token = settled(ledger, 1)
        settled(ledger, 2)
        assert ledger.standing(account).spent_usd == Decimal("2.50")
        ledger.record_bill(export(*whole(token)))
        assert ledger.standing(account).spent_usd == Decimal("2.65")

    def test_ledger_of_the_version_before_bills_keeps_its_rows(self, empty_url: str) -> None:
        old = open_ledger(empty_url)
        token = settled(old, 1)
        launched(old, 2)
        old.close()
        with Database(empty_url, patience_s=30).writing() as connection:
            for since in SINCE:
                connection.execute(text(since))
        ledger = open_ledger(empty_url)
        assert self.spent(ledger) == {token: (Decimal("1.25"), Basis.METERED)}
        assert len(ledger.live_attempts()) == 1
        ledger.record_bill(export(*whole(token)))
        assert self.spent(ledger) == {token: (Decimal("1.40"), Basis.BILLED)}
        ledger.close()

    @pytest.mark.parametrize("seed", range(5))
    def test_sums_are_those_of_the_newest_lines_in_any_order_of_imports(self, ledger: SqlLedger, seed: int) -> None:
        chance = random.Random(seed)
        tokens = [settled(ledger, n, asset=f"a{n % 2}", team=f"t{n % 3}") for n in range(1, 7)]
        days = [DAY, DAY + timedelta(days=1)]
        exports, newest = [], dict[date, list[BillLine]]()
        for n in range(5):
            told = chance.sample(days, chance.choice([1, 2])) if n else days
            lines = {d: [one for t in tokens for one in whole(t, str(chance.randint(1, 99)), day=d)] for d in told}
            newest |= lines
            exports.append(export(*(one for d in told for one in lines[d]), at=LATER + timedelta(hours=n)))
        expected = sum((one.usd for lines in newest.values() for one in lines), Decimal(0))
        for one in chance.sample(exports + exports[:2], 7):
            ledger.record_bill(one)
        spendings = ledger.spendings(NOON, LATER)
        for by in (["asset"], ["team"], ["partition"], ["engine", "month"]):
            whole_sum = total(showback(spendings, by))
            assert (whole_sum.total_usd, whole_sum.by_basis) == (expected, {"billed": expected})
