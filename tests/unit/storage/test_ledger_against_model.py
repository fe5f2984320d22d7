"""Random sequences of calls on the ledger, beside a few lines that say what must come of them."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import ledger_samples as samples
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from ledger_samples import NOON, seconds

from engineshed.model.attempt import Lease, Outcome
from engineshed.model.errors import LeaseLost, LedgerError
from engineshed.storage.ledger import open_ledger

NAMES = ("edges", "graph")
BODIES = ("a", "b", "c")
TTL_S = 10.0
bodies, names = st.sampled_from(BODIES), st.sampled_from(NAMES)


class LedgerMachine(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        file = shutil.copy(self.template, self.folder.name)
        self.ledger = open_ledger(f"sqlite:///{file}")
        self.now: datetime = NOON
        self.holders: dict[str, tuple[str, int, datetime]] = {}
        self.remembered: dict[tuple[str, str], Lease] = {}
        self.live: dict[str, int] = {}
        self.settled: dict[str, list[int]] = {name: [] for name in NAMES}

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    @rule(span_s=st.sampled_from([1.0, 9.0, 11.0]))
    def wait(self, span_s: float) -> None:
        self.now += seconds(span_s)

    @rule(body=bodies, name=names)
    def acquire(self, body: str, name: str) -> None:
        holder, epoch, until = self.holders.get(name, ("", 0, NOON))
        lease = self.ledger.acquire(name, body, now=self.now, ttl_s=TTL_S)
        if holder not in ("", body) and until > self.now:
            assert lease is None
            return
        expected = Lease(name, body, epoch if holder == body else epoch + 1, self.now + seconds(TTL_S))
        assert lease == expected
        self.holders[name] = (body, expected.epoch, expected.expires_at)
        self.remembered[body, name] = expected

    @rule(body=bodies, name=names)
    def renew(self, body: str, name: str) -> None:
        lease = self.remembered.get((body, name))
        if lease is None:
            return
        if self._holds(lease):
            self.ledger.renew(lease, now=self.now, ttl_s=TTL_S)
            self.holders[name] = (body, lease.epoch, self.now + seconds(TTL_S))
        else:
            with pytest.raises(LeaseLost):
                self.ledger.renew(lease, now=self.now, ttl_s=TTL_S)

    @rule(body=bodies, name=names)
    def release(self, body: str, name: str) -> None:
        lease = self.remembered.get((body, name))
        if lease is None:
            return
        self.ledger.release(lease)
        if self._holds(lease):
            self.holders[name] = ("", lease.epoch, NOON)

    @rule(body=bodies, name=names)
    def intend(self, body: str, name: str) -> None:
        lease = self.remembered.get((body, name))
        if lease is None:
            return
        intent = samples.intent(self.ledger.next_ordinal(), of=samples.key(name), created_at=self.now)
        if not self._holds(lease):
            with pytest.raises(LeaseLost):
                self.ledger.record_intent(intent, lease)
        elif name in self.live:
            with pytest.raises(LedgerError, match="live attempt"):
                self.ledger.record_intent(intent, lease)
        else:
            self.ledger.record_intent(intent, lease)
            self.live[name] = intent.ordinal

    @rule(body=bodies, name=names, outcome=st.sampled_from(Outcome))
    def settle(self, body: str, name: str, outcome: Outcome) -> None:
        lease, ordinal = self.remembered.get((body, name)), self.live.get(name)
        if lease is None or ordinal is None:
            return
        token = samples.key(name).token(ordinal)
        if self._holds(lease):
            self.ledger.settle(token, samples.settlement(outcome), lease)
            self.settled[name].append(self.live.pop(name))
        else:
            with pytest.raises(LeaseLost):
                self.ledger.settle(token, samples.settlement(outcome), lease)

    @invariant()
    def attempts_are_as_modelled(self) -> None:
        assert [a.intent.ordinal for a in self.ledger.live_attempts()] == sorted(self.live.values())
        for name in NAMES:
            found = [a.intent.ordinal for a in self.ledger.attempts(samples.key(name)) if not a.live]
            assert found == self.settled[name]

    def _holds(self, lease: Lease) -> bool:
        return self.holders[lease.name][:2] == (lease.holder, lease.epoch)


def test_any_sequence_of_calls(tmp_path: Path) -> None:
    open_ledger(f"sqlite:///{tmp_path}/template.db").close()

    class Machine(LedgerMachine):
        template = tmp_path / "template.db"

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine, settings=settings(max_examples=12, stateful_step_count=30, deadline=None, database=None)
    )
