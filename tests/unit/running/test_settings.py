"""Wrong settings fail at load, naming file, key, fact and what is allowed; the environment lies over the files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.ports.engine import Surroundings
from engineshed.running.premises import read_premises
from engineshed.running.roster import build_roster, check_engines
from engineshed.running.settings import read_location, read_platform
from engineshed.running.system_clock import SystemClock

GOOD = "team: web\ncode_location: web_graph\n"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "location.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "engnes: {}\n", r"engnes: unknown key, is it engines\?; allowed here: .*engines"),
        (
            GOOD + "objective: {prefr: [sail]}\n",
            r"objective.prefr: .*is it prefer\?; allowed here: .*prefer",
        ),
        (GOOD + "mode: half\n", r"mode: .*\(got 'half'\)"),
        (GOOD + "objective: {budget_usd: -3}\n", r"objective.budget_usd: .*\(got -3\)"),
        ("code_location: web_graph\n", r"team: Field required"),
        ("[1, 2]", "holds a list"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_wrong_location_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingInvalid, match=said) as caught:
        read_location(_file(tmp_path, text))
    assert "location.yaml" in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="does not exist"):
        read_platform(tmp_path / "platform.yaml")


def test_no_platform_file_means_embedded_defaults() -> None:
    assert read_platform(None).prices == {}


def test_paths_are_relative_to_the_file_and_the_environment_lies_over_them(tmp_path: Path) -> None:
    path = _file(tmp_path, GOOD + "home: ../home\npayloads: jobs\ndata_root: ../data\n")
    plain = read_premises(str(path), {})
    assert plain.home == (tmp_path.parent / "home").resolve()
    assert plain.payloads == (tmp_path / "jobs").resolve()
    assert plain.data_root == str((tmp_path.parent / "data").resolve())
    over = read_premises(
        str(path),
        {
            "ENGINESHED_HOME": str(tmp_path / "h"),
            "ENGINESHED_DATA_ROOT": "s3://bucket/prefix",
            "ENGINESHED_LEDGER_URL": "postgresql+psycopg2://host/db",
            "ENGINESHED_EXPORTER_URL": "http://127.0.0.1:9103",
            "ENGINESHED_IMAGE_DIGEST": "sha256:1",
        },
    )
    assert over.home == tmp_path / "h"
    assert over.data_root == "s3://bucket/prefix"
    assert over.platform.ledger_url == "postgresql+psycopg2://host/db"
    assert over.platform.exporter_url == "http://127.0.0.1:9103"
    assert over.image_digest == "sha256:1"


def _surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(home=str(tmp_path), python="python3", clock=SystemClock())


def test_an_engine_that_is_not_installed_is_refused_naming_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(
        SettingInvalid, match=r"engines.emrr: not installed, is it emr\? Installed engines: .*local.*sail"
    ):
        build_roster({"emrr": {}}, {}, _surroundings(tmp_path))


def test_a_wrong_setting_of_a_named_engine_fails_at_load(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="coers"):
        build_roster({"sail": {"coers": 2}}, {}, _surroundings(tmp_path))


def test_the_built_in_engines_come_by_entry_point(tmp_path: Path) -> None:
    roster = build_roster({}, {}, _surroundings(tmp_path))
    assert {"local", "sail"} <= set(roster.engines)
    assert "files" in roster.channels


def test_the_ledgers_password_comes_from_the_variable_that_the_file_names(tmp_path: Path) -> None:
    location = _file(tmp_path, GOOD)
    platform = tmp_path / "platform.yaml"
    platform.write_text("ledger_url: postgresql+psycopg2://dagster@db:5432/dagster\nledger_password_env: PG_PASSWORD\n")
    env = {"ENGINESHED_PLATFORM": str(platform)}
    with pytest.raises(SettingInvalid, match="PG_PASSWORD, which is not set"):
        read_premises(str(location), env)
    premises = read_premises(str(location), {**env, "PG_PASSWORD": "p@ss/word"})
    assert premises.platform.ledger_url == "postgresql+psycopg2://dagster:p%40ss%2Fword@db:5432/dagster"


def test_the_namespaces_team_must_be_the_files(tmp_path: Path) -> None:
    location = _file(tmp_path, GOOD)
    team = read_premises(str(location), {}).location.team
    assert read_premises(str(location), {"ENGINESHED_TEAM": team}).location.team == team
    with pytest.raises(SettingInvalid, match="namespace of team 'registry'"):
        read_premises(str(location), {"ENGINESHED_TEAM": "registry"})


@pytest.mark.parametrize("key", ["pin", "prefer", "forbid"])
def test_an_objective_names_engines_that_are_installed(tmp_path: Path, key: str) -> None:
    value = "sali" if key == "pin" else "[sail, sali]"
    path = _file(tmp_path, GOOD + f"objective: {{{key}: {value}}}\n")
    with pytest.raises(SettingInvalid, match=rf"objective\.{key}: no such engine; .*local, sail.*'sali'") as caught:
        read_premises(str(path), {})
    assert str(path) in str(caught.value)


def test_the_settings_of_named_engines_are_checked_without_what_they_need_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    for sdk in ("pysail", "pyspark"):
        monkeypatch.setitem(sys.modules, sdk, None)
    check_engines({"sail": {"cores": 1}, "local": {}}, _surroundings(tmp_path))
    with pytest.raises(SettingInvalid, match=r"engines\.sail\.frob does not exist: allowed are .*cores"):
        check_engines({"sail": {"frob": 1}}, _surroundings(tmp_path))
    with pytest.raises(SettingInvalid, match=r"engines\.sali: not installed"):
        check_engines({"sali": {}}, _surroundings(tmp_path))


def test_an_engine_whose_sdk_is_missing_is_left_to_the_step_that_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "engineshed.engines.sail", None)
    check_engines({"sail": {}}, _surroundings(tmp_path))
