"""Boards, rules, table, files and pages agree; what they are made into is current."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from make.grafana import as_grafana

from engineshed.telemetry.boards import BOARDS, Board, Panel
from engineshed.telemetry.boards.panels import Draw, Unit
from engineshed.telemetry.metrics import BY_NAME, MESSAGES_DUPLICATE, MESSAGES_LOST, Kind, Metric
from engineshed.telemetry.rules import ALERTS, RECORDINGS, RUNBOOKS, as_rules

ROOT = Path(__file__).parents[3]
PANELS = [(board, panel) for board in BOARDS for row in board.rows for panel in row.panels]
OF_DISCOVERY = re.compile(r"engineshed_discovery_\w+")


def table_name(series: str) -> str:
    """The table's name of a series: a histogram's have endings of their own."""
    base = re.sub(r"_(bucket|count|sum)$", "", series)
    return base if base in BY_NAME and BY_NAME[base].kind is Kind.HISTOGRAM else series


def unknown(expr: str) -> set[str]:
    recorded = {recording.name for recording in RECORDINGS}
    names = set(re.findall(r"(?:team:)?engineshed_[\w:]+", expr)) - recorded
    return {name for name in names if table_name(name) not in BY_NAME and not OF_DISCOVERY.fullmatch(name)}


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda one: one.title)
def test_a_panel_asks_for_metrics_and_labels_that_there_are(board: Board, panel: Panel) -> None:
    for query in panel.queries:
        assert unknown(query.expr) == set()
        named = re.findall(r"(engineshed_\w+)", query.expr)
        have = {label for name in named if table_name(name) in BY_NAME for label in BY_NAME[table_name(name)].labels}
        if not OF_DISCOVERY.search(query.expr):
            assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= have
            by = {label for group in re.findall(r"by \(([^)]*)\)", query.expr) for label in group.split(", ") if label}
            assert by - {"le"} <= have
        assert set(re.findall(r"\$(team|code_location|engine)\b", query.expr)) <= set(board.variables)


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda one: one.title)
def test_a_panel_says_what_it_shows(board: Board, panel: Panel) -> None:
    assert panel.description.endswith(".")
    assert 0 < panel.width <= 24
    assert panel.warn is None or panel.alarm is None or (panel.warn > panel.alarm) == panel.low_is_bad
    assert len(panel.queries) == 1 or all(query.legend for query in panel.queries)


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda one: one.title)
def test_a_number_that_can_be_bad_shows_it(board: Board, panel: Panel) -> None:
    neither_good_nor_bad = ("Live attempts", "Spent")
    if panel.draw is Draw.NUMBER and panel.title not in neither_good_nor_bad:
        assert panel.warn is not None or panel.alarm is not None


@pytest.mark.parametrize("counter", [MESSAGES_LOST, MESSAGES_DUPLICATE], ids=lambda counter: counter.name)
def test_one_message_lost_or_doubled_is_red(counter: Metric) -> None:
    [panel] = [panel for _, panel in PANELS if any(counter.name in query.expr for query in panel.queries)]
    assert panel.alarm == 1


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda one: one.title)
def test_what_counts_bytes_dollars_or_seconds_has_that_unit(board: Board, panel: Panel) -> None:
    named = {table_name(name) for query in panel.queries for name in re.findall(r"engineshed_\w+", query.expr)}
    units = {BY_NAME[name].unit for name in named if name in BY_NAME}
    wanted = {"bytes": Unit.BYTES, "US dollars": Unit.USD, "seconds": Unit.SECONDS}
    assert panel.unit in {wanted[unit] for unit in units if unit in wanted} or not units & set(wanted)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_grafana_gets_units_thresholds_descriptions_and_no_overlap(board: Board) -> None:
    made = json.loads(as_grafana(board, "http://dagster"))
    assert (made["uid"], made["title"]) == (board.uid, board.title)
    assert {v["name"] for v in made["templating"]["list"]} == {"datasource", *board.variables}
    assert [link for link in made["links"] if link.get("url") == "http://dagster/runs"]
    places: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        spot = panel["gridPos"]
        across, down = range(spot["x"], spot["x"] + spot["w"]), range(spot["y"], spot["y"] + spot["h"])
        cells = {(x, y) for x in across for y in down}
        assert not cells & places, panel["title"]
        assert spot["x"] + spot["w"] <= 24
        places |= cells
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            assert all(target["expr"] and target["refId"] for target in panel["targets"])


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_what_is_made_fits_grafanas_schema(board: Board) -> None:
    """Grafana's own model reads it and writes the same again: nothing in it is unknown or of another form."""
    made = json.loads(as_grafana(board, "http://dagster"))
    again = json.loads(json.dumps(Dashboard.from_json(made), cls=JSONEncoder))
    assert again == made


def test_boards_have_stable_addresses_and_names_of_their_own() -> None:
    assert len({board.uid for board in BOARDS}) == len({board.title for board in BOARDS}) == len(BOARDS) == 6


def test_every_metric_is_on_a_board_or_in_a_rule() -> None:
    used = " ".join([q.expr for _, panel in PANELS for q in panel.queries] + [a.expr for a in ALERTS])
    unseen = {name for name in BY_NAME if not re.search(rf"{name}(_bucket|_count|_sum)?\b", used)}
    assert unseen == {
        "engineshed_attempts_started_total",
        "engineshed_attempts_submitted_total",
        "engineshed_exporter_series_folded_total",
    }


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_has_a_severity_a_summary_and_a_page(alert) -> None:
    assert unknown(alert.expr) == set()
    assert alert.severity in {"critical", "warning"}
    assert alert.summary.endswith(".")
    page = (ROOT / RUNBOOKS / f"{alert.runbook}.md").read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert re.search(r"^1\. ", page, re.MULTILINE)


def test_every_page_is_of_an_alert_and_its_links_lead_somewhere() -> None:
    pages = {path.stem: path for path in (ROOT / RUNBOOKS).glob("*.md")}
    assert set(pages) == {alert.runbook for alert in ALERTS}
    for path in pages.values():
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).is_file(), f"{path.name}: {link}"


def test_rules_are_one_file_for_prometheus_and_its_operator() -> None:
    recordings, alerts = as_rules()["groups"]
    assert [rule["record"] for rule in recordings["rules"]] == [recording.name for recording in RECORDINGS]
    assert [rule["alert"] for rule in alerts["rules"]] == [alert.name for alert in ALERTS]


def test_what_the_chart_ships_is_current() -> None:
    command = [sys.executable, "-m", "make.boards", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
