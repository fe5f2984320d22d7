"""What a ledger does with money and places on any database. Subclasses give the fixture `url` of an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import ledger_samples as samples
import pytest
from ledger_samples import NOON

from engineshed.model.attempt import Outcome
from engineshed.model.budget import Account, Allowance, BudgetScope, Room, Standing, Terms
from engineshed.model.errors import BudgetExceeded, EngineFull, EngineshedError
from engineshed.model.launch import Intent
from engineshed.storage.ledger import SqlLedger, open_ledger

TEAM = Account(BudgetScope.TEAM_MONTH, "web", "2026-03")
ASSET = Account(BudgetScope.ASSET_MONTH, "web_graph/edges", "2026-03")
RUN = Account(BudgetScope.RUN, "root-run-1")
ASSET_RUN = Account(BudgetScope.ASSET_RUN, "web_graph/edges", "root-run-1")
COST_USD = samples.settlement().cost.total_usd  # type: ignore[union-attr]


def within(limit: str, account: Account = TEAM) -> Terms:
    return Terms(allowances=(Allowance(account, Decimal(limit)),))


class BudgetBehaviour:
    @pytest.fixture
    def ledger(self, url: str) -> Iterator[SqlLedger]:
        ledger = open_ledger(url)
        yield ledger
        ledger.close()

    def intend(self, ledger: SqlLedger, n: int, terms: Terms | None = None, **changes: Any) -> Intent:
        """A live attempt of a step of its own."""
        lease = ledger.acquire(f"step-{n}", f"body-{n}", now=NOON, ttl_s=60)
        assert lease is not None
        run = changes.pop("run", "root-run-1")
        intent = samples.intent(n, of=samples.key(step=f"step-{n}", run=run), **changes)
        ledger.record_intent(intent, lease, terms=terms)
        return intent

    def end(
        self, ledger: SqlLedger, n: int, intent: Intent, outcome: Outcome = Outcome.SUCCEEDED, **changes: Any
    ) -> None:
        lease = ledger.acquire(f"step-{n}", f"body-{n}", now=NOON, ttl_s=60)
        assert lease is not None
        ledger.settle(intent.token, samples.settlement(outcome, **changes), lease)

    def test_what_lives_is_reserved_and_what_is_settled_is_spent(self, ledger: SqlLedger) -> None:
        first = self.intend(ledger, 1)
        self.intend(ledger, 2)
        self.intend(ledger, 3, team="other", asset="other/asset", run="root-run-2")
        assert ledger.standing(TEAM) == Standing(reserved_usd=Decimal("0.20"))
        self.end(ledger, 1, first, Outcome.FAILED)
        for account in (TEAM, ASSET, RUN, ASSET_RUN):
            assert ledger.standing(account) == Standing(spent_usd=COST_USD, reserved_usd=Decimal("0.10"))

    def test_a_month_has_what_was_settled_in_it_and_a_run_all_of_its_own(self, ledger: SqlLedger) -> None:
        for n, days in ((1, 0), (2, 30), (3, 31)):
            self.end(ledger, n, self.intend(ledger, n), settled_at=NOON + timedelta(days=days))
        assert ledger.standing(TEAM).spent_usd == COST_USD * 2
        assert ledger.standing(Account(BudgetScope.TEAM_MONTH, "web", "2026-04")).spent_usd == COST_USD
        assert ledger.standing(RUN).spent_usd == COST_USD * 3

    def test_an_attempt_of_unknown_cost_counts_with_its_reservation_unless_nothing_was_submitted(
        self, ledger: SqlLedger
    ) -> None:
        launched = self.intend(ledger, 1)
        lease = ledger.acquire("step-1", "body-1", now=NOON, ttl_s=60)
        assert lease is not None
        ledger.record_launch(samples.launch(launched.token), lease)
        self.end(ledger, 1, launched, Outcome.FAILED, cost=None, usage=None)
        self.end(ledger, 2, self.intend(ledger, 2), Outcome.FAILED, cost=None, usage=None)
        self.end(ledger, 3, self.intend(ledger, 3), Outcome.NEVER_SUBMITTED, cost=None, usage=None)
        assert ledger.standing(TEAM) == Standing(spent_usd=Decimal("0.10"))

    def test_an_intent_is_recorded_up_to_the_last_cent_and_not_beyond(self, ledger: SqlLedger) -> None:
        self.intend(ledger, 1, within("0.20"))
        second = self.intend(ledger, 2, within("0.20"))
        with pytest.raises(BudgetExceeded, match=r"team web in 2026-03 has spent \$0 and reserved \$0\.20"):
            self.intend(ledger, 3, within("0.20"))
        assert [attempt.intent.ordinal for attempt in ledger.live_attempts()] == [1, 2]
        lease = ledger.acquire("step-2", "body-2", now=NOON, ttl_s=60)
        assert lease is not None
        ledger.record_intent(second, lease, terms=within("0.20"))

    def test_a_room_has_its_places_by_team_or_for_all(self, ledger: SqlLedger) -> None:
        for_all, of_web = Room("local", 2), Room("local", 1, "web")
        first = self.intend(ledger, 1, Terms(rooms=(for_all, of_web)))
        with pytest.raises(EngineFull, match="local is full: team web has room for 1 at a time on local"):
            self.intend(ledger, 2, Terms(rooms=(for_all, of_web)))
        self.intend(ledger, 3, Terms(rooms=(for_all, Room("local", 1, "other"))), team="other")
        with pytest.raises(EngineFull, match="there are room for 2"):
            self.intend(ledger, 4, Terms(rooms=(for_all,)), team="third")
        self.intend(ledger, 5, Terms(rooms=(for_all,)), engine="sail")
        assert (ledger.live_on(for_all), ledger.live_on(of_web)) == (2, 1)
        self.end(ledger, 1, first)
        self.intend(ledger, 6, Terms(rooms=(for_all, of_web)))

    def test_of_many_who_see_the_last_dollar_and_the_last_place_one_gets_it(self, ledger: SqlLedger) -> None:
        both = Terms(allowances=within("0.35").allowances, rooms=(Room("local", 3),))

        def one(n: int) -> type[EngineshedError] | None:
            try:
                self.intend(ledger, n, both)
            except (BudgetExceeded, EngineFull) as error:
                return type(error)
            return None

        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(one, range(1, 17)))
        assert ends.count(None) == 3
        assert ledger.standing(TEAM) == Standing(reserved_usd=Decimal("0.30"))
