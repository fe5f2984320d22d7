"""`engineshed plan` over tables of past runs. Over an asset of a code location: tests/integration/web_graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *words])


def plans(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call(*words, "--json").output)
    return told


def test_the_papers_plans_are_listed_cheapest_first_with_those_that_are_dominated() -> None:
    told = plans("--paper")
    assert told["steps"] == ["nodes_only", "edges", "graph", "graph_aggr"]
    assert told["chosen"]["plan"] == ["emr", "emr", "emr", "databricks"]
    assert len(told["plans"]) == 16
    costs = [plan["cost_usd"] for plan in told["plans"]]
    assert costs == sorted(costs)
    (mix,) = [p for p in told["plans"] if p["plan"] == ["emr", "emr", "databricks", "emr"]]
    assert mix["dominated"]
    assert told["ties"] == [["databricks", "emr", "emr", "databricks"]]


def test_budget_and_deadline_hold_and_the_fastest_within_the_budget_is_told() -> None:
    told = plans("--paper", "--budget", "500", "--deadline", "11.2")
    assert told["chosen"] == {
        "plan": ["emr", "emr", "databricks", "databricks"], "cost_usd": 424.795, "hours": 11.12, "dominated": False
    }  # fmt: skip
    assert told["fastest"]["hours"] == 10.96
    text = call("--paper", "--budget", "500", "--deadline", "11.2").output
    assert "Chosen: emr, emr, databricks, databricks for $424.80 in 11.12 h." in text


def test_what_cannot_be_kept_is_said_with_exit_code_1() -> None:
    found = call("--paper", "--deadline", "6")
    assert found.exit_code == 1
    assert "the cheapest costs $411.84, the fastest takes 6.43 h" in found.output
    assert plans("--paper", "--deadline", "6")["chosen"] is None


def test_a_table_of_ones_own_is_planned_and_a_wrong_one_refused_by_place(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("step,engine,hours,cost_usd\nload,spark,2,1.5\nload,emr,1,4\n")
    assert plans("--history", str(table), "--value-of-hour", "2")["chosen"]["plan"] == ["spark"]
    assert plans("--history", str(table), "--deadline", "1.5")["chosen"]["plan"] == ["emr"]
    table.write_text("step,engine,hours,cost_usd\nload,spark,two,1.5\n")
    with pytest.raises(SettingInvalid, match=r"runs\.csv, line 2, column hours: 'two' is no number"):
        CliRunner().invoke(cli, ["plan", "--history", str(table)], catch_exceptions=False)


def test_what_misses_the_deadline_or_is_dominated_is_no_tie() -> None:
    ties = json.loads(call("--paper", "--deadline", "11", "--json").output)["ties"]
    assert ties == [], "EMR, EMR, Databricks, Databricks costs nine cents less and takes 11.12 hours"
    ties = json.loads(call("--paper", "--deadline", "11.12", "--json").output)["ties"]
    assert ties == [["databricks", "emr", "databricks", "databricks"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name an asset"),
        (("edges", "--paper"), "give one of ASSET, --history and --paper"),
        (("--paper", "--confidence", "0.9", "--engine", "emr"), "--confidence, --engine says nothing to a table"),
        (("--paper", "--partition", "2026"), "--partition says nothing to a table of past runs"),
        (("--paper", "--deadline", "soon"), "--deadline 'soon' is no number of hours"),
        (("--history", "nowhere.csv"), r"nowhere\.csv cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingInvalid, match=said):
        CliRunner().invoke(cli, ["plan", *words], catch_exceptions=False)


def test_a_budget_that_is_no_money_is_refused() -> None:
    found = call("--paper", "--budget", "NaN")
    assert found.exit_code == 2
    assert "no amount of dollars" in found.output
