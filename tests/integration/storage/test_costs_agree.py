"""After a bill was imported, the command, Dagster's page and the budget tell the same sums, on either database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from bill_behaviour import DAY, METERED, export, settled, whole
from click.testing import CliRunner

from engineshed import Engineshed, cost_report
from engineshed.cli import cli
from engineshed.model.budget import Account, BudgetScope
from engineshed.storage.ledger import SqlLedger, open_ledger

MONTH = f"{DAY:%Y-%m}"


@pytest.fixture
def ledger(new_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlLedger]:
    monkeypatch.setenv("ENGINESHED_LEDGER_URL", new_url)
    ledger = open_ledger(new_url)
    yield ledger
    ledger.close()


def _page(tmp_path: Path) -> dict[str, object]:
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: web_graph\nhome: state\n")
    (asset,) = cost_report("web_graph", team="web").assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    resources = {"engineshed": Engineshed(location_file=str(path))}
    (made,) = dg.materialize([asset], partition_key=MONTH, resources=resources).get_asset_materialization_events()
    return {name: entry.value for name, entry in made.materialization.metadata.items()}


def _costs(by: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(cli, ["costs", "--month", MONTH, "--by", by, "--json"], catch_exceptions=False)
    lines: list[dict[str, object]] = json.loads(done.stdout)
    return lines


def test_command_page_and_budget_tell_one_sum(ledger: SqlLedger, tmp_path: Path) -> None:
    one = settled(ledger, 1)
    settled(ledger, 2)
    ledger.record_bill(export(*whole(one)))
    spent = Decimal("1.40") + METERED.total_usd
    for by in ("team", "asset", "partition", "engine", "team,asset,engine"):
        (line,) = _costs(by)
        assert Decimal(str(line["total_usd"])) == spent
        assert line["by_basis"] == {"billed": "1.40", "metered": "1.25"}
    assert ledger.standing(Account(BudgetScope.TEAM_MONTH, "web", MONTH)).spent_usd == spent
    shown = _page(tmp_path)
    assert (shown["total_usd"], shown["billed_usd"], shown["metered_usd"]) == (2.65, 1.4, 1.25)
    assert "billed 53 %, metered 47 %" in str(shown["costs"])
