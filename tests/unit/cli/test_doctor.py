"""`engineshed doctor`: what it finds of ledger and data root, and one line where the settings themselves are wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from engineshed.cli import cli, main


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ENGINESHED_LOCATION", "ENGINESHED_PLATFORM", "ENGINESHED_LEDGER_URL", "ENGINESHED_TEAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: web_graph\n")
    return path


def test_ledger_and_data_root_are_tried_and_left_as_they_were(location: Path) -> None:
    data = location.parent / "data"
    location.write_text(location.read_text() + "data_root: data\n")
    done = CliRunner().invoke(cli, ["doctor", "--location", str(location)])
    assert "ledger.db, schema 0003" in done.output
    assert f"{data}: an object was written if absent, listed, read and deleted" in done.output
    assert not list(data.iterdir())


@pytest.mark.parametrize("key", ["data_root", "exchange_root"])
def test_a_root_that_cannot_be_written_is_not_ready(location: Path, key: str) -> None:
    (location.parent / "file").write_text("no folder\n")
    location.write_text(location.read_text() + f"{key}: {location.parent / 'file'}\n")
    done = CliRunner().invoke(cli, ["doctor", "--location", str(location)])
    assert done.exit_code == 1
    subject = {"data_root": "data root", "exchange_root": "exchange"}[key]
    assert f"Not ready: {subject}." in done.output
    assert "Not a directory" in done.output
    assert f"or name another {subject} in location.yaml" in done.output


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ENGINESHED_HOME", "{folder}/file/home", "the home folder {folder}/file/home cannot be made"),
        ("ENGINESHED_HOME", "{folder}/file", "the home folder {folder}/file cannot be made"),
        ("ENGINESHED_HOME", "/proc", "ledger /proc/ledger.db: no file can be written beside it"),
        ("ENGINESHED_LOCATION", "{folder}", "settings file {folder} cannot be read"),
        ("ENGINESHED_LOCATION", "{folder}/file", "settings file {folder}/file is no YAML"),
        ("ENGINESHED_LOCATION", "{folder}/bytes", "settings file {folder}/bytes cannot be read"),
        (
            "ENGINESHED_LEDGER_URL",
            "sqlite:///{folder}/file",
            "ledger sqlite:///{folder}/file is damaged (file is not a",
        ),
    ],
)
def test_what_cannot_be_read_or_made_is_one_line_and_code_2(
    location: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    said: str,
) -> None:
    folder = location.parent
    (folder / "file").write_text(": :\n" * 300)
    (folder / "bytes").write_bytes(b"team: \xff\n")
    monkeypatch.setenv(variable, value.format(folder=folder))
    monkeypatch.setattr(sys, "argv", ["engineshed", "doctor", "--location", str(location)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + said.format(folder=folder))
