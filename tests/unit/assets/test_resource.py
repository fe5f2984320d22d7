"""The resource reads the environment of its process."""

from __future__ import annotations

import pytest

from engineshed import Engineshed
from engineshed.model.errors import SettingInvalid


@pytest.fixture
def location_file(tmp_path, monkeypatch):
    """A location.yaml on a platform whose ledger needs a password."""
    platform = tmp_path / "platform.yaml"
    platform.write_text(
        "ledger_url: postgresql+psycopg2://dagster@db:5432/dagster\nledger_password_env: DATABASE_PASSWORD\n"
    )
    monkeypatch.setenv("ENGINESHED_PLATFORM", str(platform))
    path = tmp_path / "location.yaml"
    path.write_text("team: alpha\ncode_location: alpha_one\nhome: state\n")
    return str(path)


def test_the_variable_that_the_platform_names_reaches_the_shed(location_file, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    seen = []
    monkeypatch.setattr("engineshed.running.opening.open_ledger", seen.append)
    Engineshed(location_file=location_file).shed()
    assert [":secret@" in url for url in seen] == [True]


def test_definitions_of_a_platform_without_its_password_are_refused_by_its_name(location_file, monkeypatch):
    monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
    with pytest.raises(SettingInvalid, match="DATABASE_PASSWORD"):
        Engineshed(location_file=location_file)
