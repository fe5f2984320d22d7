"""What a ledger does on any database. Subclasses give the fixture `url` of an empty one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from types import MappingProxyType

import ledger_samples as samples
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ledger_samples import NOON, seconds

from engineshed.model.attempt import Attempt, Lease, Outcome
from engineshed.model.errors import LeaseLost, LedgerError, LedgerTooNew
from engineshed.model.failure import FailureClass
from engineshed.model.job import Mode
from engineshed.model.money import Cost
from engineshed.model.usage import Usage
from engineshed.ports.ledger import Ledger
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.storage.ledger.schema import VERSION_TABLE, metadata


def held(ledger: Ledger, name: str = "step", holder: str = "body-1") -> Lease:
    lease = ledger.acquire(name, holder, now=NOON, ttl_s=60)
    assert lease is not None
    return lease


class LedgerBehaviour:
    @pytest.fixture
    def ledger(self, url: str) -> Iterator[SqlLedger]:
        ledger = open_ledger(url)
        yield ledger
        ledger.close()

    # Spending

    def test_spendings_are_those_settled_in_the_span_whatever_their_outcome(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        outcomes = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED, Outcome.SUCCEEDED)
        for n, outcome in enumerate(outcomes, start=1):
            one = samples.intent(n, of=samples.key(step=f"step-{n}"))
            ledger.record_intent(one, lease)
            settled_at = NOON + timedelta(days=n)
            priced = {} if outcome is not Outcome.CANCELLED else {"cost": None, "usage": None}
            ledger.settle(one.token, samples.settlement(outcome, settled_at=settled_at, **priced), lease)
        ledger.record_intent(samples.intent(9, of=samples.key(step="live")), lease)
        found = ledger.spendings(NOON + timedelta(days=1), NOON + timedelta(days=4))
        assert [s.outcome for s in found] == list(outcomes[:3])
        assert found[0].cost == samples.settlement().cost
        assert found[0].partition_keys == ("c1|d1",)
        assert (found[0].hours, found[0].input_bytes, found[0].forecast_usd) == (2.0, 1000, Decimal("0.10"))
        assert (found[2].cost, found[2].failure_class) == (None, FailureClass.CANCELLED)

    # Leases

    def test_lease_is_held_by_one(self, ledger: SqlLedger) -> None:
        assert held(ledger) == Lease("step", "body-1", 1, NOON + seconds(60))
        assert ledger.acquire("step", "body-2", now=NOON + seconds(59.9), ttl_s=60) is None
        assert ledger.acquire("other", "body-2", now=NOON, ttl_s=60) is not None

    def test_a_look_at_a_lease_takes_it_from_nobody(self, ledger: SqlLedger) -> None:
        assert not ledger.held("step", now=samples.NOON)
        lease = ledger.acquire("step", "worker", now=samples.NOON, ttl_s=60)
        assert lease is not None
        assert ledger.held("step", now=samples.NOON)
        assert not ledger.held("step", now=samples.NOON + timedelta(seconds=61))
        assert ledger.renew(lease, now=samples.NOON, ttl_s=60).epoch == lease.epoch
        ledger.release(lease)
        assert not ledger.held("step", now=samples.NOON)

    def test_own_lease_is_renewed_with_its_epoch(self, ledger: SqlLedger) -> None:
        held(ledger)
        again = ledger.acquire("step", "body-1", now=NOON + seconds(30), ttl_s=60)
        assert again == Lease("step", "body-1", 1, NOON + seconds(90))

    def test_expired_lease_is_taken_with_the_next_epoch(self, ledger: SqlLedger) -> None:
        old = held(ledger)
        new = ledger.acquire("step", "body-2", now=NOON + seconds(60), ttl_s=60)
        assert new is not None
        assert (new.holder, new.epoch) == ("body-2", 2)
        with pytest.raises(LeaseLost, match="body-2 holds epoch 2"):
            ledger.renew(old, now=NOON + seconds(61), ttl_s=60)

    def test_expired_lease_that_nobody_took_is_renewed(self, ledger: SqlLedger) -> None:
        late = ledger.renew(held(ledger), now=NOON + seconds(500), ttl_s=60)
        assert late == Lease("step", "body-1", 1, NOON + seconds(560))
        assert ledger.acquire("step", "body-2", now=NOON + seconds(559), ttl_s=60) is None

    def test_released_lease_is_free_and_fenced(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.release(lease)
        ledger.release(lease)
        with pytest.raises(LeaseLost, match="given up"):
            ledger.renew(lease, now=NOON, ttl_s=60)
        assert held(ledger, holder="body-2").epoch == 2
        ledger.release(lease)
        assert ledger.acquire("step", "body-3", now=NOON, ttl_s=60) is None

    def test_same_holder_gets_a_new_epoch_after_release(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.release(lease)
        assert held(ledger).epoch == 2
        with pytest.raises(LeaseLost):
            ledger.renew(lease, now=NOON, ttl_s=60)

    def test_holder_needs_a_name(self, ledger: SqlLedger) -> None:
        with pytest.raises(LedgerError, match="without a name"):
            ledger.acquire("step", "", now=NOON, ttl_s=60)

    # Ordinals

    def test_ordinals_grow_and_honour_a_floor(self, ledger: SqlLedger, url: str) -> None:
        assert [ledger.next_ordinal(), ledger.next_ordinal(), ledger.next_ordinal(at_least=40)] == [1, 2, 40]
        ledger.close()
        again = open_ledger(url)
        assert [again.next_ordinal(at_least=7), again.next_ordinal()] == [41, 42]
        again.close()

    def test_ordinals_are_unique_over_threads(self, ledger: SqlLedger) -> None:
        with ThreadPoolExecutor(6) as pool:
            given = list(pool.map(lambda _: ledger.next_ordinal(), range(30)))
        assert sorted(given) == list(range(1, 31))

    # Attempts

    def test_attempt_comes_back_as_it_was_written(self, ledger: SqlLedger) -> None:
        lease, intent = held(ledger), samples.intent()
        ledger.record_intent(intent, lease)
        assert ledger.attempt(intent.token) == Attempt(intent=intent)
        ledger.record_launch(samples.launch(intent.token), lease)
        ledger.save_cursor(intent.token, "17", lease)
        launched = Attempt(intent=intent, launch=samples.launch(intent.token), cursor="17")
        assert ledger.attempt(intent.token) == launched
        settled = ledger.settle(intent.token, samples.settlement(), lease)
        assert settled == replace(launched, settlement=samples.settlement())
        assert ledger.attempt(intent.token) == settled

    def test_failure_comes_back_whole(self, ledger: SqlLedger) -> None:
        lease, intent = held(ledger), samples.intent()
        ledger.record_intent(intent, lease)
        bad = samples.settlement(Outcome.FAILED, failure=samples.FAILURE, usage=None, cost=None)
        assert ledger.settle(intent.token, bad, lease).settlement == bad

    def test_money_is_exact(self, ledger: SqlLedger) -> None:
        lease, intent = held(ledger), samples.intent(reserved_usd=Decimal("0.1") + Decimal("0.2"))
        ledger.record_intent(intent, lease)
        attempt = ledger.settle(intent.token, samples.settlement(), lease)
        assert attempt.settlement is not None
        assert attempt.settlement.cost is not None
        assert attempt.settlement.cost.total_usd == samples.settlement().cost.total_usd  # type: ignore[union-attr]
        assert str(attempt.intent.reserved_usd) == "0.3"

    def test_times_come_back_in_utc(self, ledger: SqlLedger) -> None:
        lease, intent = held(ledger), samples.intent(created_at=NOON.astimezone(samples.CET))
        ledger.record_intent(intent, lease)
        attempt = ledger.attempt(intent.token)
        assert attempt is not None
        assert attempt.intent.created_at == NOON
        assert attempt.intent.created_at.tzinfo is UTC

    def test_naive_time_is_refused(self, ledger: SqlLedger) -> None:
        with pytest.raises(LedgerError, match="has no zone"):
            ledger.record_intent(samples.intent(created_at=NOON.replace(tzinfo=None)), held(ledger))

    @pytest.mark.parametrize("record", [{"x": float("nan")}, {"x": {1, 2}}, {"x": Decimal(1)}])
    def test_record_that_is_no_json_is_refused(self, ledger: SqlLedger, record: dict[str, object]) -> None:
        intent = samples.intent(record=record)
        with pytest.raises(LedgerError, match="is no JSON"):
            ledger.record_intent(intent, held(ledger))
        assert ledger.attempt(intent.token) is None

    def test_any_mapping_is_a_record(self, ledger: SqlLedger) -> None:
        intent = samples.intent(record=MappingProxyType({"a": MappingProxyType({"b": 1})}))
        ledger.record_intent(intent, held(ledger))
        attempt = ledger.attempt(intent.token)
        assert attempt is not None
        assert attempt.intent.record == {"a": {"b": 1}}

    def test_key_has_one_live_attempt(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.record_intent(samples.intent(1), lease)
        with pytest.raises(LedgerError, match=samples.intent(1).token):
            ledger.record_intent(samples.intent(2), lease)
        ledger.record_intent(samples.intent(3, of=samples.key("graph")), lease)
        ledger.settle(samples.intent(1).token, samples.settlement(Outcome.CANCELLED), lease)
        ledger.record_intent(samples.intent(4), lease)
        assert [a.intent.ordinal for a in ledger.attempts(samples.key())] == [1, 4]
        assert [a.intent.ordinal for a in ledger.live_attempts()] == [3, 4]

    def test_two_leases_cannot_make_two_live_attempts(self, ledger: SqlLedger) -> None:
        one, other = held(ledger, "one"), held(ledger, "other")
        ledger.record_intent(samples.intent(1), one)
        with pytest.raises(LedgerError, match="live attempt"):
            ledger.record_intent(samples.intent(2), other)

    def test_intent_whose_reply_was_lost_is_written_again(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.record_intent(samples.intent(), lease)
        ledger.record_intent(samples.intent(), lease)
        assert len(ledger.attempts(samples.key())) == 1

    def test_ordinal_serves_once(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.record_intent(samples.intent(1), lease)
        with pytest.raises(LedgerError, match="ordinal 1"):
            ledger.record_intent(samples.intent(1, of=samples.key("graph")), lease)
        ledger.settle(samples.intent(1).token, samples.settlement(), lease)
        with pytest.raises(LedgerError, match="ordinal 1"):
            ledger.record_intent(samples.intent(1), lease)

    def test_token_is_one_launch(self, ledger: SqlLedger) -> None:
        lease, token = held(ledger), samples.intent().token
        ledger.record_intent(samples.intent(), lease)
        first = samples.launch(token)
        ledger.record_launch(first, lease)
        ledger.record_launch(replace(first, submitted_at=NOON + seconds(9)), lease)
        with pytest.raises(LedgerError, match="native-2"):
            ledger.record_launch(samples.launch(token, "native-2"), lease)
        attempt = ledger.attempt(token)
        assert attempt is not None
        assert attempt.launch == first

    def test_settles_once(self, ledger: SqlLedger) -> None:
        lease, token = held(ledger), samples.intent().token
        ledger.record_intent(samples.intent(), lease)
        first = ledger.settle(token, samples.settlement(), lease)
        assert ledger.settle(token, samples.settlement(Outcome.FAILED, failure=samples.FAILURE), lease) == first

    def test_unknown_token_is_refused(self, ledger: SqlLedger) -> None:
        lease, token = held(ledger), samples.intent().token
        assert ledger.attempt(token) is None
        with pytest.raises(LedgerError, match=token):
            ledger.record_launch(samples.launch(token), lease)
        with pytest.raises(LedgerError, match=token):
            ledger.save_cursor(token, "1", lease)
        with pytest.raises(LedgerError, match=token):
            ledger.settle(token, samples.settlement(), lease)

    def test_lost_lease_writes_nothing(self, ledger: SqlLedger) -> None:
        old = held(ledger)
        ledger.record_intent(samples.intent(), old)
        ledger.acquire("step", "body-2", now=NOON + seconds(61), ttl_s=60)
        before = ledger.attempt(samples.intent().token)
        with pytest.raises(LeaseLost):
            ledger.record_intent(samples.intent(2, of=samples.key("graph")), old)
        with pytest.raises(LeaseLost):
            ledger.record_launch(samples.launch(samples.intent().token), old)
        with pytest.raises(LeaseLost):
            ledger.save_cursor(samples.intent().token, "9", old)
        with pytest.raises(LeaseLost):
            ledger.settle(samples.intent().token, samples.settlement(), old)
        assert ledger.live_attempts() == [before]

    def test_attempts_of_a_run(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ledger.record_intent(samples.intent(1, run_id="aaaa_bbbb-1"), lease)
        ledger.settle(samples.intent(1).token, samples.settlement(run_id="cccccccc-2"), lease)
        ledger.record_intent(samples.intent(2, run_id="aaaaXbbbb-3"), lease)

        def found(run_id: str) -> list[int]:
            return [a.intent.ordinal for a in ledger.attempts_of_run(run_id)]

        assert found("aaaa_bbbb-1") == found("aaaa_bbb") == found("cccccccc") == [1]
        assert found("AAAAXBBBB-3") == found("aaaa") == []
        assert found("aaaaXbbbb-3") == [2]

    # History

    def test_past_runs(self, ledger: SqlLedger) -> None:
        lease = held(ledger)
        ends = {
            1: samples.settlement(),
            2: samples.settlement(Outcome.FAILED, failure=samples.FAILURE, settled_at=NOON + timedelta(hours=5)),
            3: samples.settlement(Outcome.CANCELLED, usage=Usage(), settled_at=NOON + timedelta(hours=4)),
            4: samples.settlement(cost=None),
        }
        for ordinal, end in ends.items():
            intent = samples.intent(ordinal)
            ledger.record_intent(intent, lease)
            ledger.record_launch(samples.launch(intent.token), lease)
            ledger.settle(intent.token, end, lease)
        never = samples.intent(5)
        ledger.record_intent(never, lease)
        ledger.settle(never.token, samples.settlement(Outcome.NEVER_SUBMITTED, cost=Cost()), lease)
        runs = ledger.past_runs("edges", Mode.SAMPLE)
        assert [r.failure_class for r in runs] == [FailureClass.SPOT_LOSS, FailureClass.CANCELLED, None]
        assert [round(r.hours, 3) for r in runs] == [2.0, 4.0, 2.0]
        assert [r.input_bytes for r in runs] == [1000, None, 1000]
        assert runs[0].cost_usd == Decimal("12345679.11000000012345")
        assert ledger.past_runs("edges", Mode.SAMPLE, limit=1) == runs[:1]
        assert ledger.past_runs("graph", Mode.SAMPLE) == []
        assert ledger.past_runs("edges", Mode.FULL) == [], "samples push no full run beyond the limit"

    # Facts

    def test_facts_count_once(self, ledger: SqlLedger) -> None:
        assert ledger.append([samples.fact("a"), samples.fact("b"), samples.fact("a")]) == 2
        assert ledger.append([samples.fact("b", data={"rows": 9}), samples.fact("c")]) == 1
        assert ledger.append([]) == 0
        assert [f for _, f in ledger.facts()] == [samples.fact("a"), samples.fact("b"), samples.fact("c")]

    def test_facts_are_read_in_pieces(self, ledger: SqlLedger) -> None:
        assert ledger.append(samples.fact(str(i)) for i in range(1203)) == 1203
        read: list[str] = []
        after = 0
        while batch := ledger.facts(after=after, limit=100):
            assert len(batch) <= 100
            assert batch[0][0] > after
            after = batch[-1][0]
            read += [fact.identity for _, fact in batch]
        assert read == [str(i) for i in range(1203)]

    def test_readers_and_writers_at_once_miss_no_fact(self, ledger: SqlLedger) -> None:
        done = threading.Event()

        def write(writer: int) -> None:
            for i in range(8):
                ledger.append([samples.fact(f"{writer}-{i}-{j}") for j in range(3)])

        def read() -> list[str]:
            seen, after, last = [], 0, False
            while not last:
                last = done.is_set()
                while batch := ledger.facts(after=after, limit=50):
                    after = batch[-1][0]
                    seen += [fact.identity for _, fact in batch]
            return seen

        with ThreadPoolExecutor(6) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            for written in [pool.submit(write, n) for n in range(3)]:
                written.result()
            done.set()
            for reader in readers:
                assert sorted(reader.result()) == sorted(
                    f"{n}-{i}-{j}" for n in range(3) for i in range(8) for j in range(3)
                )

    # The database

    def test_migrations_make_the_declared_schema(self, ledger: SqlLedger, url: str) -> None:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
            )
            assert compare_metadata(context, metadata) == []
        engine.dispose()

    def test_newer_database_is_refused(self, ledger: SqlLedger, url: str) -> None:
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        engine.dispose()
        with pytest.raises(LedgerTooNew, match=r"schema 9999.*upgrade engineshed"):
            open_ledger(url)
