"""`engineshed costs` as people and spreadsheets call it."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid


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
