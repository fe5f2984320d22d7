"""The stories can fail: a route that is broken by hand is found out within a few seeds.

| broken | found by seed |
|---|---|
| does not ask before it submits | 7 |
| sends no token | 8 |
| ignores leases | 29 |
| goes on although unsure | 16 |
| launches anew what has succeeded | 2 |
| meters nothing | 1 |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from engineshed.model.attempt import Lease, Outcome, Settlement
from engineshed.running import adopting, route, settling, submitting
from engineshed.storage.ledger import attempts, leases
from engineshed.testing.soak.seeds import Teller, teller
from engineshed.testing.soak.troubled import TroubledPlatform

SEEDS = range(1, 101)


@pytest.fixture
def storyteller() -> Iterator[Teller]:
    with teller() as found:
        yield found


def _does_not_ask_before_it_submits(monkeypatch: pytest.MonkeyPatch) -> None:
    def adopt(step: Any, shed: Any, keeper: Any) -> Any:
        for attempt in shed.ledger.attempts(step.key):
            if attempt.live and attempt.launch is None:
                never = Settlement(outcome=Outcome.NEVER_SUBMITTED, run_id=step.run_id, settled_at=shed.clock.now())
                shed.ledger.settle(attempt.intent.token, never, keeper.lease)
                return None
        return adopting.adopt(step, shed, keeper)

    monkeypatch.setattr(route, "adopt", adopt)


def _sends_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    submit = TroubledPlatform.submit

    def anew(self: TroubledPlatform, request: Any) -> Any:
        there = self.runs.pop(request.token, None)
        if there is not None:
            twin = f"{request.token}-{len(self.runs)}"
            self.runs[twin] = there  # type: ignore[index]
            if request.token in self.ended_at:
                self.ended_at[twin] = self.ended_at.pop(request.token)  # type: ignore[index]
        return submit(self, request)

    monkeypatch.setattr(TroubledPlatform, "submit", anew)


def _ignores_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(connection: Any, name: str, holder: str, *, now: Any, ttl_s: float) -> Lease:
        leases.lock(connection, name)
        return Lease(name, holder, 1, now + timedelta(seconds=ttl_s))

    monkeypatch.setattr(leases, "acquire", acquire)
    for module in (leases, attempts):
        monkeypatch.setattr(module, "fence", lambda connection, lease: None)


def _goes_on_although_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "found", lambda engine, token, shed: None)


def _launches_anew_what_has_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopting, "_recorded", lambda step, attempt, settlement: None)


def _meters_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = settling.meter

    def late(step: Any, attempt: Any, shed: Any) -> Any:
        shed.clock.sleep(1)
        usage, cost = meter(step, attempt, shed)
        return (None, None) if usage is None else (type(usage)(intervals=()), cost)

    monkeypatch.setattr(settling, "meter", late)


@pytest.mark.parametrize(
    "breaks",
    [
        _does_not_ask_before_it_submits,
        _sends_no_token,
        _ignores_leases,
        _goes_on_although_unsure,
        _launches_anew_what_has_succeeded,
        _meters_nothing,
    ],
)
def test_a_route_that_is_broken_is_found_out(
    breaks: Callable[[pytest.MonkeyPatch], None], storyteller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    for seed in SEEDS:
        broken = storyteller.tell(seed).broken
        if broken:
            return
    pytest.fail(f"{SEEDS[-1]} seeds found nothing")
