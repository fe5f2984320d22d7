"""Values for the ledger's tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.fact import Fact, FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey, Token
from engineshed.model.money import Basis, Cost
from engineshed.model.usage import Usage, UsageInterval

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CET = timezone(timedelta(hours=1))


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def key(step: str = "edges", run: str = "root-run-1", partitions: tuple[str, ...] = ("c1|d1",)) -> LaunchKey:
    return LaunchKey(run, step, partitions)


def intent(ordinal: int = 1, *, of: LaunchKey | None = None, **changes: Any) -> Intent:
    plain: dict[str, Any] = {
        "token": (of or key()).token(ordinal),
        "key": of or key(),
        "ordinal": ordinal,
        "run_id": "run-0001-abcdef",
        "asset": "web_graph/edges",
        "job": "edges",
        "team": "web",
        "code_location": "web_graph",
        "mode": Mode.SAMPLE,
        "engine": "local",
        "offer": "local[2]",
        "channel": "files",
        "address": "/somewhere/messages",
        "reserved_usd": Decimal("0.10"),
        "created_at": NOON,
        "record": {"plan": ["ä", None, 1.5], "nested": {"z": 1, "a": "\x00"}},
    }
    return Intent(**plain | changes)


def launch(token: Token, native_id: str = "native-1") -> Launch:
    return Launch(
        engine="local",
        token=token,
        native_id=native_id,
        submitted_at=NOON + seconds(1),
        url="http://ui",
        extras={"pid": "7"},
    )


def usage(hours: float = 2.0, measures: Mapping[str, float] | None = None) -> Usage:
    end = NOON + timedelta(hours=hours)
    return Usage(
        intervals=(UsageInterval(item="node", quantity=2.0, start=NOON, end=end, market="spot"),),
        measures=measures or {"cpu_s": 1.25, "input_bytes": 1000.0},
    )


def settlement(outcome: Outcome = Outcome.SUCCEEDED, **changes: Any) -> Settlement:
    plain: dict[str, Any] = {
        "outcome": outcome,
        "run_id": "run-0002-abcdef",
        "settled_at": NOON + timedelta(hours=3),
        "result": {"rows": 3, "commits": [{"ordinal": 1}]},
        "usage": usage(),
        "cost": Cost(
            compute_usd=Decimal("1.10"),
            storage_usd=Decimal("0.00000000012345"),
            surcharge_usd=Decimal("12345678.01"),
            basis=Basis.METERED,
        ),
    }
    return Settlement(**plain | changes)


FAILURE = Failure(FailureClass.SPOT_LOSS, "spot_reclaimed", "the node was taken back", "last line\x00\ud800")


def fact(identity: str, **changes: Any) -> Fact:
    plain: dict[str, Any] = {
        "kind": FactKind.PROGRESS,
        "identity": identity,
        "at": NOON,
        "token": "es-1",
        "labels": {"engine": "local"},
        "data": {"rows": 5},
    }
    return Fact(**plain | changes)
