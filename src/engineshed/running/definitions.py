"""The definitions of a code location, loaded in this process: which Spark assets it has, and their partitions."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster.components.definitions import LazyDefinitions

from engineshed.model.errors import ConfigurationInvalid
from engineshed.running.declared import from_metadata
from engineshed.running.order import Declared
from engineshed.running.partition_keys import partition_keys
from engineshed.running.premises import Premises

BACKFILL_SENSOR = "engineshed_backfills"
"""The name of the sensor that carries out a location's backfills."""


class LocationDefinitions:
    """Those of the module beside location.yaml, or of `definitions` in it. Raises ConfigurationInvalid."""

    def __init__(self, premises: Premises) -> None:
        self._definitions = _loaded(module_of(premises.location_file))

    def assets(self) -> list[Declared]:
        """The Spark assets."""
        found = (
            from_metadata("/".join(spec.key.path), spec.metadata, ("/".join(dep.asset_key.path) for dep in spec.deps))
            for spec in self._definitions.resolve_all_asset_specs()
        )
        return [declared for declared in found if declared is not None]

    def partition_keys(self, assets: Sequence[str]) -> tuple[str, ...]:
        """Those that the assets have in common. Raises SettingInvalid."""
        specs = {"/".join(spec.key.path): spec for spec in self._definitions.resolve_all_asset_specs()}
        with _instance() as store:
            return partition_keys({name: specs[name].partitions_def for name in assets}, store)

    def carries_out_backfills(self) -> bool:
        """Whether the sensor for it is among them."""
        return any(getattr(sensor, "name", "") == BACKFILL_SENSOR for sensor in self._definitions.sensors or ())


def module_of(location_file: Path) -> str:
    """The module that the folder of location.yaml is: its packages' names, joined by dots."""
    parts = [location_file.parent.name]
    for folder in location_file.parent.parents:
        if not (folder / "__init__.py").is_file():
            break
        parts.insert(0, folder.name)
    return ".".join(parts)


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance | None]:
    """The instance that DAGSTER_HOME names, for the keys of dynamic partitions; None where it names none."""
    try:
        instance = dg.DagsterInstance.get()
    except dg.DagsterError:
        yield None
        return
    with instance:
        yield instance


def _loaded(name: str) -> dg.Definitions:
    problems: list[str] = []
    for module in (f"{name}.definitions", name):
        try:
            loaded = importlib.import_module(module)
        except ModuleNotFoundError as error:
            problems.append(str(error))
            continue
        for value in vars(loaded).values():
            if isinstance(value, dg.Definitions):
                return value
            if isinstance(value, LazyDefinitions) and isinstance(made := value(), dg.Definitions):
                return made
    raise ConfigurationInvalid(
        f"no Dagster definitions are found in the module {name!r} ({'; '.join(problems) or 'it defines none'}): "
        "install the code location here, or name its location.yaml with --location."
    )
