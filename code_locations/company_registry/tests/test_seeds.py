"""The registry is published as it is, and a wrong file is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from company_registry.assets import COLUMNS, SEEDS_FILE, RegistryInvalid, read_seeds


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
