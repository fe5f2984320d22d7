"""`engineshed costs` as people and spreadsheets call it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engineshed.cli import cli
from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, LaunchKey
from engineshed.model.money import Basis, Cost
from engineshed.storage.ledger import open_ledger

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


def settle(ledger: object, ordinal: int, asset: str, usd: Decimal, settled_at: datetime) -> None:
    from engineshed.storage.ledger import SqlLedger

    assert isinstance(ledger, SqlLedger)
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


def costs(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["costs", *arguments])


def test_csv_has_every_digit_and_a_line_for_each_asset(ledger_url: str) -> None:
    done = costs("--month", "2026-11", "--csv")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(r["team"], r["asset"], r["engine"], r["attempts"], r["total_usd"], r["basis"]) for r in rows] == [
        ("web-graph", "edges", "emr", "2", "403.54", "metered"),
        ("web-graph", "graph", "emr", "1", "18.3000001", "metered"),
    ]


def test_the_table_has_a_total(ledger_url: str) -> None:
    done = costs("--month", "2026-11", "--by", "team")
    assert done.exit_code == 0, done.output
    assert "421.84" in done.stdout
    assert "total" in done.stdout


def test_days_cut_out_a_part_of_a_month(ledger_url: str) -> None:
    done = costs("--since", "2026-11-05", "--until", "2026-11-07", "--by", "day", "--json")
    assert [(r["day"], r["total_usd"]) for r in json.loads(done.stdout)] == [
        ("2026-11-05", "402.54"),
        ("2026-11-06", "18.3000001"),
    ]


def test_a_month_without_runs_says_so(ledger_url: str) -> None:
    assert "Nothing was settled: costs from 2026-12-01 up to 2027-01-01" in costs("--month", "2026-12").stdout


def test_other_modes_can_be_left_out(ledger_url: str) -> None:
    assert json.loads(costs("--month", "2026-11", "--mode", "sample", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "Nov"], "write it as 2026-11"),
        (["--month", "2026-11", "--since", "2026-11-01"], "exclude each other"),
        (["--until", "2026-11-01"], "needs --since"),
        (["--since", "2026-11-05", "--until", "2026-11-05"], "is not after"),
        (["--since", "yesterday"], "write it as 2026-11-30"),
        (["--by", "colour"], "there are team"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_remedy(ledger_url: str, arguments: list[str], said: str) -> None:
    done = costs(*arguments)
    assert isinstance(done.exception, SettingInvalid)
    assert said in str(done.exception)
