"""`engineshed plan` over the showcase's own definitions: it plans, and launches nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engineshed.cli import cli
from engineshed.model.errors import ConfigurationInvalid, SettingInvalid
from engineshed.storage.ledger import open_ledger
from web_graph.assets import LOCATION_FILE

PARTITION = "SAMPLE-2025-08|languages"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENGINESHED_HOME", str(tmp_path))
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *words, "--location", str(LOCATION_FILE)], catch_exceptions=False)


def plan(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call(*words, "--json").output)
    return told


def test_where_a_partition_would_run_is_said_and_nothing_is_launched(home: Path) -> None:
    told = plan("edges", "--partition", PARTITION)
    assert told["chosen"]["engine"] == "sail"
    assert {r["engine"] for r in told["rejections"]} >= {"emr", "databricks", "kubernetes"}
    assert told["decided_by"][-1].startswith("sail (")
    ledger = open_ledger(f"sqlite:///{home / 'ledger.db'}")
    assert not ledger.live_attempts()
    assert not list(home.glob("runs/*"))
    ledger.close()


def test_what_is_asked_for_decides_and_is_named() -> None:
    told = plan("edges", "--partition", PARTITION, "--engine", "sail", "--budget", "5", "--value-of-hour", "2")
    assert {"command line sets pinned=sail", "command line sets budget_usd=5"} <= set(told["decided_by"])
    told = plan("edges", "--partition", PARTITION, "--deadline", "3")
    assert any(line.startswith("command line sets deadline=") for line in told["decided_by"])


def test_without_any_offer_the_reasons_are_told_with_exit_code_1() -> None:
    found = call("edges", "--partition", PARTITION, "--engine", "emr")
    assert found.exit_code == 1
    assert "engine emr is pinned" in found.output
    assert "engines.emr.region is not set" in found.output


def test_an_unknown_asset_and_a_deadline_that_is_none_are_refused() -> None:
    with pytest.raises(ConfigurationInvalid, match="'vertices'; there are: edges, graph, graph_aggr, nodes_only"):
        call("vertices")
    with pytest.raises(SettingInvalid, match="neither hours nor a moment"):
        call("edges", "--deadline", "soon")
