"""A ledger with the attempts of one November, which the environment names."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, LaunchKey
from engineshed.model.money import Basis, Cost
from engineshed.storage.ledger import SqlLedger, open_ledger

DAY = datetime(2026, 11, 5, 12, tzinfo=UTC)


@pytest.fixture
def ledger_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("ENGINESHED_LOCATION", "ENGINESHED_PLATFORM", "ENGINESHED_TEAM"):
        monkeypatch.delenv(name, raising=False)
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("ENGINESHED_LEDGER_URL", url)
    ledger = open_ledger(url)
    for n, (asset, usd, day) in enumerate((("edges", "402.54", 5), ("graph", "18.3000001", 6), ("edges", "1", 30)), 1):
        settle(ledger, n, asset, Decimal(usd), DAY.replace(day=day))
    ledger.close()
    return url


def settle(ledger: SqlLedger, ordinal: int, asset: str, usd: Decimal, settled_at: datetime) -> None:
    key = LaunchKey(f"run-{ordinal}", asset, ("c1|d1",))
    lease = ledger.acquire(key.digest, "test", now=DAY, ttl_s=60)
    assert lease is not None
    intent = Intent(
        token=key.token(ordinal),
        key=key,
        ordinal=ordinal,
        run_id=f"run-{ordinal}",
        asset=asset,
        job=asset,
        team="web-graph",
        code_location="web_graph",
        mode=Mode.FULL,
        engine="emr",
        offer="3x m6i.xlarge",
        channel="objects",
        address="s3://b/c",
        reserved_usd=usd,
        created_at=DAY,
    )
    ledger.record_intent(intent, lease)
    cost = Cost(compute_usd=usd, basis=Basis.METERED)
    ledger.settle(
        intent.token, Settlement(outcome=Outcome.SUCCEEDED, run_id="r", settled_at=settled_at, cost=cost), lease
    )
