"""The page about YAML assets keeps up with the schema."""

from __future__ import annotations

import re
from pathlib import Path

from engineshed import SparkAssetComponent
from engineshed.running.asset_files import check_files

PAGE = (Path(__file__).parents[3] / "docs" / "yaml-assets.md").read_text(encoding="utf-8")


def test_the_example_is_valid(assets):
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = assets.write(None)
    file.write_text(example)

    assert check_files([file]) == []
    with assets.built(file) as (component, _):
        assert component.asset == "graph/links"


def test_every_key_is_documented():
    schema = SparkAssetComponent.model_json_schema()
    keys = {key for part in [schema, *schema["$defs"].values()] for key in part.get("properties", {})}

    assert {key for key in keys if f"`{key}`" not in PAGE and f"`{key}:" not in PAGE} == set()
