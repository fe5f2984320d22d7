"""The commands `reap` and `migrate` as people and CronJobs call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engineshed.cli import cli
from engineshed.model.errors import SettingInvalid


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "location.yaml"
    path.write_text("team: web\ncode_location: web_graph\nhome: home\n")
    for name in ("ENGINESHED_LOCATION", "ENGINESHED_PLATFORM", "ENGINESHED_LEDGER_URL", "ENGINESHED_TEAM"):
        monkeypatch.delenv(name, raising=False)
    return path


def test_without_an_instance_nothing_is_called_over(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home in ("", str(location.parent / "nowhere")):
        monkeypatch.setenv("DAGSTER_HOME", home)
        done = CliRunner().invoke(cli, ["reap", "--location", str(location)])
        assert isinstance(done.exception, SettingInvalid)
        assert "set DAGSTER_HOME" in str(done.exception)


def test_an_empty_ledger_has_nothing_to_reap(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(location.parent))
    (location.parent / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    for arguments in ([], ["--leaving", "end"], ["--leaving", "refuse"], ["--dry-run"]):
        done = CliRunner().invoke(cli, ["reap", "--json", "--location", str(location), *arguments])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == []


def test_what_nobody_needs_any_more_is_deleted_from_the_exchange_once_a_day(
    location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(location.parent))
    (location.parent / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    exchange = location.parent / "exchange"
    location.write_text(f"{location.read_text()}exchange_root: {exchange}\n")
    staged = exchange / "staged" / "2020-01" / "digest" / "job.py"
    staged.parent.mkdir(parents=True)
    staged.write_text("print()")

    def collected(*arguments: str) -> list[str]:
        done = CliRunner().invoke(cli, ["reap", "--json", "--location", str(location), *arguments])
        assert done.exit_code == 0, done.output
        return [found["place"] for found in json.loads(done.stdout) if found["deed"] == "collected"]

    assert collected("--dry-run") == ["staged/2020-01"]
    assert collected("--leaving", "end") == []
    assert staged.exists()
    assert collected("--keep-staged", "1000") == ["staged/2020-01"]
    assert not staged.exists()
    assert collected("--dry-run") == []


def test_migrate_names_the_ledger_and_its_schema(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINESHED_LEDGER_URL", f"sqlite:///{location.parent / 'ledger.db'}")
    for _ in range(2):
        done = CliRunner().invoke(cli, ["migrate"])
        assert done.exit_code == 0
        assert "is at schema 0" in done.output
    assert (location.parent / "ledger.db").exists()


def test_migrate_without_a_ledger_says_where_to_name_it(location: Path) -> None:
    done = CliRunner().invoke(cli, ["migrate"])
    assert isinstance(done.exception, SettingInvalid)
    assert "ledger_url" in str(done.exception)


def test_migrate_gives_up_on_a_server_that_never_comes(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINESHED_LEDGER_URL", "postgresql://u@127.0.0.1:1/d")
    done = CliRunner().invoke(cli, ["migrate", "--wait", "0"])
    assert done.exit_code != 0
    assert "locked or away" in str(done.exception)
