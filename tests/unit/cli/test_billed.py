"""`engineshed billed` beside `engineshed costs`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engineshed.cli import cli
from engineshed.model.launch import LaunchKey


@pytest.mark.usefixtures("ledger_url")
def test_bill_replaces_what_costs_shows_and_the_rest_is_listed(tmp_path: Path) -> None:
    token = LaunchKey("run-1", "edges", ("c1|d1",)).token(1)
    file = tmp_path / "own.csv"
    file.write_text(
        f"account,day,part,cost_usd,token,what\nown,2026-11-05,compute,400.00,{token},nodes\n"
        "own,2026-11-05,compute,7.50,,someone else\n"
    )
    arguments = ["billed", str(file), "--exported", "2026-11-08", "--unmatched", str(tmp_path / "rest.csv")]
    said = CliRunner().invoke(cli, arguments, catch_exceptions=False).output
    assert "1 attempts have a new billed cost" in said
    assert "1 lines of $7.50 belong to no attempt" in said
    assert "someone else" in (tmp_path / "rest.csv").read_text()
    shown = CliRunner().invoke(cli, ["costs", "--by", "day", "--month", "2026-11", "--csv"]).output
    assert "2026-11-05,1,0,0,0.0,400.00,0,0,400.00,402.54,billed" in shown
