"""A thousand mixed resources under one reaper: what it ends is exactly what nobody owns any more."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from engineshed.model.attempt import Attempt, Outcome, Settlement
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, LaunchKey, Token
from engineshed.model.request import Request
from engineshed.running.orphans import Orphaned
from engineshed.running.reaping import Deed, Reaper
from engineshed.testing.platform import Script

from .conftest import World

RESOURCES = 1000
LONG = Script(lasts_s=10_000_000.0, opens=False)
DOOMED = frozenset({"its owner is long dead", "settled and still running"})
KINDS = (
    *sorted(DOOMED),
    "its run lives",
    "a worker holds its lease",
    "its owner died within the grace",
    "settled within the grace",
    "another team's",
    "another code location's",
    "a token that the ledger does not know",
    "a resource without a token of ours",
)


@dataclass
class Mixed:
    """A platform full of resources; each token with its kind. Also says of each attempt whether its run is over."""

    world: World
    kinds: dict[Token, str] = field(default_factory=dict)

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """Since when nobody comes; the runs of other owners are all over, which must not matter."""
        kind, now = self.kinds[attempt.intent.token], self.world.clock.now()
        if kind == "its run lives":
            return None
        ago_s = 60 if kind == "its owner died within the grace" else 3600
        return Orphaned(now - timedelta(seconds=ago_s), f"run {attempt.intent.run_id} is FAILURE")

    def cancel(self, attempt: Attempt) -> None:
        """Nothing here is uninstalled."""

    def add(self, number: int, kind: str) -> None:
        """One resource on the platform, and in the ledger what its kind has there."""
        key = LaunchKey(f"run-{number}", "edges")
        token = key.token(number)
        if kind == "a resource without a token of ours":
            token = Token(f"other-{number}")
        self.kinds[token] = kind
        run = self.world.platform.submit(Request("virtual", token, {"job": "edges", "env": {}}))
        if kind in ("a token that the ledger does not know", "a resource without a token of ours"):
            return
        self._record(number, key, token, kind, run.native_id)

    def _record(self, number: int, key: LaunchKey, token: Token, kind: str, native_id: str) -> None:
        ledger, now = self.world.shed.ledger, self.world.clock.now()
        lease = ledger.acquire(key.digest, "worker", now=now, ttl_s=1e6 if kind == "a worker holds its lease" else 20)
        assert lease is not None
        intent = Intent(
            token=token, key=key, ordinal=number, run_id=key.root_run_id, asset="edges", job="edges",
            team="registry" if kind == "another team's" else "web",
            code_location="other" if kind == "another code location's" else "web_graph",
            mode=Mode.FULL, engine="virtual", offer="one", channel="files", address="", reserved_usd=Decimal(1),
            created_at=now - timedelta(hours=2),
        )  # fmt: skip
        ledger.record_intent(intent, lease)
        found = self.world.shed.engines["virtual"].find(token)
        assert found is not None
        assert found.native_id == native_id
        ledger.record_launch(found, lease)
        if kind.startswith("settled"):
            ago_s = 60 if kind == "settled within the grace" else 3600
            settled_at = now - timedelta(seconds=ago_s)
            settlement = Settlement(outcome=Outcome.CANCELLED, run_id=key.root_run_id, settled_at=settled_at)
            ledger.settle(token, settlement, lease)
        if kind != "a worker holds its lease":
            ledger.release(lease)


def test_of_a_thousand_mixed_resources_it_ends_exactly_those_without_an_owner(world: World) -> None:
    world.platform.script = LONG
    world.clock.on_sleep = lambda: None
    mixed = Mixed(world)
    order = [KINDS[n % len(KINDS)] for n in range(RESOURCES)]
    random.Random(6).shuffle(order)
    for number, kind in enumerate(order, start=1):
        mixed.add(number, kind)
    doomed = {token for token, kind in mixed.kinds.items() if kind in DOOMED}
    assert len(doomed) == RESOURCES * len(DOOMED) // len(KINDS)
    live_before = len(world.shed.ledger.live_attempts())

    def reaper(*, dry: bool) -> Reaper:
        return Reaper(world.shed, team="web", code_location="web_graph", dry=dry)

    dry = reaper(dry=True).reap(mixed)
    announced = {f.token for f in dry if f.deed is Deed.ENDED}
    assert world.platform.cancels == []
    assert len(world.shed.ledger.live_attempts()) == live_before
    assert announced == doomed, "a dry run names what a real one would end"

    findings = reaper(dry=False).reap(mixed)
    assert set(world.platform.cancels) == doomed
    assert {f.token for f in findings if f.deed is Deed.ENDED} == doomed
    assert not [f for f in findings if f.deed is Deed.UNSURE]
    world.clock.sleep(1)
    assert not [f for f in reaper(dry=False).reap(mixed) if f.deed is Deed.ENDED], "a second round ends nothing"
