"""The registry is published as it is, and a wrong file is refused by name."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from company_registry import assets
from company_registry.assets import COLUMNS, LOCATION_FILE, SEEDS_FILE, RegistryInvalid, read_seeds, seeds
from engineshed import Engineshed


def test_the_shipped_registry_has_its_columns_as_text() -> None:
    table = read_seeds(SEEDS_FILE)
    assert tuple(table.column_names) == COLUMNS
    assert {str(t) for t in table.schema.types} == {"string"}
    assert table.num_rows > 60


def test_missing_columns_are_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text("organisation,website\nPostgreSQL,https://www.postgresql.org/\n")
    with pytest.raises(RegistryInvalid, match=r"lacks the columns url, sector, country; it has organisation, website"):
        read_seeds(path)


def test_the_check_is_explained_and_keeps_consumers_from_an_empty_registry() -> None:
    [check] = seeds.check_specs
    assert check.description
    assert check.blocking


def test_an_empty_registry_fails_the_check_and_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text(",".join(COLUMNS) + "\n")
    monkeypatch.setattr(assets, "SEEDS_FILE", path)
    monkeypatch.setenv("ENGINESHED_HOME", str(tmp_path / "home"))
    resources = {"engineshed": Engineshed(location_file=LOCATION_FILE)}
    done = dg.materialize([seeds], resources=resources, raise_on_error=False)
    assert not done.success
    assert [(check.check_name, check.passed) for check in done.get_asset_check_evaluations()] == [
        ("seeds_has_rows", False)
    ]
    assert done.get_asset_materialization_events() == []
    assert list((tmp_path / "home").glob("data/**/*.parquet")) == []
