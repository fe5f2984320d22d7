"""`engineshed backfill-plan` over the showcase's own definitions: what it refuses, and that it launches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from engineshed import read_premises
from engineshed.cli import cli
from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.errors import EngineshedError
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey
from engineshed.model.money import Basis, Cost
from engineshed.model.usage import Usage, UsageInterval
from engineshed.storage.ledger import SqlLedger, open_ledger
from web_graph.assets import LOCATION_FILE

KEYS = [f"{crawl}|{domain}" for crawl in ("SAMPLE-2023-06", "SAMPLE-2025-08") for domain in ("databases", "languages")]


@pytest.fixture(autouse=True)
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The showcase's own settings, on a machine whose hour costs two dollars."""
    settings = yaml.safe_load(Path(LOCATION_FILE).read_text(encoding="utf-8"))
    settings |= {
        "engines": {"sail": {"usd_per_hour": 2}, "local": {"usd_per_hour": 9}},
        "payloads": str(read_premises(LOCATION_FILE).payloads),
    }
    file = tmp_path / "web_graph" / "location.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("ENGINESHED_LOCATION", str(file))


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlLedger]:
    monkeypatch.setenv("ENGINESHED_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    ledger.close()


def learn(ledger: SqlLedger, asset: str, usd: str, hours: float, runs: int = 3) -> None:
    """Past runs of an asset on sail."""
    for n in range(1, runs + 1):
        ordinal = ledger.next_ordinal()
        end = datetime(2026, 11, n, 12, tzinfo=UTC)
        start = end - timedelta(hours=hours)
        key = LaunchKey(f"run-{asset}-{n}", asset, (KEYS[0],))
        lease = ledger.acquire(f"{asset}-{n}", "test", now=start, ttl_s=60)
        assert lease is not None
        intent = Intent(
            token=key.token(ordinal),
            key=key,
            ordinal=ordinal,
            run_id=key.root_run_id,
            asset=asset,
            job=asset,
            team="web-graph",
            code_location="web_graph",
            mode=Mode.SAMPLE,
            engine="sail",
            offer="sail[2]",
            channel="files",
            address="",
            reserved_usd=Decimal(usd),
            created_at=start,
        )
        ledger.record_intent(intent, lease)
        ledger.record_launch(
            Launch(engine="sail", token=intent.token, native_id=f"native-{ordinal}", submitted_at=start), lease
        )
        ledger.settle(
            intent.token,
            Settlement(
                outcome=Outcome.SUCCEEDED,
                run_id=intent.run_id,
                settled_at=end,
                usage=Usage(intervals=(UsageInterval(item="node", quantity=1.0, start=start, end=end),)),
                cost=Cost(compute_usd=Decimal(usd), basis=Basis.METERED),
            ),
            lease,
        )


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False, env={"COLUMNS": "160"})


def plan(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call("backfill-plan", *words, "--json").output)
    return told


def test_assets_run_one_after_another_partitions_side_by_side_and_nothing_is_launched(ledger: SqlLedger) -> None:
    learn(ledger, "edges", "4", 2.0)
    learn(ledger, "graph", "1", 0.5)
    told = plan("graph", "edges", "--chunk", "2")
    assert told["chunks"] == [KEYS[:2], KEYS[2:]]
    first = [(p["asset"], p["start_hours"], p["engine"]) for p in told["partitions"] if p["partition"] == KEYS[0]]
    assert [asset for asset, _, _ in first] == ["edges", "graph"]
    assert {engine for _, _, engine in first} == {"sail"}
    assert told["hours"] == pytest.approx(2 * (first[1][1] + told["hours"] / 2 - first[1][1]))
    cost = {name: Decimal(usd) for name, usd in told["cost"].items()}
    assert cost["low_usd"] < Decimal(20) < cost["high_usd"]
    assert not ledger.live_attempts()
    assert ledger.backfills("web_graph") == []
    text = call("backfill-plan", "edges", "--chunk", "2", "--partitions", f"{KEYS[0]}...{KEYS[2]}").output
    assert "3 partitions in 2 chunks: expected $1" in text
    assert "four in five between $" in text
    assert "begun now, the last ends in 4.0" in text


def test_what_a_budget_leaves_out_is_said_and_what_is_submitted_is_listed_and_shown(ledger: SqlLedger) -> None:
    learn(ledger, "edges", "4", 2.0)
    told = plan("edges", "--chunk", "2", "--budget", "14")
    assert told["left_out"] == [KEYS[3]]
    assert told["stopped_by"].startswith("--budget 14 has $")
    told = plan("edges", "--chunk", "2", "--budget", "14", "--deadline", "2030-01-01T00:00Z", "--submit")
    (there,) = ledger.backfills("web_graph")
    assert there.id == told["submitted"]
    assert (there.work.assets, there.work.partitions, there.budget_usd) == (("edges",), tuple(KEYS), Decimal(14))
    assert there.work.deadline == datetime(2030, 1, 1, tzinfo=UTC)
    assert there.id in call("backfill", "list").output
    shown = call("backfill", "show", there.id).output
    assert "0 of 4 partitions launched, in chunks of 2" in shown
    assert "of a budget of $14; the plan said $1" in shown
    assert "to be done by 2030-01-01 00:00 UTC" in shown
    assert f"{there.id} is paused, 0 of 4 partitions launched" in call("backfill", "pause", there.id).output
    assert "is running" in call("backfill", "resume", there.id, "--budget", "20").output
    assert ledger.backfills("web_graph")[0].budget_usd == 20
    assert "is cancelled" in call("backfill", "cancel", there.id).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vertices",), "no Spark asset 'vertices'; there are: edges, graph, graph_aggr, nodes_only"),
        (("edges", "vertices"), "no Spark asset 'vertices'"),
        (("edges", "--partitions", "x|y"), r"asset 'edges' has no partition 'x\|y': name one of SAMPLE-2023-06"),
        (
            ("edges", "--chunk", "2", "--budget", "5"),
            r"--budget 5 has .* left, partition .* is forecast to cost .*, one of the 2 of the first chunk: raise it",
        ),
        (
            ("edges", "--chunk", "1", "--deadline", "3"),
            r"deadline in 3\.00 h cannot be met: 4 partitions in chunks of 1 are forecast to take 8.* h at best: give",
        ),
        (("edges", "--deadline", "soon"), "--deadline 'soon' is neither hours nor a moment"),
        (("graph",), "nothing is known of what 'graph' costs on sail: make one partition first"),
        (("edges", "--engine", "emr"), r"emr: engines\.emr\.region is not set"),
    ],
)
def test_what_cannot_be_is_refused_with_object_fact_and_remedy(
    ledger: SqlLedger, words: tuple[str, ...], said: str
) -> None:
    learn(ledger, "edges", "4", 2.0)
    with pytest.raises(EngineshedError, match=said):
        call("backfill-plan", *words)
    assert ledger.backfills("web_graph") == []


def test_an_unknown_backfill_is_refused() -> None:
    for command in ("show", "pause", "resume", "cancel"):
        with pytest.raises(EngineshedError, match="there is no backfill 'bf-none': `engineshed backfill list` names"):
            call("backfill", command, "bf-none")
    assert "No backfill was submitted" in call("backfill", "list").output
