"""The bill of a code location as an asset: materialised for real, from the ledger that the location uses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engineshed import Engineshed, cost_report
from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.billing import BillExport, BillLine, Part
from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, LaunchKey
from engineshed.model.money import Basis, Cost
from engineshed.storage.ledger import SqlLedger, open_ledger

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
MARCH = "2024-03"


def settle(
    ledger: SqlLedger, n: int, asset: str, engine: str, usd: str | None, location: str = "web_graph", month: int = 3
) -> str:
    key = LaunchKey(f"run-{n}", asset, ("c1|d1",))
    lease = ledger.acquire(key.digest, "test", now=NOON, ttl_s=60)
    assert lease is not None
    intent = Intent(
        token=key.token(n),
        key=key,
        ordinal=n,
        run_id=f"run-{n}",
        asset=asset,
        job=asset,
        team="web",
        code_location=location,
        mode=Mode.FULL,
        engine=engine,
        offer="one",
        channel="files",
        address="/m",
        reserved_usd=Decimal(1),
        created_at=NOON,
    )
    ledger.record_intent(intent, lease)
    cost = None if usd is None else Cost(compute_usd=Decimal(usd), basis=Basis.METERED)
    at = NOON.replace(month=month)
    ledger.settle(intent.token, Settlement(outcome=Outcome.SUCCEEDED, run_id="r", settled_at=at, cost=cost), lease)
    return intent.token


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlLedger:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("ENGINESHED_LEDGER_URL", url)
    return open_ledger(url)


@pytest.fixture
def resource(tmp_path: Path) -> Engineshed:
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: web_graph\nhome: state\n")
    return Engineshed(location_file=str(path))


def report(*, location: str = "web_graph", **changes: Any) -> dg.Definitions:
    return cost_report(location, team="web", since="2024-01", **changes)


def page(resource: Engineshed, defs: dg.Definitions, month: str = MARCH) -> dict[str, Any]:
    """What the page of that month shows, by name."""
    (asset,) = defs.assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    done = dg.materialize([asset], partition_key=month, resources={"engineshed": resource})
    (made,) = done.get_asset_materialization_events()
    return {name: entry.value for name, entry in made.materialization.metadata.items()}


def test_the_page_has_the_months_table_and_its_sums_to_plot(ledger: SqlLedger, resource: Engineshed) -> None:
    for n, (asset, engine, usd) in enumerate(
        (("edges", "emr", "402.54"), ("edges", "sail", "1"), ("graph", "emr", "7")), 1
    ):
        settle(ledger, n, asset, engine, usd)
    shown = page(resource, report())
    assert next(iter(shown)) == "costs"
    assert shown["costs"].startswith("**$410.54** for 3 runs of web_graph in 2024-03 (UTC): metered $410.54 (100 %).")
    assert "| edges | emr | 1 | 0 | 0.00 | 402.54 | 0.00 | 0.00 | 402.54 | metered |" in shown["costs"]
    assert "| **total** |  | 3 | 0 | 0.00 | 410.54 | 0.00 | 0.00 | 410.54 | metered |" in shown["costs"]
    assert (shown["total_usd"], shown["metered_usd"], shown["billed_usd"]) == (410.54, 410.54, 0.0)
    assert (shown["asset/edges_usd"], shown["asset/graph_usd"]) == (403.54, 7.0)
    assert (shown["engine/emr_usd"], shown["engine/sail_usd"], shown["attempts"]) == (409.54, 1.0, 3.0)


def test_the_lines_keep_all_digits_under_the_names_of_the_schema(ledger: SqlLedger, resource: Engineshed) -> None:
    settle(ledger, 1, "edges", "emr", "0.000000012345")
    schema_and_lines = page(resource, report())["lines"]
    (line,) = schema_and_lines.records
    assert line.data["total_usd"] == "0.000000012345"
    assert list(line.data) == [column.name for column in schema_and_lines.schema.columns]


def test_a_month_has_what_was_settled_in_it_by_this_location(ledger: SqlLedger, resource: Engineshed) -> None:
    settle(ledger, 1, "edges", "emr", "1", month=2)
    settle(ledger, 2, "edges", "emr", "2")
    settle(ledger, 3, "edges", "emr", "4", location="other")
    settle(ledger, 4, "edges", "emr", "8", month=4)
    assert [page(resource, report(), month)["total_usd"] for month in ("2024-02", MARCH, "2024-04")] == [1.0, 2.0, 8.0]
    assert page(resource, report(), "2024-05")["costs"] == "Nothing was settled: web_graph in 2024-05 (UTC)."


def test_billed_figures_and_what_has_no_price_are_told(ledger: SqlLedger, resource: Engineshed) -> None:
    token = settle(ledger, 1, "edges", "emr", "10")
    settle(ledger, 2, "graph", "emr", "30")
    settle(ledger, 3, "graph", "emr", None)
    line = BillLine(
        account="aws:1", day=NOON.date(), identity="1", part=Part.COMPUTE, usd=Decimal("9.5"), what="x", token=token
    )
    ledger.record_bill(BillExport(exported_at=NOON.replace(day=8), source="cur", lines=(line,)))
    shown = page(resource, report(by=["engine"]))
    assert shown["costs"].startswith(
        "**$39.50** for 3 runs of web_graph in 2024-03 (UTC): billed $9.50 (24 %), metered $30.00 (76 %). "
        "1 of 3 runs have no known cost and add nothing."
    )
    assert "metered 76 %, billed 24 %" in shown["costs"]
    assert (shown["billed_usd"], shown["metered_usd"], shown["unpriced"]) == (9.5, 30.0, 1.0)


def test_a_long_table_shows_the_dearest_and_sums_the_rest(ledger: SqlLedger, resource: Engineshed) -> None:
    for n in range(1, 61):
        settle(ledger, n, f"asset_{n}", "emr", str(n))
    shown = page(resource, report())
    assert "| the rest |  | 10 | 0 | 0.00 | 55.00 | 0.00 | 0.00 | 55.00 | metered |" in shown["costs"]
    assert shown["total_usd"] == 60 * 61 / 2
    assert len(shown["lines"].records) == 60
    assert len([name for name in shown if name.startswith("asset/")]) == 20


def test_another_locations_report_is_refused(ledger: SqlLedger, resource: Engineshed) -> None:
    with pytest.raises(dg.Failure, match=r"cost_report\('other'\) runs in the code location 'web_graph'"):
        page(resource, report(location="other"))


def test_what_costs_cannot_be_told_by_is_refused_at_load() -> None:
    with pytest.raises(SettingInvalid, match="by colour: there are team"):
        report(by=["colour"])


@pytest.mark.parametrize(
    ("now", "months"),
    [("2024-04-05", ["2024-03", "2024-04"]), ("2024-04-15", ["2024-04"]), ("2024-01-03", ["2024-01"])],
)
def test_the_schedule_tells_this_month_and_for_ten_days_the_last(
    now: str, months: list[str], ledger: SqlLedger, resource: Engineshed
) -> None:
    defs = dg.Definitions.merge(report(), dg.Definitions(resources={"engineshed": resource}))
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(now).replace(hour=6, tzinfo=UTC),
        repository_def=defs.get_repository_def(),
    )
    schedule = defs.resolve_schedule_def("web_graph_costs")
    tick = schedule.evaluate_tick(context)
    assert [request.partition_key for request in tick.run_requests or ()] == months
    job = defs.resolve_job_def(schedule.job_name)
    (made,) = job.execute_in_process(partition_key=months[0]).get_asset_materialization_events()
    assert (made.asset_key, made.partition) == (dg.AssetKey(["web_graph", "costs"]), months[0])
