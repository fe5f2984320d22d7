"""A small project as a team would have it, with YAML assets in its defs folder."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.utils import DefsFolderSandbox

from engineshed import SparkAssetComponent
from engineshed.model.errors import SettingInvalid

ASSET: dict[str, Any] = {
    "asset": "graph/links",
    "team": "web-graph",
    "inputs": ["graph/pages"],
    "job": {"script": "links.py", "tables": ["links"]},
}


@dataclass(frozen=True)
class Assets:
    """The defs folder of a project."""

    sandbox: DefsFolderSandbox

    @property
    def folder(self) -> Path:
        return self.sandbox.defs_folder_path

    @staticmethod
    def attributes(changes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of the sample asset with keys changed, named by their paths."""
        attributes = copy.deepcopy(ASSET)
        for key, value in changes.items():
            *parents, last = key.split(".")
            place = attributes
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        return attributes

    def write(self, attributes: Mapping[str, Any] | str | None, name: str = "links") -> Path:
        """A defs.yaml and the script that the sample asset names; attributes as data or as YAML text."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "links.py").write_text("print('no rows')\n")
        file = folder / "defs.yaml"
        head = "type: engineshed.assets.SparkAssetComponent\nattributes:"
        if isinstance(attributes, str):
            file.write_text(f"{head}\n{attributes}")
        elif attributes is None:
            file.write_text(f"{head}\n")
        else:
            file.write_text(yaml.safe_dump({"type": head.split()[1], "attributes": dict(attributes)}, sort_keys=False))
        return file

    @contextlib.contextmanager
    def built(self, file: Path) -> Iterator[tuple[SparkAssetComponent, dg.Definitions]]:
        """The component of a file and its definitions, as Dagster loads them."""
        with self.sandbox.load_component_and_build_defs(file.parent) as (component, definitions):
            assert isinstance(component, SparkAssetComponent)
            yield component, definitions

    def refusal(self, file: Path) -> str:
        """What a person reads when the file does not load."""
        with pytest.raises(Exception) as caught, self.built(file):  # noqa: PT011  # Dagster wraps it, looked into below
            pass
        error: BaseException | None = caught.value
        while error is not None and not isinstance(error, SettingInvalid):
            error = error.__cause__
        assert isinstance(error, SettingInvalid), f"not refused by us: {caught.value!r}"
        return str(error)


@pytest.fixture
def assets() -> Iterator[Assets]:
    with create_defs_folder_sandbox() as sandbox:
        yield Assets(sandbox)
