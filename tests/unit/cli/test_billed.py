"""`engineshed billed` beside `engineshed costs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid
from engineshed.model.launch import LaunchKey

TOKEN = LaunchKey("run-1", "edges", ("c1|d1",)).token(1)
OTHER = LaunchKey("run-9", "edges", ("c1|d1",)).token(9)

pytestmark = pytest.mark.usefixtures("ledger_url")


def billed(tmp_path: Path, *lines: str, exported: str = "2026-11-08", more: tuple[str, ...] = ()) -> str:
    file = tmp_path / "own.csv"
    file.write_text("\n".join(["account,day,part,cost_usd,token,what", *lines, ""]))
    done = CliRunner().invoke(cli, ["billed", str(file), "--exported", exported, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def costs(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["costs", "--month", "2026-11", *arguments], catch_exceptions=False).output


def test_bill_takes_the_place_of_what_was_metered(tmp_path: Path) -> None:
    assert "1 line of its attempts; billed anew: 1." in billed(tmp_path, f"own,2026-11-05,compute,400.00,{TOKEN},nodes")
    first, *_ = json.loads(costs("--by", "day", "--json"))
    assert (first["day"], first["total_usd"], first["by_basis"]) == ("2026-11-05", "400.00", {"billed": "400.00"})
    assert "The total is billed $400.00 (95 %), metered $19.30 (5 %)." in costs()
    (_, first_row, *_) = costs("--by", "day", "--csv").splitlines()
    assert first_row == "2026-11-05,1,0,0,0.0,400.00,0,0,400.00,402.54,400.00,0,0,billed"
    assert "billed anew: 0." in billed(tmp_path, f"own,2026-11-05,compute,400.00,{TOKEN},nodes")


def test_newer_export_holds_and_an_older_one_is_passed_over(tmp_path: Path) -> None:
    billed(tmp_path, f"own,2026-11-05,compute,400.00,{TOKEN},nodes")
    assert "billed anew: 1." in billed(tmp_path, f"own,2026-11-05,compute,390,{TOKEN},nodes", exported="2026-11-09")
    said = billed(tmp_path, f"own,2026-11-05,compute,1,{TOKEN},nodes", exported="2026-11-07T23:00")
    assert "1 line passed over: a later export has told their days." in said
    assert json.loads(costs("--by", "day", "--json"))[0]["total_usd"] == "390"


def test_lines_of_no_attempt_are_counted_and_shown_and_no_letter_steers_the_terminal(tmp_path: Path) -> None:
    said = billed(
        tmp_path,
        f"own,2026-11-05,compute,7.50,{OTHER},nodes",
        "own,2026-11-05,compute,2.25,,someone \x1b[2Jelse",
        "own,2026-11-05,compute,1.25,,someone \x1b[2Jelse",
        more=("--unmatched", str(tmp_path / "rest.csv")),
    )
    assert "Tokens of no attempt on record: 1 line of $7.50." in said
    assert f"{OTHER}  own  $7.50" in said
    assert "Without a token or run of ours: 2 lines of $3.50." in said
    assert "own  someone ?[2Jelse  $3.50" in said
    assert len((tmp_path / "rest.csv").read_text().splitlines()) == 4


def test_a_file_of_which_a_line_is_wrong_changes_nothing(tmp_path: Path) -> None:
    before = costs("--csv")
    with pytest.raises(SettingInvalid, match=r"own\.csv, line 3, column cost_usd"):
        billed(tmp_path, f"own,2026-11-05,compute,400.00,{TOKEN},a", f"own,2026-11-05,compute,x,{TOKEN},b")
    assert costs("--csv") == before


def test_a_moment_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="write it as 2026-12-02T06:00"):
        billed(tmp_path, f"own,2026-11-05,compute,400.00,{TOKEN},a", exported="soon")
